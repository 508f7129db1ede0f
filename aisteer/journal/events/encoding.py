"""Events to and from JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from aisteer.errors import JournalDamaged
from aisteer.journal.events.kinds import KINDS, LIFTS, Event, Json, Unknown

__all__ = ["decode", "encode", "storable", "stored"]

_FIELDS: dict[type[Event], tuple[tuple[str, Any], ...]] = {}


def _defaults(cls: type[Event]) -> tuple[tuple[str, Any], ...]:
    found: list[tuple[str, Any]] = []
    for item in fields(cls):
        if item.default_factory is not MISSING:
            found.append((item.name, item.default_factory()))
        else:
            found.append((item.name, item.default))
    return tuple(found)


def _body(event: Event) -> Json:
    """The fields that are not at their default."""
    cls = type(event)
    known = _FIELDS.get(cls)
    if known is None:
        known = _FIELDS.setdefault(cls, _defaults(cls))
    body = {}
    for name, default in known:
        value = getattr(event, name)
        if value is not default and (default is MISSING or value != default):
            body[name] = value
    return body


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_escaper = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode(event: Event) -> str:
    """The event's body as JSON; fields at their default are left out."""
    return _dump(_body(event))


def _dump(body: Json) -> str:
    text = _encoder(body)
    return text if storable(text) else _escaper(body)


_FIXED = frozenset({str, int, float, bool, type(None)})


def stored(event: Event) -> tuple[str, Event]:
    """The event's body as JSON, and the event as it is read back from it.

    Nobody can change that one from outside, and it is the same in every process. An event of plain
    numbers and text is that already.
    """
    body = _body(event)
    text = _dump(body)
    if _FIXED.issuperset(map(type, body.values())):
        return text, event
    return text, decode(event.kind, event.version, text)


def storable(text: str) -> bool:
    """Whether ``text`` is valid Unicode; half a surrogate pair (a broken emoji) has to be escaped."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def decode(kind: str, version: int, body: str | Mapping[str, Any]) -> Event:
    """The event of a stored row, lifted to the present version; ``Unknown`` for one of a newer release.

    Raises:
        JournalDamaged: The body does not fit its kind.
    """
    cls = KINDS.get(kind)
    if cls is None or version > cls.version:
        text = body if isinstance(body, str) else json.dumps(body)
        return Unknown(stored_kind=kind, stored_version=version, body=text)
    try:
        data: Json = json.loads(body) if isinstance(body, str) else dict(body)
        while version < cls.version:
            data = LIFTS[kind, version](data)
            version += 1
        return cls(**data)
    except (TypeError, ValueError) as error:
        message = (
            f"The journal holds a {kind} event that cannot be read ({error}). "
            "The campaign opens read-only; restore the journal from a copy, "
            "or export what can be read with `aisteer export`."
        )
        raise JournalDamaged(message, kind=kind, version=version) from error
