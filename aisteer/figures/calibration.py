"""Whether predictions held: outcomes beside what was predicted before they ran, by level and over time."""

from __future__ import annotations

from collections.abc import Sequence
from math import erf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.figures.source import ORIGINS, Source
from aisteer.figures.spec import Array, Axis, Band, Layer, Line, Marks, Panel, Who
from aisteer.problem.units import label
from aisteer.surrogates.calibration import LEVEL, wilson

__all__ = ["Z95", "calibration", "parity", "predicted_before"]

Z95 = 1.959963984540054
LEVELS = np.linspace(0.05, 0.95, 19)
_WHOSE: tuple[tuple[Who, str], ...] = (
    ("ai", "AI's proposals"),
    ("human", "own and edited"),
    ("rule", "by rule"),
    ("random", "random"),
    ("elsewhere", "measured elsewhere"),
)
Counts = NDArray[np.integer[Any]]
WINDOW = 20
"""Outcomes over which the rolling share is taken."""


def calibration(source: Source) -> tuple[list[Panel], list[str], list[str]]:
    """Measured against predicted, and how often intervals held that claimed a level.

    Only predictions that stood in the journal before the run was launched are looked at.
    """
    panel, runs, surprise = predicted_before(source)
    return [panel, _coverage(surprise), _rolling(surprise)], [source.task], runs


def predicted_before(source: Source) -> tuple[Panel, list[str], Array]:
    """The panel of outcomes against predictions, its runs, and their surprises in standard deviations."""
    known = set(source.outcomes().names)
    told = [row for row in source.ledger() if row["run"] in known and row["surprise"] is not None]
    # What goes on from another run shares what chance did to that one: no prediction of it is a test.
    rows = [row for row in told if row["action"] == "start"]
    mean, std, value, error = (
        np.array([row[key] or 0.0 for row in rows], dtype=np.float64)
        for key in ("predicted_mean", "predicted_std", "outcome", "standard_error")
    )
    wide = np.hypot(std, np.where(error > 0, error, source.noise))
    names = [row["run"] for row in rows]
    panel = parity(
        source,
        "predicted before",
        origins=[row["origin"] for row in rows],
        names=names,
        mean=mean,
        std=wide,
        value=value,
        error=error,
    )
    surprise = np.array([row["surprise"] for row in rows], dtype=np.float64)
    return panel, names, surprise


def parity(
    source: Source,
    words: str,
    *,
    origins: Sequence[str],
    names: Sequence[str],
    mean: Array,
    std: Array,
    value: Array,
    error: Array,
) -> Panel:
    """Measured against predicted, each with its 95 % bar, by whose idea the runs were.

    Args:
        source: The campaign.
        words: How it was predicted.
        origins: Of the runs.
        names: Of the runs.
        mean: Predicted, shape ``(n,)``.
        std: Of the measurement as predicted, shape ``(n,)``.
        value: Measured, shape ``(n,)``.
        error: Its standard error, shape ``(n,)``; 0 where not known.
    """
    outcome, unit = label(source.objective.outcome), source.objective.unit
    layers: list[Layer] = []
    for who, said in _WHOSE:
        mine = np.array([ORIGINS.get(origin, "ai") == who for origin in origins], dtype=bool)
        if mine.any():
            some = [name for name, one in zip(names, mine, strict=True) if one]
            bars = {"x_error": Z95 * std[mine], "y_error": Z95 * error[mine]}
            layers.append(Marks(said, who, mean[mine], value[mine], **bars, names=some))
    if len(value):
        diagonal = np.array([min(mean.min(), value.min()), max(mean.max(), value.max())])
        layers.insert(0, Line("as predicted", "ideal", diagonal, diagonal))
    note = "" if len(value) else "No run with a prediction has ended yet."
    axes = Axis(words, unit), Axis("measured", unit)
    return Panel(*axes, layers, title=f"{outcome} (bars: 95 %)", note=note)


def _coverage(surprise: Array) -> Panel:
    axes = Axis("interval's level"), Axis("share of outcomes inside")
    if not len(surprise):
        return Panel(*axes, note="No run with a prediction has ended yet.")
    claimed = np.array([erf(abs(s) / 2**0.5) for s in surprise])
    inside = np.array([int((claimed <= level).sum()) for level in LEVELS])
    ideal = Line("calibrated", "ideal", np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    found = Line(f"{len(surprise)} outcomes", "ai", LEVELS, inside / len(surprise))
    return Panel(
        *axes, [_interval(LEVELS, inside, np.full(len(inside), len(surprise), dtype=np.int64)), ideal, found]
    )


def _interval(x: Array, inside: Counts, of: Counts) -> Band:
    """The 95 % Wilson interval of shares."""
    ends = np.array([wilson(int(k), int(n)) for k, n in zip(inside, of, strict=True)])
    return Band("95 % interval", "ai", x, ends[:, 0], ends[:, 1])


def _rolling(surprise: Array) -> Panel:
    """The share of the last outcomes inside the interval whose coverage is counted, after each."""
    axes = Axis("outcomes that had been predicted"), Axis(f"share inside {LEVEL:.0%}")
    last = np.arange(WINDOW // 2, len(surprise) + 1)
    if len(last) < 2:
        return Panel(*axes, note=f"A rolling share begins with {WINDOW // 2 + 1} outcomes.")
    hit = np.array([erf(abs(s) / 2**0.5) <= LEVEL for s in surprise])
    total = np.concatenate([[0], np.cumsum(hit)])
    first = np.maximum(0, last - WINDOW)
    inside, of = total[last] - total[first], last - first
    along = last.astype(np.float64)
    ideal = Line("claimed", "ideal", along[[0, -1]], np.full(2, LEVEL))
    share = Line(f"of the last {WINDOW}", "ai", along, inside / of)
    return Panel(*axes, [_interval(along, inside, of), ideal, share])
