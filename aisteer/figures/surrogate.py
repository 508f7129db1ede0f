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

__all__ = ["slice_of", "surrogate"]

Json = dict[str, Any]
Result = tuple[list[Panel], list[str], list[str]]
ALONG = 121
GRID = 41
WIDTH = 1.959963984540054
ON = 0.05
"""A run within this share of the other parameters' ranges is on a slice."""
BY_MEAN = "candidates, best predicted mean first"
"""Not their rank: that is a candidate's place by the policy's acquisition."""


def surrogate(
    source: Source,
    *,
    x: str | None = None,
    y: str | None = None,
    at: Mapping[str, Any] | None = None,
    outcome: str | None = None,
) -> Result:
    """The surrogate, fitted on what is known now.

    In a box: mean with its 95 % band along ``x``, or mean and standard deviation over ``x`` and ``y``; the
    other parameters stay at the best run's values. Runs are drawn at their own values of ``x``; those that are
    more than a twentieth of the others' ranges away are faint. Over a pool: all candidates by predicted mean,
    and how predictions made before held.

    Args:
        source: The campaign.
        x: A parameter; the first number if not given.
        y: Another one, for a map: of any two parameters.
        at: Values of the others, instead of the best run's.
        outcome: Which one, where the surrogate speaks of several; the objective's if not given.

    Raises:
        UnknownName: The space has no such parameter.
    """
    from aisteer.steering.beliefs import belief
    from aisteer.steering.policies import policy

    space = source.campaign.space(source.task)
    pool = space if isinstance(space, Pool) else None
    wanted = [x or source.first_number, *([y] if y else [])]
    axes = [] if pool else [source.parameter_axis(name) for name in wanted]
    mind = policy(source.definition, space, folder=source.code_folder)
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
    known = source.about(known, outcome)
    runs = list(source.outcomes().names)
    if pool:
        return [_ranked(source, pool, known), predicted_before(source)[0]], [source.task], runs
    if y:
        return _maps(source, axes, known), [source.task], runs
    return [slice_of(source, mind, axes[0], known)], [source.task], runs


def slice_of(source: Source, mind: Any, axis: Axis, known: Json) -> Panel:
    """The belief along one parameter.

    Args:
        source: The campaign.
        mind: The policy that believes it.
        axis: The parameter.
        known: As ``aisteer.steering.beliefs`` says it.
    """
    running = _running(source, mind, axis.label)
    others = ", ".join(source.at(name, value) for name, value in known["at"].items())
    along = np.array([source.place(axis.label, value) for value in known["x"].tolist()])
    measured = _measured(source, axis.label, at=known["at"])
    if axis.options:
        bars = WIDTH * np.asarray(known["std"])
        believed: list[Layer] = [Marks("predicted mean, 95 %", "belief", along, known["mean"], y_error=bars)]
    else:
        believed = _believed(along, known["mean"], known["std"])
    layers = [*believed, *measured, *running]
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
    there = np.array([source.place(x, run.parameters[x]) for run in source.live])
    names = [run.id for run in source.live]
    error = WIDTH * pairs[:, 1]
    return [Marks("running, predicted", "live", there, pairs[:, 0], y_error=error, names=names)]


def _maps(source: Source, axes: list[Axis], known: Json) -> list[Panel]:
    x, y = (axis.label for axis in axes)
    across, up = (np.array([source.place(n, v) for v in known[k].tolist()]) for n, k in ((x, "x"), (y, "y")))
    runs = [*_measured(source, x, y, at=known["at"]), *_live(source, x, y)]
    others = ", ".join(source.at(name, value) for name, value in known["at"].items())
    outcome, unit = source.objective.outcome, source.objective.unit
    named = ((Axis(f"{outcome}, mean", unit), "mean"), (Axis("standard deviation", unit), "std"))
    title = f"at {others}" if others else ""
    return [
        Panel(axes[0], axes[1], [Surface(axis, across, up, known[key]), *runs], title=title)
        for axis, key in named
    ]


def _live(source: Source, x: str, y: str) -> list[Layer]:
    """Runs without an outcome, where they are in ``x`` and ``y``."""
    places = [[source.place(name, run.parameters[name]) for name in (x, y)] for run in source.live]
    if not places:
        return []
    there = np.array(places, dtype=np.float64)
    return [Marks("running", "live", there[:, 0], there[:, 1], names=[run.id for run in source.live])]


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
    outcomes = source.outcomes(elsewhere=True)
    found: list[Layer] = []
    for who, words in WORDS.items():
        mine = outcomes.of(who)
        if not mine:
            continue
        points = [outcomes.parameters[i] for i in mine]
        along = np.array([place[str(p[x])] if place else source.place(x, p[x]) for p in points])
        up = outcomes.value[mine] if y is None else np.array([source.place(y, p[y]) for p in points])
        error = outcomes.error[mine] if y is None else None
        off = np.array([source.off(p, at or {}) > ON for p in points])
        elsewhere = "off the slice" if y is None else "off this plane"
        for faint, said in ((True, f"{words}, {elsewhere}"), (False, words)):
            chosen = off == faint
            if chosen.any():
                some = [outcomes.names[i] for i, one in zip(mine, chosen, strict=True) if one]
                bars = None if error is None else WIDTH * error[chosen]
                marks = Marks(said, who, along[chosen], up[chosen], None, bars, some, faint)
                found.insert(0, marks) if faint else found.append(marks)
    return found
