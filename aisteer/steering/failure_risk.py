r"""How likely a run is to fail, learned from the runs whose simulation failed and from those where it did not.

A kernel-smoothed share: with :math:`b` the share of all runs that failed, and :math:`k = e^{-r} / (r + 0.1)` of the
distance :math:`r` in units of how far runs speak,

.. math:: p(x) = \frac{a b + \sum_{i \text{ failed}} k(x, x_i)}{a + \sum_i k(x, x_i)}

which is the mean of a Beta distribution that begins at the share of all, with the weight ``a``, and to which each run
adds what it has to say at :math:`x`: most at its own point, so that between a run that failed and one that did not the
risk goes from one to the other. How far runs speak, in each parameter, and ``a``, which is the smaller the more alike
neighbours end, maximise the leave-one-out likelihood of who failed, times a prior that prefers about an eighth of a
side, all parameters alike, and 0.1.

The logarithm of :math:`1 - p` is added to that of the acquisition: what a run is worth if it ends, times the
probability that it does. After ``m`` failures at a point that is about :math:`\log(a / m)` there, while the logarithm
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
from aisteer.steering.points import placed
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
_WEIGHT = (math.log(0.1), 1.5)
"""The logarithm of the weight of the share of all, and how far it may be off."""
_OWN = 0.1
"""What keeps a run's word at its own point finite: there it weighs ten times what it does about one reach away."""
_LEAST = math.log(0.01)
"""The least of it: a run has to be possible everywhere."""
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
        weight: Of the share of all.
        total: How many runs failed, and how many there were.
    """

    domain: Domain
    x: Array
    failed: NDArray[np.bool_]
    runs: tuple[str, ...]
    reach: Array
    weight: float
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
        near = _nearness(self._apart(x))
        found: Array = (self.weight * self.base + near @ self.failed) / (self.weight + near.sum(axis=1))
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
            if (row := placed(self.domain, one[1])) is not None:
                kept.append(one)
                rows.append(row)
        if not any(broke for *_, broke in kept):
            return None
        total = sum(broke for *_, broke in kept), len(kept)
        places = [i for i, one in enumerate(kept) if not one[2]][-_MOST:]
        places += [i for i, one in enumerate(kept) if one[2]][-_MOST:]
        x = np.stack([rows[i] for i in places])
        failed = np.array([kept[i][2] for i in places])
        names = tuple(kept[i][0] for i in places)
        base = (total[0] + 0.5) / (total[1] + 1.0)
        reach, weight = _learned(_squares(self.domain, x, x), failed, base)
        return Risk(self.domain, x, failed, names, reach, weight, total)


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
        self._share, self._weight = risk.base, risk.weight

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs ``x``, shape ``b x d``."""
        import torch

        away = (x.unsqueeze(-2) - self._x).abs()
        away = torch.where(self._differ, away.gt(1e-9).to(x.dtype), away)
        apart = ((away.square() * self._scale).sum(-1) + 1e-24).sqrt()
        near = torch.exp(-apart) / (apart + _OWN)
        chance = (self._weight * self._share + near @ self._failed) / (self._weight + near.sum(-1))
        return self._base(x) + torch.log1p(-chance)


def _nearness(apart: Array) -> Array:
    """How much runs have to say, by squared distances in units of their reach."""
    distance = np.sqrt(apart)
    found: Array = np.exp(-distance) / (distance + _OWN)
    return found


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


def _learned(squares: Array, failed: NDArray[np.bool_], base: float) -> tuple[Array, float]:
    """How far runs speak in each group, shape ``(g,)``, and the weight of the share of all: see the module."""
    groups = len(squares)
    usual = math.log(_USUAL * math.sqrt(groups))

    def worth(logs: Array) -> float:
        near = _nearness(np.tensordot(np.exp(-2.0 * logs[1:]), squares, axes=1))
        np.fill_diagonal(near, 0.0)
        weight = math.exp(logs[0])
        chance = (weight * base + near @ failed) / (weight + near.sum(axis=1))
        likelihood = np.log(np.where(failed, chance, 1.0 - chance)).sum()
        common = logs[1:].mean()
        off = np.array([common - usual, *(logs[1:] - common)]) / _LOOSE
        odd = (logs[0] - _WEIGHT[0]) / _WEIGHT[1]
        return float(likelihood - 0.5 * ((off**2).sum() + odd**2))

    starts = [
        np.array([weight, *[usual + 0.5 * step] * groups])
        for step in range(-4, 5)
        for weight in (_LEAST, _WEIGHT[0])
    ]
    best = max(starts, key=worth)
    value = worth(best)
    for _ in range(_ROUNDS):
        before = value
        for place in range(groups + 1):
            for step in _STEPS:
                tried = best.copy()
                tried[place] += step
                tried[0] = max(tried[0], _LEAST)
                if (now := worth(tried)) > value + 1e-9:
                    best, value = tried, now
        if value == before:
            break
    found: Array = np.exp(best[1:])
    return found, math.exp(best[0])
