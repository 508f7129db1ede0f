"""What the surrogate believes: along a parameter, over two, or across a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aisteer.figures.calibration import predicted_before
from aisteer.figures.convergence import WORDS
from aisteer.figures.source import Outcomes, Source
from aisteer.figures.spec import Array, Axis, Band, Layer, Line, Marks, Panel, Surface
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space

if TYPE_CHECKING:
    from aisteer.steering.domains import Domain

__all__ = ["surrogate"]

Json = dict[str, Any]
Result = tuple[list[Panel], list[str], list[str]]
ALONG = 101
GRID = 41
WIDTH = 1.96


def surrogate(
    source: Source, *, x: str | None = None, y: str | None = None, at: Mapping[str, Any] | None = None
) -> Result:
    """The surrogate, fitted on what is known now.

    In a box: mean with its 95 % band along ``x``, or mean and standard deviation over ``x`` and ``y``; the
    other parameters stay at the best run's values. Runs are drawn at their own values of ``x``, wherever
    they stand in the others. Over a pool: all candidates by rank, and how predictions made before held.

    Args:
        source: The campaign.
        x: A parameter; the first number if not given.
        y: Another one, for a map.
        at: Values of the others, instead of the best run's.

    Raises:
        UnknownName: The space has no such number.
    """
    space = source.campaign.space(source.task)
    predict = _Belief(source, space)
    if isinstance(space, Pool):
        return _pool(source, space, predict)
    names = [x or next(iter(space.names)), *([y] if y else [])]
    axes = [source.parameter_axis(name) for name in names]
    if not predict.known:
        note = "The surrogate needs at least 3 outcomes."
        return [Panel(axes[0], source.axis, note=note)], [source.task], []
    point = {**_best(source), **(at or {})}
    panels = (
        _map(source, space, predict, axes, point) if y else [_slice(source, space, predict, axes[0], point)]
    )
    return panels, [source.task], list(source.outcomes().names)


class _Belief:
    """The fitted surrogate in the outcome's own sense."""

    def __init__(self, source: Source, space: Space | Pool) -> None:
        from aisteer.steering.domains import Box, Candidates
        from aisteer.steering.fitting import Fitter

        self.domain: Domain = Candidates(space) if isinstance(space, Pool) else Box(space)
        self.sign = source.objective.sign
        fitter = Fitter(self.domain, source.definition["objective"])
        self.belief = fitter.belief(source.evidence)

    @property
    def known(self) -> bool:
        return self.belief is not None

    def __call__(self, points: Sequence[Json]) -> tuple[Array, Array]:
        assert self.belief is not None
        mean, std = self.belief.process.predict(self.domain.encode(points))
        return self.sign * np.asarray(mean), np.asarray(std)


def _best(source: Source) -> Json:
    outcomes = source.outcomes()
    return outcomes.parameters[int(np.argmax(source.objective.sign * outcomes.value))]


def _grid(space: Space, name: str, count: int) -> list[Any]:
    """Values of a parameter from end to end, evenly on its own scale, each of them allowed."""
    one = space.parameters[name].to_json()
    low, high = float(one["low"]), float(one["high"])
    even = np.geomspace(low, high, count) if one.get("log") else np.linspace(low, high, count)
    even[0], even[-1] = low, high  # a power of a logarithm may fall just outside
    return [int(v) for v in np.unique(even.round())] if one["kind"] == "int" else [float(v) for v in even]


def _slice(source: Source, space: Space, predict: _Belief, axis: Axis, point: Json) -> Panel:
    along = _grid(space, axis.label, ALONG)
    mean, std = predict([{**point, axis.label: value} for value in along])
    x = np.array(along, dtype=np.float64)
    layers: list[Layer] = [
        Band("95 %", "belief", x, mean - WIDTH * std, mean + WIDTH * std),
        Line("surrogate's mean", "belief", x, mean),
        *_measured(source.outcomes(), axis.label),
    ]
    live = source.live
    if live:
        there = np.array([run.parameters[axis.label] for run in live], dtype=np.float64)
        means, stds = predict([run.parameters for run in live])
        layers.append(
            Marks("running, predicted", "live", there, means, y_error=stds, names=[r.id for r in live])
        )
    others = ", ".join(f"{k} = {_short(v)}" for k, v in point.items() if k != axis.label and k in space.names)
    return Panel(axis, source.axis, layers, title=f"at {others}" if others else "")


def _measured(outcomes: Outcomes, x: str, y: str | None = None) -> list[Layer]:
    found: list[Layer] = []
    for who, words in WORDS.items():
        places = outcomes.of(who)
        if places:
            along = np.array([outcomes.parameters[i][x] for i in places], dtype=np.float64)
            names = [outcomes.names[i] for i in places]
            if y is None:
                value, error = outcomes.value[places], outcomes.error[places]
                found.append(Marks(words, who, along, value, y_error=error, names=names))
            else:
                up = np.array([outcomes.parameters[i][y] for i in places], dtype=np.float64)
                found.append(Marks(words, who, along, up, names=names))
    return found


def _map(source: Source, space: Space, predict: _Belief, axes: Sequence[Axis], point: Json) -> list[Panel]:
    across, up = (_grid(space, axis.label, GRID) for axis in axes)
    points = [{**point, axes[0].label: a, axes[1].label: b} for b in up for a in across]
    allowed = np.array([space.feasible(one) for one in points])
    mean, std = (
        np.where(allowed, values, np.nan).reshape(len(up), len(across)) for values in predict(points)
    )
    x, y = np.array(across, dtype=np.float64), np.array(up, dtype=np.float64)
    runs = _measured(source.outcomes(), axes[0].label, axes[1].label)
    outcome, unit = source.objective.outcome, source.objective.unit
    surfaces = (
        Surface(Axis(f"{outcome}, mean", unit), x, y, mean),
        Surface(Axis("standard deviation", unit), x, y, std),
    )
    return [Panel(axes[0], axes[1], [surface, *runs]) for surface in surfaces]


def _pool(source: Source, pool: Pool, predict: _Belief) -> Result:
    parity, _, _ = predicted_before(source)
    axis = Axis("candidates, by predicted rank")
    if not predict.known:
        note = "The surrogate needs at least 3 outcomes."
        return [Panel(axis, source.axis, note=note), parity], [source.task], []
    mean, std = predict([pool.point(key) for key in pool.keys])
    order = np.argsort(-source.objective.sign * mean, kind="stable")
    rank = np.arange(1, len(order) + 1, dtype=np.float64)
    names = [str(pool.keys[i]) for i in order]
    place = {name: float(i) for i, name in zip(rank, names, strict=True)}
    layers: list[Layer] = [
        Band("95 %", "belief", rank, (mean - WIDTH * std)[order], (mean + WIDTH * std)[order]),
        Line("surrogate's mean", "belief", rank, mean[order], names=names),
    ]
    outcomes = source.outcomes()
    for who, words in WORDS.items():
        places = outcomes.of(who)
        if places:
            at = np.array([place[str(outcomes.parameters[i][pool.key])] for i in places])
            value, error = outcomes.value[places], outcomes.error[places]
            layers.append(
                Marks(words, who, at, value, y_error=error, names=[outcomes.names[i] for i in places])
            )
    return [Panel(axis, source.axis, layers), parity], [source.task], list(outcomes.names)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
