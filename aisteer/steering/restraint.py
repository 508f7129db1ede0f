"""What steering leaves of a space: pinned values, forbidden and favoured regions.

A policy searches ``restrained(space, evidence)`` instead of its space, and ``guided(…)`` instead of its acquisition.
Its surrogate stays on the whole space: runs at other values of a pinned parameter go on to inform it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aisteer.journal.commands import Draft
from aisteer.problem.fidelity import Fidelity
from aisteer.problem.parameters import Choice
from aisteer.problem.pool import Pool
from aisteer.problem.regions import box_in_words, in_box, rows_in, rows_left, ruled_out, value_in_words
from aisteer.problem.space import Space
from aisteer.steering.protocols import Evidence, Json
from aisteer.steering.rejections import HALF_LIFE

if TYPE_CHECKING:
    from torch import Tensor

    from aisteer.steering.box_search import Acquisition

__all__ = [
    "Forbidden",
    "Guided",
    "Restrained",
    "allowed_rows",
    "favour",
    "favoured_too",
    "guided",
    "lifted",
    "obeying",
    "restrained",
    "settings_of",
]

Array = NDArray[np.float64]

_AHEAD = float(np.log(10.0))
"""How far the best of a favoured region is ahead of the best elsewhere, at first: ten times the improvement."""
_FORGOTTEN = 0.02
_BEGIN = 64
"""Inputs that are moved into each favoured region."""
_EDGE = 0.003
"""How soft the edge of a favoured region is, as a share of a side."""


def settings_of(evidence: Evidence) -> Json:
    """The steering of a task; what its policy was told to hold fixed is pinned from the start."""
    policy = evidence.definition.get("policy") or {}
    fixed = (policy.get("options") or {}).get("fixed") or {}
    if policy.get("name") == "random" and (fidelity := Fidelity.of(evidence.definition)) is not None:
        fixed = {**fixed, fidelity.name: fidelity.truth}  # what others are compared with is the truth
    pinned = {**fixed, **(evidence.steering.get("pinned") or {})}
    return {**evidence.steering, "pinned": pinned} if pinned else dict(evidence.steering)


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A forbidden box as a constraint that is not linear."""

    space: Space
    box: Json

    @property
    def names(self) -> tuple[str, ...]:
        """What it speaks of."""
        return tuple(self.box)

    @property
    def text(self) -> str:
        """In words."""
        return f"outside {box_in_words(self.space, self.box)}"

    def holds(self, values: Any) -> bool:
        """Whether a point lies outside."""
        return not in_box(self.space, self.box, values)

    def excess(self, values: Any) -> float:
        """Above 0 inside."""
        return 0.0 if self.holds(values) else 1.0


class Restrained(Space):
    """A box of which some values are pinned and some regions forbidden: it decodes, draws and answers accordingly.

    Args:
        space: The whole box.
        settings: ``pinned`` and ``forbidden``, as in ``events.Steered``.
        within: The lower and the upper end of what is searched in the unit cube, shape ``(d,)`` each; all if not given.
    """

    def __init__(self, space: Space, settings: Json, within: tuple[Array, Array] | None = None) -> None:
        whole: Space = getattr(space, "whole", space)
        self.__dict__.update(whole.__dict__)
        self.whole = whole
        self.low: Array = np.zeros(whole.dimension) if within is None else within[0]
        self.high: Array = np.ones(whole.dimension) if within is None else within[1]
        self.pinned = {n: v for n, v in (settings.get("pinned") or {}).items() if n in whole.parameters}
        boxes = tuple(Forbidden(whole, box) for box in settings.get("forbidden") or ())
        self.nonlinear = (*whole.nonlinear, *boxes)  # type: ignore[arg-type]

    def feasible(self, point: Any) -> bool:
        """Whether a point has the pinned values, meets every constraint, and lies in no forbidden box."""
        return all(point[name] == value for name, value in self.pinned.items()) and super().feasible(point)

    def inside(self, unit: Array) -> Array:
        """The nearest positions within what is searched."""
        return np.clip(unit, self.low, self.high)

    def decode(self, unit: Array) -> list[dict[str, Any]]:
        """As in ``Space``, with the pinned values."""
        return [{**point, **self.pinned} for point in super().decode(self.inside(unit))]

    def decode_uniform(self, unit: Array) -> list[dict[str, Any]]:
        """As in ``Space``, with the pinned values, over what is searched."""
        within = self.low + unit * (self.high - self.low)
        return [{**point, **self.pinned} for point in super().decode_uniform(within)]

    def encoded_constraints(self) -> tuple[Array, Array] | None:
        """As in ``Space``; what pinned values take of a bound is taken already."""
        found = super().encoded_constraints()
        if found is None or not self.pinned:
            return found
        matrix, bound = found[0].copy(), found[1].copy()
        columns = [self.names.index(name) for name in self.pinned]
        bound -= matrix[:, columns] @ self.positions()
        matrix[:, columns] = 0.0
        return matrix, bound

    def positions(self) -> Array:
        """The pinned values in the unit cube, in their order."""
        return np.array([self.parameters[name].to_unit(value) for name, value in self.pinned.items()])


def restrained(space: Space, evidence: Evidence) -> Space:
    """What steering leaves of a box; the box itself where there is none."""
    settings = settings_of(evidence)
    return Restrained(space, settings) if settings.get("pinned") or settings.get("forbidden") else space


# --- favoured regions and pins in a search ----------------------------------------------------


def favour(evidence: Evidence) -> float:
    """What is left of the bonus of favoured regions: 1 at first, half after every 10 decisions, then nothing."""
    if not evidence.steering.get("favoured"):
        return 0.0
    left = 0.5 ** (evidence.steered.get("favoured", 0) / HALF_LIFE)
    return left if left > _FORGOTTEN else 0.0


