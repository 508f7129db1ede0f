"""Favoured regions and pins in a search of a box: where it looks, and by what instead of its acquisition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.problem.parameters import Choice, Parameter
from aisteer.problem.space import Space
from aisteer.steering.box_search import Acquisition, maximise
from aisteer.steering.favour import favour
from aisteer.steering.protocols import Evidence, Json
from aisteer.steering.restraint import Restrained, settings_of

__all__ = ["Guided", "Searched", "best_of", "everywhere", "favoured_too", "regions"]

Array = NDArray[np.float64]

_AHEAD = float(np.log(10.0))
"""How far the best of a favoured region is ahead of the best elsewhere: ten times the improvement."""
_BEGIN = 64
"""Inputs that are moved into each favoured region."""
_EDGE = 0.003
"""How soft the edge of a favoured region is, as a share of a side."""


@dataclass(frozen=True, slots=True)
class Searched:
    """Where a point is looked for, and by what.

    Attributes:
        space: The box, or a part of it.
        raw: Inputs spread over it, shape ``(n, d)``.
        acquisition: What is maximised.
        box: The favoured region that it is; ``None`` everywhere.
    """

    space: Space
    raw: Array
    acquisition: Acquisition
    box: Json | None = None

    def holds(self, point: Json) -> bool:
        """Whether a point lies in the region, but for what rounding took off an edge."""
        return all(
            _within(self.space.parameters.get(n), point.get(n), v) for n, v in (self.box or {}).items()
        )


def everywhere(acquisition: Acquisition, space: Space, evidence: Evidence, spread: Array) -> Searched:
    """A logarithmic acquisition as steering wants it on all that it leaves, from inputs ``spread`` all over that."""
    left = favour(evidence)
    if left or isinstance(space, Restrained):
        acquisition = Guided(acquisition, space, _favoured(space, evidence), left, spread)
    return Searched(space, spread, acquisition)


def regions(acquisition: Acquisition, space: Space, evidence: Evidence, spread: Array) -> list[Searched]:
    """The same in each of the favoured regions that something is left of; none once they are forgotten."""
    found = []
    for box in _favoured(space, evidence):
        raw = _moved(spread, space, box)
        if len(raw):
            (low, high), _ = _places(space, box)
            part = Restrained(space, settings_of(evidence), (low.numpy(), high.numpy()))
            found.append(Searched(part, raw, Guided(acquisition, part, [], 0.0, raw), box))
    return found


def best_of(
    places: Sequence[Searched],
    *,
    incumbents: Array,
    rng: np.random.Generator,
    allowed: Callable[[Space, Json], bool],
    smooth: bool,
) -> Json | None:
    """The best point of some places; ``None`` where nothing is left there. The arguments are those of ``maximise``."""
    found: list[tuple[float, Json]] = []
    for one in places:
        point = maximise(
            one.space,
            one.acquisition,
            raw=one.raw,
            incumbents=incumbents,
            rng=rng,
            allowed=partial(_may_be, one, allowed),
            smooth=smooth,
        )
        if point is not None:
            value = one.acquisition(torch.as_tensor(one.space.encode([point]))) if len(places) > 1 else 0.0
            found.append((float(value), point))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _may_be(where: Searched, allowed: Callable[[Space, Json], bool], point: Json) -> bool:
    return where.holds(point) and allowed(where.space, point)


class Guided:
    """A logarithmic acquisition at the pinned values, more in favoured regions.

    A gradient along a pinned parameter is zero, so a search by gradients leaves it alone.

    Args:
        base: The acquisition, of inputs in the unit cube.
        space: The box.
        boxes: Favoured regions.
        left: What is left of their bonus, 0 to 1 (``favour``). Outside it falls off within some 0.3 % of a side.
        spread: Inputs spread over the box, shape ``(n, d)``: they say how far the acquisition ranges.
    """

    def __init__(
        self, base: Acquisition, space: Space, boxes: Sequence[Json], left: float, spread: Array
    ) -> None:
        pins = space.pinned if isinstance(space, Restrained) else {}
        self._base = base
        bounds = (space.low, space.high) if isinstance(space, Restrained) else (0.0, 1.0)
        self._low, self._high = (torch.as_tensor(bound, dtype=torch.float64) for bound in bounds)
        self._pinned = torch.zeros(space.dimension, dtype=torch.bool)
        self._values = torch.zeros(space.dimension, dtype=torch.float64)
        for name, value in pins.items():
            column = space.names.index(name)
            self._pinned[column], self._values[column] = True, space.parameters[name].to_unit(value)
        self._boxes = [_places(space, box) for box in boxes] if left else []
        self._weight = left * self._ahead(torch.as_tensor(spread)) if self._boxes else 0.0

    def _at(self, x: Tensor) -> Tensor:
        """The inputs that are meant: at the pinned values, within what is searched."""
        return torch.where(self._pinned, self._values, x.clamp(self._low, self._high))

    def _ahead(self, spread: Tensor) -> float:
        """The whole bonus. Acquisitions that are no logarithms have another scale, and none beyond their own range."""
        with torch.no_grad():
            values = self._base(self._at(spread))
        return min(_AHEAD, float(values.amax() - values.amin()))

    def _away(self, at: Tensor) -> Tensor:
        """How far inputs are outside the nearest region, added up over the parameters: shape ``b``."""
        outside = []
        for (low, high), options in self._boxes:
            away = (torch.relu(low - at) + torch.relu(at - high)).sum(-1)
            for column, places in options.items():
                away = away + (at[:, column : column + 1] - places).abs().amin(-1).gt(1e-9).to(at.dtype)
            outside.append(away)
        return torch.stack(outside).amin(0)

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs ``x``, shape ``b x d``."""
        at = self._at(x)
        value = self._base(at)
        if not self._boxes:
            return value
        # Steep from the edge on: what lies just outside would draw the search out otherwise.
        return value + self._weight * torch.exp(-self._away(at) / _EDGE)


