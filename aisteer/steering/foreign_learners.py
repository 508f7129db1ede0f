"""A regressor of the user's own as what a policy learns with: found by its name, waited for, never believed blindly.

It is given a column for each parameter in the space's order, in the parameter's own unit; a choice by its value where
its options are numbers, else by its place among them. Of a pool it is given the features as the AI compares them.
Outcomes are in their own sense and unit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aisteer.errors import BadOutcome
from aisteer.problem.parameters import Choice, Int, Parameter, is_finite_number
from aisteer.problem.references import imported
from aisteer.steering.domains import Box, Candidates, Domain
from aisteer.steering.foreign_generators_patience import NoAnswer, Patience
from aisteer.surrogates.foreign import Regressor, fit
from aisteer.surrogates.foreign_process import ForeignProcess, correlated
from aisteer.surrogates.protocol import NotFitted

__all__ = ["PATIENCE", "ForeignLearner", "own_units"]

Array = NDArray[np.float64]
T = TypeVar("T")

PATIENCE = 120.0
"""Seconds that a fit, or a prediction, is waited for."""
_PROBES = 64
"""Points all over the space where a fitted regressor has to say something before it is asked by a search."""
_SHOWN = 300


class ForeignLearner:
    """Fits one outcome with the regressor that a definition names.

    Args:
        reference: Where it is imported from, ``module:name``: a class or a function that makes one, called without
            arguments, or a regressor that is not fitted.
        seconds: How long a fit, or a prediction, is waited for. While one is out that was given up, nothing else is
            asked.
    """

    def __init__(self, reference: str, seconds: float = PATIENCE) -> None:
        self.reference = reference
        self._patience: Patience[tuple[object, Any]] = Patience(seconds)

    def fit(
        self, x: Array, y: Array, error: Array, *, domain: Domain, sign: float = 1.0, seed: int = 0
    ) -> ForeignProcess:
        """Fit and calibrate it, and ask it about points all over the space.

        Args:
            x: Inputs as the space encodes them, shape ``(n, d)``.
            y: Outcomes, the larger the better, shape ``(n,)``.
            error: Their standard errors, 0 where not known, shape ``(n,)``.
            domain: The space.
            sign: What outcomes were multiplied by.
            seed: Deals the parts that are held out.

        Raises:
            BadOutcome: Something is not finite.
            NotFitted: It cannot be imported, raised, did not answer or talked nonsense; or there is too little.
        """
        kernel = domain.kernels()[0].make()
        asked = b"".join(part.tobytes() for part in (x, y, error))
        question = partial(
            fit,
            x=x,
            y=sign * y,
            error=error,
            seed=seed,
            correlation=correlated(kernel),
            inputs=own_units(domain),
        )
        surrogate = self._waited_for(asked, lambda: question(self._made()))
        process = ForeignProcess(surrogate, x, y, kernel=kernel, sign=sign, ask=self._predicted)
        process.predict(_probes(domain, x.shape[1], seed))
        return process

    def _made(self) -> Regressor:
        """The regressor, new and not fitted."""
        try:
            found = imported(self.reference)
        except Exception as error:
            raise NotFitted(
                f"The surrogate {self.reference!r:.80} cannot be imported here ({type(error).__name__}: {error})."
            ) from error
        made: Any = found
        if isinstance(found, type) or not hasattr(found, "fit"):
            try:
                made = found()
            except Exception as error:
                raise NotFitted(
                    f"The surrogate {self.reference!r:.80} cannot be made ({type(error).__name__}: {error})."
                ) from error
        if not all(callable(getattr(made, verb, None)) for verb in ("fit", "predict")):
            raise NotFitted(
                f"The surrogate {self.reference!r:.80} is {made!r:.80}, which has no fit and predict."
            )
        regressor: Regressor = made
        return regressor

    def _predicted(self, question: Callable[[], tuple[Array, Array]]) -> tuple[Array, Array]:
        return self._waited_for(object(), question)

    def _waited_for(self, asked: object, question: Callable[[], T]) -> T:
        """The answer to this question; one that came too late to another is dropped."""
        try:
            for _ in range(2):
                of, answer = self._patience.ask(lambda: (asked, question()))
                if of == asked:
                    found: T = answer
                    return found
        except (BadOutcome, NotFitted):
            raise
        except NoAnswer as late:
            raise NotFitted(f"The surrogate {self.reference!r:.80} {late}.") from late
        except Exception as error:
            raise NotFitted(
                f"The surrogate {self.reference!r:.80} failed with {type(error).__name__}: {error}"[:_SHOWN]
                + "."
            ) from error
        raise NotFitted(f"The surrogate {self.reference!r:.80} answers what was asked before.")


def own_units(domain: Domain) -> Callable[[Array], Array]:
    """From inputs as the space encodes them to what a regressor is given: see the module."""
    if not isinstance(domain, Box):
        return np.asarray
    parameters = list(domain.space.parameters.values())
    return lambda x: np.stack([_values(p, x[:, i]) for i, p in enumerate(parameters)], axis=1)


def _values(parameter: Parameter, unit: Array) -> Array:
    """Values of one parameter at positions, shape ``(n,)``."""
    unit = np.clip(unit, 0.0, 1.0)
    if isinstance(parameter, Choice):
        options = parameter.options
        numbers = all(is_finite_number(o) for o in options)
        values = np.array(options if numbers else range(len(options)), dtype=np.float64)
        found: Array = values[np.round(unit * (len(options) - 1)).astype(int)]
        return found
    low, high = float(parameter.low), float(parameter.high)
    values = low * (high / low) ** unit if parameter.log else low + unit * (high - low)
    return np.round(values) if isinstance(parameter, Int) else values


def _probes(domain: Domain, dimension: int, seed: int) -> Array:
    """Some points of the space as it encodes them."""
    rng = np.random.default_rng([seed, 11])
    if isinstance(domain, Candidates):
        found: Array = domain.matrix[rng.integers(len(domain), size=_PROBES)]
        return found
    return rng.random((_PROBES, dimension))
