"""Curves of live observations, kept small: a curve of any length is at most 600 points.

A bucket remembers its smallest and largest value, so that a spike is never averaged away.
When the buckets are full, neighbours merge and each covers twice as much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["MAX_POINTS", "PROGRESS", "Curve", "Trace"]

MAX_POINTS = 600
PROGRESS = "progress"
"""The observation that says which share of the run is done, 0 to 1: a bar, not a curve."""
CLOCKS = ("step", "steps", "iteration", "frame", "cycle", "epoch", "time")
"""Names of observations that are an axis, not a quantity, in the order of preference."""


@dataclass(slots=True)
class _Bucket:
    low: tuple[float, float]
    high: tuple[float, float]
    points: int = 1

    def merge(self, other: _Bucket) -> None:
        if other.low[1] < self.low[1]:
            self.low = other.low
        if other.high[1] > self.high[1]:
            self.high = other.high
        self.points += other.points


@dataclass(slots=True)
class Curve:
    """A growing curve. ``points`` is its min-max picture, in order of x."""

    buckets: list[_Bucket] = field(default_factory=list)
    width: int = 1
    length: int = 0
    last: tuple[float, float] | None = None

    def add(self, x: float, y: float) -> None:
        """Append a point; one that is not finite is a gap, and left out."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        self.length += 1
        self.last = (x, y)
        if self.buckets and self.buckets[-1].points < self.width:
            self.buckets[-1].merge(_Bucket((x, y), (x, y)))
            return
        self.buckets.append(_Bucket((x, y), (x, y)))
        if len(self.buckets) > MAX_POINTS // 2:
            self._halve()

    def _halve(self) -> None:
        old, self.width = self.buckets, 2 * self.width
        self.buckets = []
        for i in range(0, len(old), 2):
            if i + 1 < len(old):
                old[i].merge(old[i + 1])
            self.buckets.append(old[i])

    def points(self, most: int = MAX_POINTS) -> list[tuple[float, float]]:
        """At most ``most`` points of the curve; the last one is always the latest."""
        group = max(1, math.ceil(2 * len(self.buckets) / max(most - 1, 2)))
        made: list[tuple[float, float]] = []
        for i in range(0, len(self.buckets), group):
            low = min((b.low for b in self.buckets[i : i + group]), key=lambda p: p[1])
            high = max((b.high for b in self.buckets[i : i + group]), key=lambda p: p[1])
            made.extend([low] if low == high else sorted((low, high)))
        if self.last is not None and made and made[-1] != self.last:
            made.append(self.last)
        return made


@dataclass(slots=True)
class Trace:
    """What one run has shown so far: a curve for each number that it yields.

    Attributes:
        curves: By the observation's name.
        latest: The latest observation.
        clock: The observation that is the axis (``step``); empty where they are only counted.
        seen: How many observations there were.
        checkpoint: The last checkpoint that it wrote.
    """

    curves: dict[str, Curve] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)
    clock: str = ""
    seen: int = 0
    checkpoint: str = ""

    def feed(self, observations: Iterable[Mapping[str, Any]]) -> int:
        """Take in observations (name to value), in order; return how many."""
        fed = 0
        for values in observations:
            self._take(values)
            fed += 1
        self.seen += fed
        return fed

    def _take(self, values: Mapping[str, Any]) -> None:
        numbers = {
            str(name): float(value)
            for name, value in values.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        if not self.clock:
            self.clock = next((name for name in CLOCKS if name in numbers), "")
        x = numbers.pop(self.clock, None) if self.clock else None
        position = float(next((c.length for c in self.curves.values()), 0)) if x is None else x
        self.latest = dict(numbers)
        if x is not None:
            self.latest[self.clock] = x
        for name, value in numbers.items():
            if name == PROGRESS:
                continue
            self.curves.setdefault(name, Curve()).add(position, value)

    @property
    def quantities(self) -> list[str]:
        """The names of the curves, in the order in which they appeared."""
        return list(self.curves)
