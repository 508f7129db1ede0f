"""Whether predictions held: outcomes beside what was predicted before they ran."""

from __future__ import annotations

from math import erf

import numpy as np

from aisteer.figures.source import ORIGINS, Source
from aisteer.figures.spec import Array, Axis, Layer, Line, Marks, Panel
from aisteer.problem.units import label

__all__ = ["calibration", "predicted_before"]

Z90 = 1.6448536269514722
LEVELS = np.linspace(0.05, 0.95, 19)


def calibration(source: Source) -> tuple[list[Panel], list[str], list[str]]:
    """Measured against predicted, and how often intervals held that claimed a level.

    Only predictions that stood in the journal before the run was launched are looked at.
    """
    parity, runs, surprise = predicted_before(source)
    return [parity, _coverage(surprise)], [source.task], runs


def predicted_before(source: Source) -> tuple[Panel, list[str], Array]:
    """The panel of outcomes against predictions, its runs, and their surprises in standard deviations."""
    known = set(source.outcomes().names)
    rows = [row for row in source.ledger() if row["run"] in known and row["surprise"] is not None]
    unit, outcome = source.objective.unit, label(source.objective.outcome)
    axes = Axis("predicted before", unit), Axis("measured", unit)
    layers: list[Layer] = []
    for who, words in (("ai", "AI's proposals"), ("human", "own and edited"), ("rule", "by rule")):
        mine = [row for row in rows if ORIGINS.get(row["origin"], "ai") == who]
        if mine:
            mean, std, value, error = (
                np.array([row[key] or 0.0 for row in mine], dtype=np.float64)
                for key in ("predicted_mean", "predicted_std", "outcome", "standard_error")
            )
            names = [row["run"] for row in mine]
            marks = Marks(words, ORIGINS[who], mean, value, x_error=Z90 * std, y_error=error, names=names)
            layers.append(marks)
    if rows:
        ends = [row[key] for row in rows for key in ("predicted_mean", "outcome")]
        diagonal = np.array([min(ends), max(ends)])
        layers.insert(0, Line("as predicted", "ideal", diagonal, diagonal))
    note = "" if rows else "No run with a prediction has ended yet."
    surprise = np.array([row["surprise"] for row in rows], dtype=np.float64)
    panel = Panel(*axes, layers, title=f"{outcome} (bars: 90 % of the prediction)", note=note)
    return panel, [row["run"] for row in rows], surprise


def _coverage(surprise: Array) -> Panel:
    axes = Axis("interval's level"), Axis("share of outcomes inside")
    if not len(surprise):
        return Panel(*axes, note="No run with a prediction has ended yet.")
    claimed = np.array([erf(abs(s) / 2**0.5) for s in surprise])
    inside = np.array([(claimed <= level).mean() for level in LEVELS])
    ideal = Line("calibrated", "ideal", np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    found = Line(f"{len(surprise)} outcomes", "ai", LEVELS, inside)
    return Panel(*axes, [ideal, found])
