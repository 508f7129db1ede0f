r"""How likely a run is to fail, learned from the runs whose simulation failed and from those where it did not.

A kernel-smoothed share: with :math:`k` falling off from 1 at a run's own point, and :math:`b` the share of all runs
that failed,

.. math:: p(x) = \frac{b + \sum_{i \text{ failed}} k(x, x_i)}{1 + \sum_i k(x, x_i)}

which is the mean of a Beta distribution that begins at the share of all, with the weight of one run, and to which each
run adds what it has to say at :math:`x`. How far runs speak, in each parameter, maximises the leave-one-out likelihood
of who failed, times a prior that prefers about an eighth of a side and all parameters alike.

The logarithm of :math:`1 - p` is added to that of the acquisition: what a run is worth if it ends, times the
probability that it does. After ``m`` failures at a point that is about :math:`\log(1 / m)` there, while the logarithm
of an acquisition elsewhere falls without bound as a search converges: nothing is ruled out for good, and each run that
ends near by takes the risk back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.domains import Box, Domain
from aisteer.steering.protocols import Evidence, Json

if TYPE_CHECKING:
    from torch import Tensor

    from aisteer.steering.box_search import Acquisition

__all__ = ["Failures", "Risk", "Risked"]

Array = NDArray[np.float64]

_MOST = 300
"""Runs of either kind that are learned from, the latest ones."""
_USUAL = 0.125
"""How far a run speaks, as a share of a side, where nothing else is known."""
_LOOSE = 0.7
"""How far that may be off, as a standard deviation of its logarithm; and each parameter from the others."""
_STEPS = (-2.0, -1.0, 1.0, 2.0)
_ROUNDS = 2
_NEAREST = 4
_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True)
class Risk:
    """The risk of failing anywhere, as it was learned; only where some run has failed.

    Attributes:
        domain: The space that it was learned in.
        x: Inputs of the runs, shape ``(n, d)``.
        failed: Which of them failed, shape ``(n,)``.
        runs: Their names.
        reach: How far a run speaks, shape ``(g,)``: for each parameter of a box, else of the space's own nearness.
        total: How many runs failed, and how many there were.
    """

    domain: Domain
    x: Array
    failed: NDArray[np.bool_]
    runs: tuple[str, ...]
    reach: Array
    total: tuple[int, int]

    @property
    def base(self) -> float:
        """The share of all runs that failed, shrunk to one half by one run."""
        return (self.total[0] + 0.5) / (self.total[1] + 1.0)

    def at(self, x: Array) -> Array:
        """The probability that a run at inputs ``x``, shape ``(m, d)``, fails: shape ``(m,)``."""
        size = max(1, _AT_ONCE // max(1, len(self.x) * len(self.reach)))
        parts = [self._at(x[begin : begin + size]) for begin in range(0, len(x), size)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _at(self, x: Array) -> Array:
        weight = np.exp(-0.5 * self._apart(x))
        found: Array = (self.base + weight @ self.failed) / (1.0 + weight.sum(axis=1))
        return found

    def _apart(self, x: Array) -> Array:
        """Squared distances to the runs in units of their reach, shape ``(m, n)``."""
        found: Array = np.tensordot(1.0 / self.reach**2, _squares(self.domain, x, self.x), axes=1)
        return found

    def log_success(self, x: Array) -> Array:
        """The logarithm of the probability that it does not fail, shape ``(m,)``."""
        found: Array = np.log1p(-self.at(x))
        return found

    def reason(self, x: Array) -> Json:
        """What there is to say of one input, shape ``(d,)``."""
        chance = float(self.at(x[None])[0])
        near = np.argsort(self._apart(x[None])[0], kind="stable")[:_NEAREST]
        broke = int(self.failed[near].sum())
        words = (
            f"Risk of failing {chance:.0%}: {broke} of the {len(near)} nearest runs failed, {self.total[0]} of all "
            f"{self.total[1]}."
        )
        return {
            "kind": "failure_risk",
            "probability": chance,
            "failed": broke,
            "of": len(near),
            "runs": [self.runs[place] for place in near],
            "words": words,
        }


class Failures:
    """Learns the risk of one task, and keeps it for as long as the runs stay the same."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self._last: tuple[object, Risk | None] | None = None

    def risk(self, evidence: Evidence) -> Risk | None:
        """What is known of failing; ``None`` while no simulation has failed."""
        if not evidence.broken:
            return None
        ended = (*evidence.data, *evidence.censored)
        key = (evidence.broken[-1][0], len(evidence.broken), ended[-1].run if ended else "", len(ended))
        if self._last is None or self._last[0] != key:
            told = [(d.run, d.parameters, False) for d in ended]
            self._last = key, self._learn([*told, *((run, point, True) for run, point in evidence.broken)])
        return self._last[1]

    def _learn(self, told: list[tuple[str, Json, bool]]) -> Risk | None:
        kept, rows = [], []
        for one in told:
            try:
                rows.append(self.domain.encode([one[1]])[0])
            except (KeyError, StopIteration):
                continue  # the space was redefined since
            kept.append(one)
        if not any(broke for *_, broke in kept):
            return None
        total = sum(broke for *_, broke in kept), len(kept)
        places = [i for i, one in enumerate(kept) if not one[2]][-_MOST:]
        places += [i for i, one in enumerate(kept) if one[2]][-_MOST:]
        x = np.stack([rows[i] for i in places])
        failed = np.array([kept[i][2] for i in places])
        names = tuple(kept[i][0] for i in places)
        base = (total[0] + 0.5) / (total[1] + 1.0)
        return Risk(self.domain, x, failed, names, _reach(_squares(self.domain, x, x), failed, base), total)


