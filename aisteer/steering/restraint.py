"""What steering leaves of a space: pinned values and forbidden regions.

A policy searches ``restrained(space, evidence)`` instead of its space. Its surrogate stays on the whole space: runs at
other values of a pinned parameter go on to inform it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.journal.commands import Draft
from aisteer.problem.fidelity import Fidelity
from aisteer.problem.pool import Pool
from aisteer.problem.regions import box_in_words, in_box, rows_left, ruled_out, value_in_words
from aisteer.problem.space import Space
from aisteer.steering.favour import favour
from aisteer.steering.protocols import Evidence, Json

__all__ = ["Forbidden", "Restrained", "allowed_rows", "obeying", "restrained", "settings_of"]

Array = NDArray[np.float64]


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


# --- pools ------------------------------------------------------------------------------------


def allowed_rows(pool: Pool, evidence: Evidence) -> NDArray[np.bool_]:
    """Which candidates steering leaves, shape ``(n,)``."""
    settings = settings_of(evidence)
    if not (settings.get("pinned") or settings.get("forbidden")):
        return np.ones(len(pool), dtype=bool)
    return np.array(rows_left(pool, settings), dtype=bool)


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
