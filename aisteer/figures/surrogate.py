"""What the surrogate believes: along a parameter, over two, or across a pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aisteer.errors import NotSupported
from aisteer.figures.calibration import predicted_before
from aisteer.figures.convergence import WORDS
from aisteer.figures.source import Source
from aisteer.figures.spec import Array, Axis, Band, Layer, Line, Marks, Panel, Surface
from aisteer.problem.pool import Pool

__all__ = ["surrogate"]

Json = dict[str, Any]
Result = tuple[list[Panel], list[str], list[str]]
ALONG = 121
GRID = 41
WIDTH = 1.96
ON = 0.05
"""A run within this share of the other parameters' ranges is on a slice."""
BY_MEAN = "candidates, best predicted mean first"
"""Not their rank: that is a candidate's place by the policy's acquisition."""


def surrogate(
    source: Source, *, x: str | None = None, y: str | None = None, at: Mapping[str, Any] | None = None
) -> Result:
    """The surrogate, fitted on what is known now.

    In a box: mean with its 95 % band along ``x``, or mean and standard deviation over ``x`` and ``y``; the
    other parameters stay at the best run's values. Runs are drawn at their own values of ``x``; those that are
    more than a twentieth of the others' ranges away are faint. Over a pool: all candidates by predicted mean,
    and how predictions made before held.

    Args:
        source: The campaign.
        x: A parameter; the first number if not given.
        y: Another one, for a map.
        at: Values of the others, instead of the best run's.

    Raises:
        UnknownName: The space has no such number.
    """
    from aisteer.steering.beliefs import belief
    from aisteer.steering.policies import policy

    space = source.campaign.space(source.task)
    pool = space if isinstance(space, Pool) else None
    wanted = [x or source.first_number, *([y] if y else [])]
    axes = [] if pool else [source.parameter_axis(name) for name in wanted]
    mind = policy(source.definition, space)
    try:
        known = belief(
            mind,
            source.evidence,
            x=axes[0].label if axes else None,
            y=y,
            resolution=GRID if y else ALONG,
            at=dict(at or {}),
        )
    except NotSupported as error:
        empty = Panel(axes[0] if axes else Axis(BY_MEAN), source.axis, note=str(error))
        return [empty], [source.task], []
    runs = list(source.outcomes().names)
    if pool:
        return [_ranked(source, pool, known), predicted_before(source)[0]], [source.task], runs
    if y:
        return _maps(source, axes, known), [source.task], runs
    return [_slice(source, axes[0], known, _running(source, mind, axes[0].label))], [source.task], runs


def _slice(source: Source, axis: Axis, known: Json, running: list[Layer]) -> Panel:
    others = ", ".join(source.at(name, value) for name, value in known["at"].items())
    along = np.asarray(known["x"], dtype=np.float64)
    measured = _measured(source, axis.label, at=known["at"])
    layers = [*_believed(along, known["mean"], known["std"]), *measured, *running]
    return Panel(axis, source.axis, layers, title=f"at {others}" if others else "")


def _believed(along: Array, mean: Array, std: Array, names: tuple[str, ...] = ()) -> list[Layer]:
    return [
        Band("95 % band", "belief", along, mean - WIDTH * std, mean + WIDTH * std),
        Line("predicted mean", "belief", along, mean, names=names),
    ]


def _running(source: Source, mind: Any, x: str) -> list[Layer]:
    """Runs without an outcome, where the surrogate expects them to end."""
    if not source.live:
        return []
    told = mind.predict(source.evidence, [run.parameters for run in source.live])
    pairs = np.array([one["predicted"][source.objective.outcome] for one in told], dtype=np.float64)
    there = np.array([run.parameters[x] for run in source.live], dtype=np.float64)
    names = [run.id for run in source.live]
    error = WIDTH * pairs[:, 1]
    return [Marks("running, predicted", "live", there, pairs[:, 0], y_error=error, names=names)]


def _maps(source: Source, axes: list[Axis], known: Json) -> list[Panel]:
    across, up = np.asarray(known["x"], dtype=np.float64), np.asarray(known["y"], dtype=np.float64)
    runs = _measured(source, axes[0].label, axes[1].label)
    outcome, unit = source.objective.outcome, source.objective.unit
    named = ((Axis(f"{outcome}, mean", unit), "mean"), (Axis("standard deviation", unit), "std"))
    return [Panel(axes[0], axes[1], [Surface(axis, across, up, known[key]), *runs]) for axis, key in named]


def _ranked(source: Source, pool: Pool, known: Json) -> Panel:
    order = np.argsort(-source.objective.sign * known["mean"], kind="stable")
    names = tuple(str(known["keys"][i]) for i in order)
    rank = np.arange(1, len(order) + 1, dtype=np.float64)
    place = dict(zip(names, rank.tolist(), strict=True))
    believed = _believed(rank, known["mean"][order], known["std"][order], names)
    layers = [*believed, *_measured(source, pool.key, place=place)]
    return Panel(Axis(BY_MEAN), source.axis, layers)


def _measured(
    source: Source,
    x: str,
    y: str | None = None,
    *,
    place: Mapping[str, float] | None = None,
    at: Mapping[str, Any] | None = None,
) -> list[Layer]:
    """Runs by whose idea they were: their outcomes over ``x``, or where they are in ``x`` and ``y``.

    With ``at`` those that are elsewhere in the parameters that it names are faint, and below the others.
    """
    outcomes = source.outcomes()
    found: list[Layer] = []
    for who, words in WORDS.items():
        mine = outcomes.of(who)
        if not mine:
            continue
        values = [outcomes.parameters[i][x] for i in mine]
        along = np.array([place[str(value)] for value in values] if place else values, dtype=np.float64)
        names = [outcomes.names[i] for i in mine]
        if y is None:
            value, error = outcomes.value[mine], outcomes.error[mine]
            off = np.array([source.off(outcomes.parameters[i], at or {}) > ON for i in mine])
            for faint, said in ((True, f"{words}, off the slice"), (False, words)):
                chosen = off == faint
                if chosen.any():
                    some = [name for name, one in zip(names, chosen, strict=True) if one]
                    marks = Marks(said, who, along[chosen], value[chosen], None, error[chosen], some, faint)
                    found.insert(0, marks) if faint else found.append(marks)
        else:
            up = np.array([outcomes.parameters[i][y] for i in mine], dtype=np.float64)
            found.append(Marks(words, who, along, up, names=names))
    return found