class Risked:
    """A logarithmic acquisition, less where runs are likely to fail.

    Args:
        base: The acquisition.
        risk: What is known of failing, in a box.
    """

    def __init__(self, base: Acquisition, risk: Risk) -> None:
        import torch

        self._base = base
        self._x = torch.as_tensor(risk.x)
        self._failed = torch.as_tensor(risk.failed, dtype=torch.float64)
        self._scale = torch.as_tensor(1.0 / risk.reach**2)
        categorical = risk.domain.categorical if isinstance(risk.domain, Box) else ()
        self._differ = torch.zeros(risk.x.shape[1], dtype=torch.bool)
        self._differ[list(categorical)] = True
        self._share = risk.base

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs ``x``, shape ``b x d``."""
        import torch

        away = (x.unsqueeze(-2) - self._x).abs()
        away = torch.where(self._differ, away.gt(1e-9).to(x.dtype), away)
        weight = torch.exp(-0.5 * (away.square() * self._scale).sum(-1))
        chance = (self._share + weight @ self._failed) / (1.0 + weight.sum(-1))
        return self._base(x) + torch.log1p(-chance)


def _squares(domain: Domain, x: Array, others: Array) -> Array:
    """Squared distances by group, shape ``(g, m, n)``: each parameter of a box by itself, else the space's own."""
    if isinstance(domain, Box):
        away = np.abs(x[:, None, :] - others[None, :, :])
        for column in domain.categorical:
            away[:, :, column] = away[:, :, column] > 1e-9
        found: Array = np.moveaxis(away**2, 2, 0)
        return found
    rows = []
    for point in x:
        measure, near = domain.nearness(point, others.copy())
        rows.append((1.0 - near if measure == "similarity" else near) ** 2)
    return np.stack(rows)[None]


def _reach(squares: Array, failed: NDArray[np.bool_], base: float) -> Array:
    """How far runs speak in each group, shape ``(g,)``: see the module."""
    groups = len(squares)
    usual = math.log(_USUAL * math.sqrt(groups))

    def worth(logs: Array) -> float:
        weight = np.exp(-0.5 * np.tensordot(np.exp(-2.0 * logs), squares, axes=1))
        np.fill_diagonal(weight, 0.0)
        chance = (base + weight @ failed) / (1.0 + weight.sum(axis=1))
        likelihood = np.log(np.where(failed, chance, 1.0 - chance)).sum()
        apart = logs - logs.mean()
        return float(
            likelihood - 0.5 * (((logs.mean() - usual) / _LOOSE) ** 2 + ((apart / _LOOSE) ** 2).sum())
        )

    common = [np.full(groups, usual + step * 0.5) for step in range(-4, 5)]
    best = max(common, key=worth)
    value = worth(best)
    for _ in range(_ROUNDS if groups > 1 else 0):
        before = value
        for group in range(groups):
            for step in _STEPS:
                tried = best.copy()
                tried[group] += step
                if (now := worth(tried)) > value + 1e-9:
                    best, value = tried, now
        if value == before:
            break
    found: Array = np.exp(best)
    return found
