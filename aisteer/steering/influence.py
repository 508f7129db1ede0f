r"""Which parameter drives what the surrogate predicts, over the whole space.

The mean :math:`f` is taken apart by the variance that each parameter causes (Sobol'), with all
parameters independent and uniform in their own scales:

.. math:: S_i = \frac{\mathrm{Var}[\mathrm{E}(f|x_i)]}{\mathrm{Var} f},\qquad
          T_i = \frac{\mathrm{E}[\mathrm{Var}(f|x_{\sim i})]}{\mathrm{Var} f}

estimated from :math:`N (d + 2)` predictions as in Saltelli et al., Comput. Phys. Commun. 2010, 181, 259 (first order)
and Jansen, ibid. 1999, 117, 35 (total).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisteer.errors import NotSupported
from aisteer.steering.beliefs import Arrays, Progress, believed
from aisteer.steering.domains import Box
from aisteer.steering.fitting import Belief
from aisteer.steering.protocols import Evidence, Policy
from aisteer.steering.slopes import scales

__all__ = ["influence"]

Array = NDArray[np.float64]

_PREDICTIONS = 16_384
_MOST, _LEAST = 1024, 64
_ROWS = 1024
_RESAMPLED = 200


def influence(
    policy: Policy, evidence: Evidence, *, seed: int = 0, progress: Progress = lambda _share: None
) -> Arrays:
    """Variance-based indices of the surrogate's mean, and its length scales.

    Args:
        policy: A policy with a surrogate of a box.
        evidence: What it is fitted on.
        seed: Of the points and of the resampling.
        progress: Told of the share that is done.

    Returns:
        ``names``; ``first`` and ``total`` (shares, shape ``(d,)``) with ``first_low``, ``first_high``, ``total_low``,
        ``total_high`` (95 % intervals of the estimate, by resampling its points; not of the surrogate's own doubt);
        ``scales`` (length scales as shares of the range, nan where the kernel has none for it); ``spread`` (standard
        deviation of the mean over the box, in the outcome's unit) and ``doubt`` (root mean square of the surrogate's
        standard deviation there); ``predictions``, how many were made; ``constrained``, whether the box holds points
        that the constraints exclude, which count here; ``outcome``, ``unit``.

    Raises:
        NotSupported: As ``beliefs.belief``; or the space is a pool; or the surrogate says the same everywhere.
    """
    known, domain = believed(policy, evidence)
    if not isinstance(domain, Box):
        raise NotSupported(
            "Candidates of a pool have features, not parameters whose influence could be told."
        )
    d = domain.space.dimension
    size = _MOST
    while size > _LEAST and size * (d + 2) > _PREDICTIONS:
        size //= 2
    one, other = _uniform(domain, size, seed)
    mixed = np.repeat(one[None], d, axis=0)
    for column in range(d):
        mixed[column, :, column] = other[:, column]
    mean, std = _predicted(known, np.concatenate([one, other, mixed.reshape(-1, d)]), progress)
    f = mean - mean[: 2 * size].mean()
    of_one, of_other, of_mixed = f[:size], f[size : 2 * size], f[2 * size :].reshape(d, size)
    spread = float(np.std(mean[: 2 * size]))
    if not spread > 1e-9 * max(1e-300, float(np.abs(mean).max())):
        raise NotSupported("The surrogate predicts the same everywhere: no parameter drives anything yet.")
    indices = _indices(of_one, of_other, of_mixed, np.random.default_rng([seed, 7]))
    return {
        "names": list(domain.names),
        **indices,
        "scales": scales(known, d),
        "spread": spread,
        "doubt": float(np.sqrt(np.mean(std[: 2 * size] ** 2))),
        "predictions": len(mean),
        "constrained": bool(domain.space.constraints),
        "outcome": known.objective.outcome,
        "unit": known.objective.unit,
    }


def _uniform(domain: Box, size: int, seed: int) -> tuple[Array, Array]:
    """Two independent sets of inputs, each of shape ``(size, d)``: a Sobol' sequence of twice the dimension."""
    from scipy.stats import qmc

    d = domain.space.dimension
    drawn = qmc.Sobol(2 * d, rng=np.random.default_rng([seed, 11])).random(size)
    encoded = [domain.encode(domain.space.decode_uniform(part)) for part in (drawn[:, :d], drawn[:, d:])]
    return encoded[0], encoded[1]


def _predicted(known: Belief, x: Array, progress: Progress) -> tuple[Array, Array]:
    parts = []
    for begin in range(0, len(x), _ROWS):
        parts.append(known.process.predict(x[begin : begin + _ROWS]))
        progress(min(1.0, (begin + _ROWS) / len(x)))
    mean, std = (np.concatenate(of) for of in zip(*parts, strict=True))
    return mean, std


def _indices(one: Array, other: Array, mixed: Array, rng: np.random.Generator) -> dict[str, Array]:
    """First-order and total indices with 95 % intervals, each of shape ``(d,)``."""
    n = len(one)
    counts = np.concatenate([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), _RESAMPLED)])
    both = (counts @ (one + other)) / (2 * n)
    variance = ((counts @ (one**2 + other**2)) / (2 * n) - both**2)[:, None]
    first = (counts @ (other * (mixed - one)).T) / n / variance
    total = (counts @ ((one - mixed) ** 2).T) / (2 * n) / variance
    found: dict[str, Array] = {}
    for name, values in (("first", first), ("total", total)):
        low, high = np.quantile(values[1:], [0.025, 0.975], axis=0)
        found |= {name: values[0], f"{name}_low": low, f"{name}_high": high}
    return found
