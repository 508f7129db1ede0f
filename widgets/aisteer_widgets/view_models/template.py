"""A form made from the JSON schema of an endpoint's template, and what was typed into it read back.

The schema was written by whoever runs the endpoint: it is data, bounded here, and no pattern of it is tried that could
keep the kernel busy.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aisteer_widgets.view_models import format as fmt

__all__ = ["MORE", "Field", "fields", "read", "watch_roles"]

Json = dict[str, Any]

MORE = "…"
"""The field for what a template takes beyond what its schema names; no setting has this name."""
_SHOWN = 60
_OPTIONS = 200
_LONGEST = 200
"""Characters of a text that a pattern is tried on."""
_HUGE = 1e300
_WATCH = re.compile(r"^(watch|watcher|watching|monitor|monitoring)$", re.IGNORECASE)
_JOB = (
    {"account", "project", "allocation", "charge"},
    {"queue", "partition"},
    {"qos"},
    {"nodes", "num_nodes", "nodes_per_block"},
    {"walltime", "time_limit"},
)
"""What a batch job is asked for with, in the order in which people say it."""
_FORMS = {"string": "text", "integer": "integer", "number": "number", "boolean": "choice"}


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a template.

    Attributes:
        name: As in the template.
        form: ``text``, ``integer``, ``number``, ``choice`` or ``json``.
        about: What it is for, in its administrator's words.
        limits: What it may say, in ours.
        required: Whether the template needs it.
        default: What holds where nothing is said, as text.
        options: What there is to choose from, as JSON texts and as they are shown.
        schema: What the schema says of it, references followed.
    """

    name: str
    form: str
    about: str
    limits: str
    required: bool
    default: str
    options: tuple[tuple[str, str], ...]
    schema: Json


def fields(schema: object) -> tuple[Field, ...]:
    """The settings that a template's schema names: what it needs, what a batch job is asked for with, then the rest.

    What only tells a watcher from what computes is no setting of a run, and is left out (see ``watch_roles``).
    """
    whole = schema if isinstance(schema, dict) else {}
    named = whole.get("properties")
    required = whole.get("required")
    needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    found = [
        _field(name, _followed(said, whole), needed=name in needed)
        for name, said in (list(named.items()) if isinstance(named, dict) else [])[:_SHOWN]
        if isinstance(name, str) and name
    ]
    settings = [one for one in found if one.required or not _only_computes(one)]
    if whole.get("additionalProperties", True) is not False:
        about = "Anything else that the endpoint's template takes, as a JSON object"
        settings.append(Field(MORE, "json", about, "", required=False, default="", options=(), schema={}))
    return tuple(sorted(settings, key=lambda one: (not one.required, _rank(one.name))))


def read(known: tuple[Field, ...], texts: Mapping[str, str]) -> tuple[Json, dict[str, str]]:
    """What the texts of a form say.

    Args:
        known: The form's fields.
        texts: By field's name, as typed; an empty one says nothing.

    Returns:
        The settings, and by field's name what is wrong, in words.
    """
    said: Json = {}
    wrong: dict[str, str] = {}
    for one in known:
        text = str(texts.get(one.name, "")).strip()
        if not text:
            if one.required and "default" in one.schema:
                said[one.name] = one.schema["default"]
            elif one.required:
                wrong[one.name] = "The endpoint needs this."
            continue
        try:
            value = _value(one, text)
        except _Wrong as error:
            wrong[one.name] = str(error)
            continue
        said.update(value if one.name == MORE else {one.name: value})
    return said, wrong


def watch_roles(schema: object) -> tuple[Json, ...]:
    """The fillings of a template that make a watcher of it: settings that say ``watch``, as its schema offers them."""
    whole = schema if isinstance(schema, dict) else {}
    named = whole.get("properties")
    found: list[Json] = []
    for name, said in (list(named.items()) if isinstance(named, dict) else [])[:_SHOWN]:
        options = [o for o in _choices(_followed(said, whole)) if isinstance(o, str) and _WATCH.match(o)]
        found += [{str(name): option} for option in options]
    return tuple(found)


def _rank(name: str) -> int:
    plain = name.lower()
    return next((rank for rank, words in enumerate(_JOB) if plain in words), len(_JOB))


class _Wrong(ValueError):
    """What was typed cannot be meant."""


def _followed(said: object, whole: Json) -> Json:
    """What a schema says of something, its references within itself followed."""
    for _ in range(5):
        if not isinstance(said, dict) or not isinstance(said.get("$ref"), str):
            break
        target: object = whole
        for part in said["$ref"].removeprefix("#").strip("/").split("/"):
            target = target.get(part) if isinstance(target, dict) else None
        rest = {name: value for name, value in said.items() if name != "$ref"}
        said = {**target, **rest} if isinstance(target, dict) else rest
    return said if isinstance(said, dict) else {}


def _variants(said: Json) -> list[Json]:
    """The ways in which it may be said, null (which is to say nothing) apart."""
    for name in ("anyOf", "oneOf"):
        listed = said.get(name)
        if isinstance(listed, list):
            some = [one for one in listed[:20] if isinstance(one, dict) and one.get("type") != "null"]
            return [{**said, **one} for one in some] or [said]
    return [said]


