"""Which surrogate learns an outcome: the one that was asked for, or the Gaussian process where that cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisteer.errors import BadOutcome
from aisteer.problem.surrogate_names import SURROGATES, is_reference
from aisteer.steering.domains import Domain
from aisteer.surrogates.gaussian_process import Remembered, fit
from aisteer.surrogates.posterior import GaussianProcess
from aisteer.surrogates.protocol import NotFitted

if TYPE_CHECKING:
    from aisteer.steering.foreign_learners import ForeignLearner

__all__ = ["INSTEAD", "Learned", "learned"]

Array = NDArray[np.float64]

INSTEAD = "The Gaussian process is used meanwhile."
"""What is said wherever another surrogate cannot be used."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of learning an outcome.

    Attributes:
        process: The surrogate, fitted, in the sense in which larger is better.
        surrogate: Its name, as a policy is asked for it.
        words: Where it is another one than was asked for: why.
        fault: Whether that is since the one that was asked for failed, and not only for too few outcomes.
    """

    process: GaussianProcess
    surrogate: str
    words: str = ""
    fault: bool = False


def learned(
    name: str,
    x: Array,
    y: Array,
    error: Array,
    *,
    domain: Domain,
    remembered: Remembered,
    seed: int,
    sign: float = 1.0,
    own: ForeignLearner | None = None,
) -> Learned:
    """The surrogate called ``name``, fitted; or the Gaussian process, with words, where that cannot learn.

    Args:
        name: One of ``SURROGATES``, or the reference to one of the user's own.
        x: Inputs, shape ``(n, d)``.
        y: Outcomes, the larger the better, shape ``(n,)``.
        error: Their standard errors, 0 where not known, shape ``(n,)``.
        domain: The space.
        remembered: Of fits of the Gaussian process.
        seed: Of the ensemble, or of what is held out.
        sign: What outcomes were multiplied by.
        own: What learns with the user's own; ``None`` where his code may not run.
    """
    words, fault = "", False
    try:
        if name == "deep ensemble":
            from aisteer.surrogates import deep_ensemble  # Only who asks for one loads it.
            from aisteer.surrogates.members import MembersProcess

            ensemble = deep_ensemble.fit(x, y, error, columns=domain.columns(), seed=seed)
            return Learned(MembersProcess(ensemble), name)
        if is_reference(name) and own is not None:
            return Learned(own.fit(x, y, error, domain=domain, sign=sign, seed=seed), name)
    except (NotFitted, BadOutcome) as refused:
        words, fault = f"{refused} {INSTEAD}", is_reference(name) and "needed" not in refused.facts
    if is_reference(name) and own is None:
        words = (
            f"The surrogate {name!r:.60} is code of the campaign's owner, which is not run here. {INSTEAD}"
        )
    elif name not in SURROGATES and not words:
        words = f"There is no surrogate {name!r:.60}; the Gaussian process is used."
    return Learned(fit(x, y, error, domain.kernels(), remembered), SURROGATES[0], words, fault)