def favoured_too(spread: Array, space: Space, evidence: Evidence) -> Array:
    """Inputs spread over a box, and some of them moved into the favoured regions."""
    return np.concatenate([spread, *(_moved(spread, space, box) for box in _favoured(space, evidence))])


def _favoured(space: Space, evidence: Evidence) -> list[Json]:
    """The favoured regions that still count for something, and of which a redefinition has left any."""
    boxes = (evidence.steering.get("favoured") or []) if favour(evidence) else []
    return [
        box for box in boxes if all(_overlap(space.parameters.get(name), some) for name, some in box.items())
    ]


def _overlap(parameter: Parameter | None, allowed: Sequence[Any]) -> bool:
    if parameter is None:
        return True
    if isinstance(parameter, Choice):
        return any(option in parameter.options for option in allowed)
    return bool(allowed[0] <= parameter.high and allowed[1] >= parameter.low)


def _moved(spread: Array, space: Space, box: Json) -> Array:
    """Some inputs moved into a region, shape ``(m, d)``: a search begins there too."""
    (low, high), options = _places(space, box)
    # Spread over the region, not onto its edges: the share of each side stays.
    inside = low.numpy() + spread[:_BEGIN] * (high.numpy() - low.numpy())
    for column, places in options.items():
        inside[:, column] = places.numpy()[np.arange(len(inside)) % len(places)]
    return space.encode([point for point in space.decode(inside) if space.feasible(point)])


def _within(parameter: Parameter | None, value: Any, allowed: Sequence[Any]) -> bool:
    if parameter is None:
        return True
    if isinstance(parameter, Choice):
        return value in allowed
    low, high = allowed
    slack = 1e-9 * (parameter.high - parameter.low)
    return bool(low - slack <= value <= high + slack)


def _places(space: Space, box: Json) -> tuple[tuple[Tensor, Tensor], dict[int, Tensor]]:
    """A box in the unit cube: the ends of its intervals, and the places of its options by column."""
    low = torch.zeros(space.dimension, dtype=torch.float64)
    high = torch.ones(space.dimension, dtype=torch.float64)
    options: dict[int, Tensor] = {}
    for name, allowed in box.items():
        parameter = space.parameters.get(name)
        if parameter is None:
            continue
        column = space.names.index(name)
        if isinstance(parameter, Choice):
            known = [parameter.to_unit(option) for option in allowed if option in parameter.options]
            options[column] = torch.tensor(known, dtype=torch.float64)
        else:
            least, most = (min(max(v, parameter.low), parameter.high) for v in allowed)
            low[column], high[column] = parameter.to_unit(least), parameter.to_unit(most)
    return (low, high), options
