"""Points of a task: checked against its space and its simulation's controls."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aisteer.errors import BadParameters
from aisteer.problem.pool import Pool, space_from_json
from aisteer.problem.simulation import check_controls
from aisteer.problem.space import Space

__all__ = ["spaces_of", "validated"]

Json = dict[str, Any]


@functools.lru_cache(maxsize=64)
def _space(data: str, folder: Path) -> Space | Pool:
    found: Space | Pool = space_from_json(json.loads(data), folder)
    return found


def spaces_of(definition: Json, folder: Path, task: str) -> Space | Pool:
    """The space or pool of a task, kept between calls."""
    return _space(json.dumps(definition["tasks"][task]["space"], sort_keys=False), folder)


def validated(
    definition: Json, folder: Path, task: str, parameters: Mapping[str, Any], edit: Mapping[str, Any] | None
) -> Json:
    """Parameters as plain values.

    Controls of the simulation may stand among them (``extend``, ``branch``) where ``edit`` says what changed.

    Raises:
        BadParameters: They do not fit.
    """
    space = spaces_of(definition, folder, task)
    simulation = definition["tasks"][task]["simulation"]
    known = set(space.names)
    controls: Json = {}
    if edit is not None:
        named = set(simulation.get("controls", ())) - known
        controls = {name: _plain(name, value) for name, value in parameters.items() if name in named}
        check_controls(simulation["name"], named, controls)
    point: Mapping[str, Any] = {name: value for name, value in parameters.items() if name not in controls}
    if isinstance(space, Pool) and edit is not None and space.key in edit:
        point = {name: value for name, value in edit.items() if name in known}
    return {**space.validate(point), **controls}


def _plain(name: str, value: Any) -> Any:
    item = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if (
        isinstance(item, str | bool | int)
        or item is None
        or (isinstance(item, float) and math.isfinite(item))
    ):
        return item
    raise BadParameters(
        f"The control {name} = {value!r:.80} must be text, a finite number or a truth value.", name=name
    )
