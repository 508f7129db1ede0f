"""What a run has shown so far, kept small: means over blocks of observations, and what is read off them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AXES", "FEWEST", "Curve", "stages"]

Array = NDArray[np.float64]

AXES = frozenset({"progress", "step", "steps", "iteration", "frame", "cycle", "epoch", "time"})
"""Observations that say how far a run is, not what comes out of it."""
FEWEST = 5
"""Observations that it takes to say anything of a curve."""
_BLOCKS = 1024
_NAMES = 8
_LATE = 8
"""The value is the mean over the last eighth."""
_RECENT = 4
"""The slope is what the last quarter gained over the one before."""


class Curve:
    """The observations of one run, by name: the mean of each block of ``width`` of them.

    What is missing or not finite in an observation is as it was before. Names that were not in the first observation
    are left out, as are axes (``AXES``) and all beyond the first eight.
    """

    __slots__ = ("_open", "_read", "_rows", "count", "names", "width")

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.count = 0
        self.width = 1
        self._rows: list[list[float]] = []
        self._open: list[list[float]] = []
        self._read: dict[tuple[str, int], tuple[float, float]] = {}

    def feed(self, observations: Iterable[Mapping[str, Any]]) -> None:
        """Take in observations (name to value), in order."""
        for values in observations:
            self._take(values)

    def _take(self, values: Mapping[str, Any]) -> None:
        if not self.names:
            found = [str(n) for n, v in values.items() if n not in AXES and _is_finite(v)]
            self.names = tuple(found[:_NAMES])
            if not self.names:
                return
        last = self._open[-1] if self._open else self._rows[-1] if self._rows else [0.0] * len(self.names)
        given = [values.get(name) for name in self.names]
        row = [float(v) if _is_finite(v) else old for v, old in zip(given, last, strict=True)]  # type: ignore[arg-type]
        self.count += 1
        self._open.append(row)
        if len(self._open) == self.width:
            self._rows.append(_mean(self._open))
            self._open = []
            if len(self._rows) == 2 * _BLOCKS:
                self._rows = [_mean(self._rows[i : i + 2]) for i in range(0, len(self._rows), 2)]
                self.width *= 2

    def values(self, name: str) -> Array:
        """The mean of each whole block, shape ``(count // width,)``."""
        column = self.names.index(name)
        return np.array([row[column] for row in self._rows], dtype=np.float64)

    def features(self, name: str, count: int) -> tuple[float, float] | None:
        """Its value and its slope after ``count`` observations; ``None`` where it has not shown that many.

        The value is the mean over the last eighth of them; the slope is what the last quarter gained over the quarter
        before it.
        """
        if name not in self.names or self.count < count or count < FEWEST:
            return None
        if (name, count) in self._read:  # what was shown stays
            return self._read[name, count]
        column = self.names.index(name)
        blocks = count // self.width
        late, recent = max(1, blocks // _LATE), max(1, blocks // _RECENT)
        if blocks < 2 * recent:
            return None
        tail = np.array([row[column] for row in self._rows[blocks - 2 * recent : blocks]])
        found = float(tail[-late:].mean()), float(tail[recent:].mean() - tail[:recent].mean())
        self._read[name, count] = found
        return found

    def picture(self, name: str, most: int = 48) -> list[tuple[float, float]]:
        """At most ``most`` points of it: observations so far, and the mean since the point before."""
        column = self.names.index(name)
        group = max(1, math.ceil(len(self._rows) / most))
        made = []
        for begin in range(0, len(self._rows), group):
            part = self._rows[begin : begin + group]
            made.append(
                (float((begin + len(part)) * self.width), sum(row[column] for row in part) / len(part))
            )
        return made


def stages(length: int) -> list[int]:
    """Counts of observations at which a run of ``length`` is looked at: 5, 7, 10, 14, … up to 90 % of it.

    They do not depend on the length, so that what was said of one run at a stage can be compared with another's; from
    a tenth of the length on.
    """
    found: list[int] = []
    step = 0
    while True:
        count = round(FEWEST * 2 ** (step / 2))
        step += 1
        if count > 0.9 * length:
            return found
        if count >= 0.1 * length:
            found.append(count)


def _mean(rows: list[list[float]]) -> list[float]:
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