class Guided:
    """A logarithmic acquisition at the pinned values, more in favoured regions.

    A gradient along a pinned parameter is zero, so a search by gradients leaves it alone.

    Args:
        base: The acquisition, of inputs in the unit cube.
        space: The box.
        boxes: Favoured regions.
        left: What is left of their bonus, 0 to 1 (``favour``).
        spread: Inputs spread over the box, shape ``(n, d)``: they say how far the regions are behind by themselves.

    At first the bonus makes up for that, and puts them ahead; outside it falls off within some 0.3 % of a side.
    """

    def __init__(
        self, base: Acquisition, space: Space, boxes: Sequence[Json], left: float, spread: Array
    ) -> None:
        import torch

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
        self._weight = left * self._bonus(torch.as_tensor(spread)) if self._boxes else 0.0

    def _at(self, x: Tensor) -> Tensor:
        """The inputs that are meant: at the pinned values, within what is searched."""
        import torch

        return torch.where(self._pinned, self._values, x.clamp(self._low, self._high))

    def _bonus(self, spread: Tensor) -> float:
        """What puts the best input in the regions ahead of the best of all."""
        import torch

        at = self._at(spread)
        with torch.no_grad():
            values, inside = self._base(at), self._away(at) < 1e-9
        if not bool(inside.any()):
            return _AHEAD
        # Acquisitions that are no logarithms have another scale: a bonus beyond their own range would be all there is.
        ahead = min(_AHEAD, float(values.amax() - values.amin()))
        bonus = ahead + float(values.amax() - values[inside].amax())
        return bonus if np.isfinite(bonus) else _AHEAD

    def _away(self, at: Tensor) -> Tensor:
        """How far inputs are outside the nearest region, added up over the parameters: shape ``b``."""
        import torch

        outside = []
        for (low, high), options in self._boxes:
            away = (torch.relu(low - at) + torch.relu(at - high)).sum(-1)
            for column, places in options.items():
                away = away + (at[:, column : column + 1] - places).abs().amin(-1).gt(1e-9).to(at.dtype)
            outside.append(away)
        return torch.stack(outside).amin(0)

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs ``x``, shape ``b x d``."""
        import torch

        at = self._at(x)
        value = self._base(at)
        if not self._boxes:
            return value
        # Steep from the edge on: what lies just outside would draw the search out otherwise.
        return value + self._weight * torch.exp(-self._away(at) / _EDGE)


def favoured_too(spread: Array, space: Space, evidence: Evidence) -> Array:
    """Inputs spread over a box, and some of them moved into the favoured regions, where a search has to begin too."""
    if not favour(evidence):
        return spread
    moved = []
    for box in evidence.steering.get("favoured") or []:
        (low, high), options = _places(space, box)
        # Spread over the region, not onto its edges: the share of each side stays.
        inside = low.numpy() + spread[:_BEGIN] * (high.numpy() - low.numpy())
        for column, places in options.items():
            inside[:, column] = places.numpy()[np.arange(len(inside)) % len(places)]
        moved += [point for point in space.decode(inside) if space.feasible(point)]
    return np.concatenate([spread, space.encode(moved)]) if moved else spread


def _places(space: Space, box: Json) -> tuple[tuple[Tensor, Tensor], dict[int, Tensor]]:
    """A box in the unit cube: the ends of its intervals, and the places of its options by column."""
    import torch

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


def guided(acquisition: Acquisition, space: Space, evidence: Evidence, spread: Array) -> Acquisition:
    """A logarithmic acquisition as steering wants it, on the restrained space; ``spread`` are inputs all over it."""
    left = favour(evidence)
    if not left and not isinstance(space, Restrained):
        return acquisition
    return Guided(acquisition, space, evidence.steering.get("favoured") or [], left, spread)


# --- pools ------------------------------------------------------------------------------------


def allowed_rows(pool: Pool, evidence: Evidence) -> NDArray[np.bool_]:
    """Which candidates steering leaves, shape ``(n,)``."""
    settings = settings_of(evidence)
    if not (settings.get("pinned") or settings.get("forbidden")):
        return np.ones(len(pool), dtype=bool)
    return np.array(rows_left(pool, settings), dtype=bool)


def lifted(pool: Pool, evidence: Evidence) -> Array:
    """What favoured candidates are lifted by, in standard deviations of the outcomes, shape ``(n,)``."""
    left, boxes = favour(evidence), evidence.steering.get("favoured") or []
    if not left:
        return np.zeros(len(pool))
    inside = np.any([rows_in(pool, box) for box in boxes], axis=0)
    found: Array = left * np.asarray(inside, dtype=np.float64)
    return found


# --- what any policy made ---------------------------------------------------------------------


def obeying(drafts: Sequence[Draft], space: Space | Pool, evidence: Evidence) -> list[Draft]:
    """Those of a policy's drafts that steering leaves room for, each with what steering had to do with it."""
    settings = settings_of(evidence)
    kept = [d for d in drafts if d.action != "start" or not ruled_out(space, settings, d.parameters)]
    if not settings.get("pinned") and not settings.get("favoured"):
        return kept
    return [replace(d, reasons=[*d.reasons, *_said(d, space, evidence, settings)]) for d in kept]


def _said(draft: Draft, space: Space | Pool, evidence: Evidence, settings: Json) -> list[Json]:
    pins = settings.get("pinned") or {}
    words = [f"{name} is pinned to {value_in_words(space, name, pin)}" for name, pin in pins.items()]
    if favour(evidence):
        inside = [box for box in settings.get("favoured") or [] if in_box(space, box, draft.parameters)]
        words += [f"it lies in a favoured region ({box_in_words(space, box)})" for box in inside[:1]]
    return [{"kind": "steering", "words": "; ".join(words)}] if words else []
