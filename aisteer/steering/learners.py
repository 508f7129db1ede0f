"""Which surrogate learns an outcome: the one that was asked for, or the Gaussian process where that cannot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisteer.errors import BadOutcome
from aisteer.problem.surrogate_names import SURROGATES
from aisteer.steering.domains import Domain
from aisteer.surrogates.gaussian_process import GaussianProcess, Remembered, fit
from aisteer.surrogates.protocol import NotFitted

__all__ = ["learned"]

Array = NDArray[np.float64]


def learned(
    name: str, x: Array, y: Array, error: Array, *, domain: Domain, remembered: Remembered, seed: int
) -> tuple[GaussianProcess, str]:
    """The surrogate called ``name``, fitted; and words where it is another one than was asked for.

    Args:
        name: One of ``SURROGATES``.
        x: Inputs, shape ``(n, d)``.
        y: Outcomes, the larger the better, shape ``(n,)``.
        error: Their standard errors, 0 where not known, shape ``(n,)``.
        domain: The space.
        remembered: Of fits of the Gaussian process.
        seed: Of the ensemble.
    """
    words = "" if name in SURROGATES else f"There is no surrogate {name!r:.60}; the Gaussian process is used."
    if name == "deep ensemble":
        from aisteer.surrogates import deep_ensemble  # Only who asks for one loads it.
        from aisteer.surrogates.members import MembersProcess

        try:
            ensemble = deep_ensemble.fit(x, y, error, columns=domain.columns(), seed=seed)
            return MembersProcess(ensemble), ""
        except (NotFitted, BadOutcome) as refused:
            words = f"{refused} The Gaussian process is used meanwhile."
    return fit(x, y, error, domain.kernels(), remembered), words
