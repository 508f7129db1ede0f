"""Several objectives against each other: runs, and those that no other run beats in all."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from aisteer.figures.convergence import WORDS
from aisteer.figures.source import ORIGINS, Source
from aisteer.figures.spec import Array, Axis, Layer, Line, Marks, Panel
from aisteer.problem.units import label
from aisteer.steering.pareto import front

__all__ = ["pareto"]

Json = dict[str, Any]
Z95 = 1.959963984540054


def pareto(source: Source) -> tuple[list[Panel], list[str], list[str]]:
    """The first two objectives of the task; bars are of 95 %.

    Runs that another one beats in all objectives are faint, and those that do not meet what is asked of outcomes are
    faint and empty: they are beaten by none and beat none.
    """
    goals: list[Json] = list(source.definition.get("objectives") or ())
    if len(goals) < 2:
        words = "The task has one objective, so nothing is to be traded off."
        return [Panel(source.axis, Axis("a second objective"), note=words)], [source.task], []
    names = [str(goal["outcome"]) for goal in goals]
    axes = [Axis(n, str(g.get("unit") or source.units.get(n, ""))) for n, g in zip(names, goals, strict=True)]
    data = [d for d in source.evidence.data if all(name in d.outcomes for name in names)]
    if not data:
        return (
            [Panel(axes[0], axes[1], note="No run has ended with all of its outcomes yet.")],
            [source.task],
            [],
        )
    pairs = np.array([[d.outcomes[name] for name in names] for d in data], dtype=np.float64)
    value, error = pairs[:, :, 0], pairs[:, :, 1]
    signs = np.array([-1.0 if goal.get("kind") == "minimize" else 1.0 for goal in goals])
    met = np.array([source.met(d) for d in data], dtype=bool)
    top = front(np.where(met[:, None], value * signs, np.nan))
    layers: list[Layer] = []
    for who, words in WORDS.items():
        mine = np.array([ORIGINS.get(d.origin, "ai") == who for d in data])
        for look, said in (
            (~met, f"{words}, not feasible"),
            (met & ~top, f"{words}, beaten"),
            (top, words),
        ):
            some = mine & look
            if some.any():
                bars = {"x_error": Z95 * error[some, 0], "y_error": Z95 * error[some, 1]}
                runs = [d.run for d, one in zip(data, some, strict=True) if one]
                x, y, faint, empty = value[some, 0], value[some, 1], look is not top, not met[some].any()
                layers.append(Marks(said, who, x, y, **bars, names=runs, faint=faint, empty=empty))
    if len(goals) == 2 and top.any():
        layers.append(_steps(value[top], signs))
    sought = ", ".join(f"{label(n)} {'low' if s < 0 else 'high'}" for n, s in zip(names, signs, strict=True))
    return (
        [Panel(axes[0], axes[1], layers, title=f"sought: {sought}")],
        [source.task],
        [d.run for d in data if d.origin != "prior"],
    )


def _steps(best: Array, signs: Array) -> Line:
    """The border of what is beaten, through the front's runs by their first outcome."""
    ordered = best[np.argsort(best[:, 0], kind="stable")]
    corners = [ordered[0]]
    for left, right in pairwise(ordered):
        corner = (left[0], right[1]) if signs[0] > 0 else (right[0], left[1])
        corners += [np.array(corner), right]
    x, y = np.array(corners).T
    return Line("beaten by none", "belief", x, y)