def _choices(said: Json) -> list[Any]:
    """What there is to choose from; nothing where it is not a choice."""
    found: list[Any] = []
    for one in _variants(said):
        if isinstance(one.get("enum"), list):
            found += [option for option in one["enum"][:_OPTIONS] if option is not None]
        elif "const" in one:
            found.append(one["const"])
        elif one.get("type") == "boolean":
            found += [True, False]
        else:
            return []
    return found[:_OPTIONS]


def _only_computes(one: Field) -> bool:
    """Whether all that it could say is that it is, or is not, a watcher."""
    options = _choices(one.schema)
    watching = [option for option in options if isinstance(option, str) and _WATCH.match(option)]
    return bool(watching) and len(options) - len(watching) <= 1


def _field(name: str, said: Json, *, needed: bool) -> Field:
    options = [o for o in _choices(said) if not (isinstance(o, str) and _WATCH.match(o))]
    kinds = {kind for one in _variants(said) for kind in _kinds(one)}
    plain = kinds.pop() if len(kinds) == 1 else ""
    form = "choice" if options else _FORMS.get(plain, "text" if not plain else "json")
    default = said.get("default")
    return Field(
        name,
        form,
        fmt.clip(said.get("description") or said.get("title") or "", 240),
        _limits(said, form),
        required=needed,
        default="" if default is None else fmt.clip(_text(default), 120),
        options=tuple((json.dumps(option), fmt.clip(_text(option), 80)) for option in options),
        schema=said,
    )


def _kinds(said: Json) -> list[str]:
    kind = said.get("type")
    listed = kind if isinstance(kind, list) else [kind]
    return [one for one in listed if isinstance(one, str) and one != "null"]


def _text(value: Any) -> str:
    """As it is shown: words as they are, the rest as JSON."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value)


def _limits(said: Json, form: str) -> str:
    low, high = _bound(said, "minimum"), _bound(said, "maximum")
    words = []
    if form in {"integer", "number"}:
        words.append("whole number" if form == "integer" else "number")
        if low is not None and low == high:
            words.append(fmt.number(low))
        elif low is not None and high is not None:
            words.append(f"{fmt.number(low)} to {fmt.number(high)}")
        elif low is not None:
            words.append(f"at least {fmt.number(low)}")
        elif high is not None:
            words.append(f"at most {fmt.number(high)}")
    elif form == "json":
        words.append("JSON")
    pattern = said.get("pattern")
    if form == "text" and isinstance(pattern, str):
        words.append(f"of the form {fmt.clip(pattern, 60)}")
    return ", ".join(words)


def _bound(said: Json, name: str) -> float | None:
    value = said.get(name)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE
    return value if usable else None


def _value(one: Field, text: str) -> Any:
    if one.form == "choice":
        if text not in {option for option, _ in one.options}:
            raise _Wrong("This is none of what the endpoint offers.")
        return json.loads(text)
    if one.form in {"integer", "number"}:
        return _number(one, text)
    if one.form == "json" or one.name == MORE:
        return _json(one, text)
    return _checked_text(one, text)


def _number(one: Field, text: str) -> float:
    try:
        value = int(text) if one.form == "integer" else float(text)
    except ValueError:
        words = "A whole number is needed, such as 4." if one.form == "integer" else "A number is needed."
        raise _Wrong(words) from None
    low, high = _bound(one.schema, "minimum"), _bound(one.schema, "maximum")
    if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
        raise _Wrong(f"The endpoint takes a {one.limits}.")
    return value


def _json(one: Field, text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        raise _Wrong('This is no JSON. An object looks like {"name": "value"}.') from None
    if one.name == MORE and not isinstance(value, dict):
        raise _Wrong('A JSON object is needed, such as {"name": "value"}.')
    kinds = {"array": list, "object": dict}
    wanted = [kinds[kind] for kind in _kinds(one.schema) if kind in kinds]
    if wanted and not isinstance(value, tuple(wanted)):
        raise _Wrong(f"The endpoint takes a JSON {' or '.join(_kinds(one.schema))} here.")
    return value


def _checked_text(one: Field, text: str) -> str:
    pattern = one.schema.get("pattern")
    longest = _bound(one.schema, "maxLength")
    if longest is not None and len(text) > longest:
        raise _Wrong(f"At most {fmt.number(longest)} characters are taken.")
    if isinstance(pattern, str) and len(text) <= _LONGEST and _tame(pattern) and not re.search(pattern, text):
        raise _Wrong(f"It has to be of the form {fmt.clip(pattern, 60)}.")
    return text


def _tame(pattern: str) -> bool:
    """Whether a pattern can be tried without the risk of trying for ever: few repetitions, none of them nested."""
    if re.search(r"\\[1-9]", pattern):
        return False
    plain = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", pattern[:500])
    if len(pattern) > _LONGEST or re.search(r"\)\s*[*+?{]|\(\?", plain):
        return False
    repeated = re.findall(r"[*+]|\{\d*,\d*\}", plain)
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return len(repeated) <= 2
