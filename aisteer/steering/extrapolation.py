r"""How finished runs of a task went on from where another run is now: a regression, tested run by run.

The final outcome is regressed on what a run had shown after the same number of observations: an observed quantity,
its slope, and what the surrogate had predicted before it ran. Which of these are used, and which quantity, is decided
by the sum of squared leave-one-out residuals (PRESS; Allen, Technometrics 1974, 16, 125), which is also what the
spread is made of: for ``n`` runs, ``p`` coefficients and a run of leverage :math:`h`

.. math:: s^2 = \frac{\mathrm{PRESS}}{n} \max\Bigl(1, \frac{1 + h}{1 + p/n}\Bigr)

with the tails of Student's t of ``n - p`` degrees of freedom. What lies beyond all finished runs is known the less, by
a tenth of how far beyond them it lies: there, the relation was never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.curves import Curve
from aisteer.steering.protocols import Datum

__all__ = ["NEEDED", "Final", "Told", "extrapolate", "told_of"]

Array = NDArray[np.float64]

NEEDED = 10
"""Finished runs that it takes to extrapolate another's curve."""
_LATEST = 100
"""Finished runs that are learned from, the latest ones."""
_SPARE = 6
"""Runs beyond the coefficients, at least."""
_UNSURE = 0.1


@dataclass(frozen=True, slots=True)
class Told:
    """A run as a regression sees it.

    Attributes:
        curve: What it has shown.
        prior: What was predicted of the outcome before it ran: the mean; ``None`` where nothing was.
        final: What came out; nan where it is not known yet.
    """

    curve: Curve
    prior: float | None
    final: float = float("nan")


def told_of(datum: Datum, curve: Curve, outcome: str) -> Told:
    """A finished run as a regression sees it."""
    prior = datum.predicted.get(outcome)
    value = datum.outcomes.get(outcome, (float("nan"), 0.0))[0]
    return Told(curve, float(prior[0]) if prior else None, float(value))


@dataclass(frozen=True, slots=True)
class Final:
    """A predicted final outcome: Student's t around ``mean``.

    Attributes:
        mean: Its centre.
        scale: What one unit of the t distribution is.
        freedom: Its degrees of freedom.
        observed: The observed quantity that it was read off; empty where none helps.
        learned: Finished runs that it was learned from.
        count: Observations after which the runs were compared.
    """

    mean: float
    scale: float
    freedom: int
    observed: str
    learned: int
    count: int

    @property
    def std(self) -> float:
        """Its standard deviation."""
        return self.scale * float(np.sqrt(self.freedom / (self.freedom - 2)))

    def quantiles(self, share: Array) -> Array:
        """What it is below with probability ``share``."""
        from scipy.special import stdtrit  # what drives a campaign is to load quickly

        found: Array = self.mean + self.scale * stdtrit(self.freedom, share)
        return found


def extrapolate(finished: Sequence[Told], run: Told, count: int) -> Final | None:
    """What is to come of ``run``, by its first ``count`` observations and those of finished runs.

    Args:
        finished: Runs with a final outcome, oldest first; those that had ended by then do not count.
        run: The run.
        count: Observations.

    Returns:
        ``None`` with fewer than 10 runs to compare with, or where the run has not come so far.
    """
    if run.curve.count < count:
        return None
    alike = [f for f in finished if f.curve.count > count and np.isfinite(f.final)][-_LATEST:]
    if len(alike) < NEEDED:
        return None
    best: _Fit | None = None
    for name in ("", *run.curve.names):
        for fit in _fits(alike, run, name, count):
            if best is None or fit.press < best.press * (1 - 1e-9):
                best = fit
    if best is None:
        return None
    n, p = len(best.y), best.x.shape[1]
    leverage = float(best.at @ best.inverse @ best.at)
    variance = best.press / n * max(1.0, (1 + leverage) / (1 + p / n))
    mean = float(best.at @ best.inverse @ best.x.T @ best.y)
    beyond = max(0.0, mean - float(best.y.max()), float(best.y.min()) - mean)
    # What is the same in all runs, to rounding, is still not known better than that.
    least = 1e-9 * float(np.abs(best.y).max() or 1.0)
    scale = max(float(np.hypot(np.sqrt(variance), _UNSURE * beyond)), least)
    return Final(mean, scale, n - p, best.observed, n, count)


@dataclass(frozen=True, slots=True)
class _Fit:
    observed: str
    x: Array
    y: Array
    at: Array
    inverse: Array
    press: float


def _fits(alike: Sequence[Told], run: Told, name: str, count: int) -> list[_Fit]:
    """The regressions on one observed quantity; on none where ``name`` is empty."""
    columns: list[list[tuple[list[float], float]]] = [[]]
    if name:
        told = [f.curve.features(name, count) for f in alike]
        here = run.curve.features(name, count)
        if here is None or any(one is None for one in told):
            return []
        value = ([one[0] for one in told if one], here[0])
        slope = ([one[1] for one in told if one], here[1])
        columns = [[value], [value, slope]]
    y = np.array([f.final for f in alike])
    if 2 * sum(f.prior is not None for f in alike) >= len(alike):
        # What is expected where nothing is known: of the first runs nothing was predicted.
        usual = float(y.mean())
        prior = (
            [usual if f.prior is None else f.prior for f in alike],
            usual if run.prior is None else run.prior,
        )
        columns += [[*some, prior] for some in columns]
    made = (_fit(name, some, y) for some in columns)
    return [one for one in made if one is not None]


def _fit(name: str, columns: Sequence[tuple[list[float], float]], y: Array) -> _Fit | None:
    """Least squares, with each column of unit spread; ``None`` where that cannot be told from the others."""
    x, at = [np.ones(len(y))], [1.0]
    for values, here in columns:
        known = np.array(values)
        centre, spread = known.mean(), known.std()
        if not spread > 1e-12 * max(float(np.abs(known).max()), 1e-300):
            return None
        x.append((known - centre) / spread)
        at.append((here - centre) / spread)
    matrix = np.stack(x, axis=1)
    if len(y) < matrix.shape[1] + _SPARE:
        return None
    gram = matrix.T @ matrix
    if np.linalg.cond(gram) > 1e10:
        return None
    inverse = np.linalg.inv(gram)
    leverage = np.einsum("ij,jk,ik->i", matrix, inverse, matrix)
    residual = y - matrix @ (inverse @ (matrix.T @ y))
    if not (leverage < 1 - 1e-9).all():
        return None
    press = float(((residual / (1 - leverage)) ** 2).sum())
    return _Fit(name, matrix, y, np.array(at), np.asarray(inverse, dtype=np.float64), press)
