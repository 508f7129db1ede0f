"""Parts of a space as data: values that are pinned, and boxes that are forbidden or favoured.

A box is ``{name: [low, high]}`` for numbers and ``{name: [option, …]}`` for choices; a name that it leaves out may
have any value. In a pool any column can be named, a parameter or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aisteer.errors import BadParameters
from aisteer.problem.naming import did_you_mean
from aisteer.problem.parameters import Choice, number_in_words
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space

__all__ = [
    "box_in_words",
    "check_room",
    "in_box",
    "plain_boxes",
    "plain_pins",
    "rows_in",
    "rows_left",
    "ruled_out",
    "value_in_words",
]

Json = dict[str, Any]
_DRAWS = 50_000
_AT_ONCE = 500


# --- from what a user says --------------------------------------------------------------------


def plain_pins(space: Space | Pool, pins: object) -> Json:
    """``{name: value}`` as plain values.

    Raises:
        BadParameters: A name is unknown, or a value is out of bounds or of no candidate.
    """
    if not isinstance(pins, Mapping) or not pins:
        raise BadParameters(
            f"pinned takes values by name, such as {{'temperature': 300}}, not {pins!r:.100}."
        )
    return {str(name): _value(space, str(name), value) for name, value in pins.items()}


def plain_boxes(space: Space | Pool, boxes: object, what: str) -> list[Json]:
    """A box, or a list of them, as plain lists.

    Args:
        space: The space or pool.
        boxes: What was said.
        what: ``forbidden`` or ``favoured``, for messages.

    Raises:
        BadParameters: A name is unknown, an interval is empty or wholly out of bounds, an option is none.
    """
    listed = [boxes] if isinstance(boxes, Mapping) else boxes
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise BadParameters(
            f"{what} takes a box such as {{'temperature': [300, 500]}}, or a list of them, not {boxes!r:.100}."
        )
    found = []
    for box in listed:
        if not isinstance(box, Mapping) or not box:
            raise BadParameters(f"{what}: a box names at least one parameter, and {box!r:.100} does not.")
        found.append({str(name): _range(space, str(name), given, what) for name, given in box.items()})
    return found


def _known(space: Space | Pool, name: str) -> None:
    names = tuple(space.columns) if isinstance(space, Pool) else space.names
    if name not in names:
        near = did_you_mean(name, names)
        kind = "column" if isinstance(space, Pool) else "parameter"
        raise BadParameters(f"There is no {kind} {name!r} ({', '.join(names[:12])}).{near}", name=name)


def _value(space: Space | Pool, name: str, value: Any) -> Any:
    _known(space, name)
    if isinstance(space, Pool):
        plain = _item(value)
        if plain not in space.columns[name]:
            raise BadParameters(f"No candidate of the pool has {name} = {plain!r:.100}.", name=name)
        return plain
    return space.parameters[name].validate(name, value)


def _range(space: Space | Pool, name: str, given: Any, what: str) -> list[Any]:
    _known(space, name)
    values = list(given) if isinstance(given, list | tuple | set | frozenset) else [given]
    if hasattr(given, "tolist"):
        values = given.tolist() if given.ndim else [given.item()]
    if _by_option(space, name):
        if not values:
            raise BadParameters(f"{what}: {name} names no option.", name=name)
        return [_value(space, name, value) for value in values]
    values = values * 2 if len(values) == 1 else values
    plain = [_item(value) for value in values]
    if len(plain) != 2 or not all(_number(v) for v in plain) or not plain[0] <= plain[1]:
        raise BadParameters(
            f"{what}: {name} takes [low, high] with low at most high, not {given!r:.100}.", name=name
        )
    low, high = _bounds(space, name)
    if plain[1] < low or plain[0] > high:
        raise BadParameters(
            f"{what}: {name} goes from {low:g} to {high:g}, so nothing of it lies in {plain[0]:g} to {plain[1]:g}.",
            name=name,
        )
    return plain


def _item(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124  nan


def _bounds(space: Space | Pool, name: str) -> tuple[float, float]:
    if isinstance(space, Pool):
        values = [value for value in space.columns[name] if _number(value)]
        return min(values), max(values)  # type: ignore[type-var, return-value]
    parameter = space.parameters[name]
    assert not isinstance(parameter, Choice)
    return parameter.low, parameter.high


def _by_option(space: Space | Pool, name: str) -> bool:
    """Whether a box names options of it, rather than an interval."""
    if isinstance(space, Pool):
        return not all(value is None or _number(value) for value in space.columns[name])
    return isinstance(space.parameters[name], Choice)


# --- what lies where --------------------------------------------------------------------------


def _at(space: Space | Pool, point: Mapping[str, Any]) -> Mapping[str, Any]:
    """All that is known of a point: in a pool, the columns of its candidate."""
    return space.row(point[space.key]) if isinstance(space, Pool) and point.get(space.key) in space else point


def in_box(space: Space | Pool, box: Mapping[str, Any], point: Mapping[str, Any]) -> bool:
    """Whether ``point`` lies in ``box``. What the space does not know (any more) bounds nothing."""
    known = tuple(space.columns) if isinstance(space, Pool) else space.names
    named = [name for name in box if name in known]
    return bool(named) and all(_within(space, name, box[name], _at(space, point).get(name)) for name in named)


def _within(space: Space | Pool, name: str, allowed: Sequence[Any], value: Any) -> bool:
    return _allowed(allowed, value, by_option=_by_option(space, name))


def _allowed(allowed: Sequence[Any], value: Any, *, by_option: bool) -> bool:
    if by_option:
        return any(value == option and type(value) is type(option) for option in allowed)
    return _number(value) and bool(allowed[0] <= value <= allowed[1])


def ruled_out(space: Space | Pool, settings: Mapping[str, Any], point: Mapping[str, Any]) -> str:
    """Why the settings ``pinned`` and ``forbidden`` leave no room for ``point``, in words; empty where they do."""
    at = _at(space, point)
    for name, value in (settings.get("pinned") or {}).items():
        if name in at and at[name] != value:
            return f"{name} is pinned to {value_in_words(space, name, value)}"
    for box in settings.get("forbidden") or ():
        if in_box(space, box, point):
            return f"it lies in a forbidden region ({box_in_words(space, box)})"
    return ""


def rows_in(pool: Pool, box: Mapping[str, Any]) -> list[bool]:
    """Which candidates of a pool lie in ``box``, in their order."""
    inside = [any(name in pool.columns for name in box)] * len(pool)
    for name, allowed in box.items():
        if name in pool.columns:
            by_option = _by_option(pool, name)
            inside = [
                one and _allowed(allowed, value, by_option=by_option)
                for one, value in zip(inside, pool.columns[name], strict=True)
            ]
    return inside


def rows_left(pool: Pool, settings: Mapping[str, Any]) -> list[bool]:
    """Which candidates of a pool the settings ``pinned`` and ``forbidden`` leave, in their order."""
    left = [True] * len(pool)
    for name, value in (settings.get("pinned") or {}).items():
        if name in pool.columns:
            left = [one and at == value for one, at in zip(left, pool.columns[name], strict=True)]
    for box in settings.get("forbidden") or ():
        left = [one and not inside for one, inside in zip(left, rows_in(pool, box), strict=True)]
    return left


def box_in_words(space: Space | Pool | None, box: Mapping[str, Any]) -> str:
    """``temperature 300 to 500 K and phase α or β``."""
    parts = []
    for name, allowed in box.items():
        values = [value_in_words(space, name, value) for value in allowed]
        interval = len(values) == 2 and all(_number(v) for v in allowed)
        if space is not None and name in _columns(space):
            interval = not _by_option(space, name)
        if interval and allowed[0] == allowed[1]:
            values = values[:1]
        parts.append(f"{name} {(' to ' if interval else ' or ').join(values)}")
    return " and ".join(parts)


def _columns(space: Space | Pool) -> Iterable[str]:
    return space.columns if isinstance(space, Pool) else space.parameters


def value_in_words(space: Space | Pool | None, name: str, value: Any) -> str:
    """``300 K``, or an option as it is."""
    parameter = space.parameters.get(name) if isinstance(space, Space) else None
    return number_in_words(value, getattr(parameter, "unit", "")) if _number(value) else str(value)


def check_room(space: Space | Pool, settings: Mapping[str, Any]) -> None:
    """Whether pins and forbidden boxes leave anything to propose.

    Raises:
        BadParameters: They do not, or so little that no point of it was found in 50,000 draws.
    """
    pins = settings.get("pinned") or {}
    if not pins and not settings.get("forbidden"):
        return
    words = [f"{name} pinned to {value_in_words(space, name, value)}" for name, value in pins.items()]
    words += [f"{box_in_words(space, box)} forbidden" for box in settings.get("forbidden") or ()]
    what = ", ".join(words)
    if isinstance(space, Pool):
        if not any(rows_left(space, settings)):
            raise BadParameters(
                f"Nothing was changed: with {what}, no candidate of the pool is left to propose."
            )
        return
    import numpy as np

    rng = np.random.default_rng(0)
    for _ in range(_DRAWS // _AT_ONCE):
        for point in space.decode_uniform(rng.random((_AT_ONCE, space.dimension))):
            point.update({name: value for name, value in pins.items() if name in point})
            if space.feasible(point) and not ruled_out(space, settings, point):
                return
    constraints = f" and the constraints {list(space.constraints)}" if space.constraints else ""
    raise BadParameters(
        f"Nothing was changed: with {what}{constraints}, no point is left to propose "
        f"(none was found in {_DRAWS:,} draws). Loosen one of them."
    )
