"""Endpoints as the connect panel lists them: how each is, its Python, and what could watch runs there."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.template import watch_roles

__all__ = ["OLDEST", "Found", "fixed", "listed", "name_of", "period_of", "python_of", "state_of"]

Json = dict[str, Any]
SHOWN = 10
OLDEST = (3, 9)
"""The Python that aisteer's worker needs, at least."""
_VERSION = re.compile(r"^\s*(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Found:
    """An endpoint as far as the web service has told of it.

    Attributes:
        id: Its id.
        name: As its administrator calls it.
        own: Whether it belongs to whoever is signed in.
        metadata: What it says of itself; None before it was asked.
        online: Whether its heart beats, as the service knows; None before it was asked.
        period: Seconds between its heartbeats, where the service says them.
        asked: When its state was told, Unix seconds.
        heard: When the service last told us that it was online.
        problem: Why it cannot be looked at, in words.
        given: Whether its id was given by the user, who may know of more than Globus lists.
    """

    id: str
    name: str = ""
    own: bool = False
    metadata: Json | None = None
    online: bool | None = None
    period: float = 0.0
    asked: float = 0.0
    heard: float = 0.0
    problem: str = ""
    given: bool = False

    @property
    def schema(self) -> object:
        """The JSON schema of its template."""
        return (self.metadata or {}).get("user_config_schema")


def listed(found: Sequence[Found], chosen: str, now: float, shown: int = SHOWN) -> Json:
    """The list of endpoints.

    Args:
        found: All that is known, in the order in which they are shown.
        chosen: The id of the chosen one.
        now: Unix seconds.
        shown: How many are shown; the chosen one always is.
    """
    some = [one for number, one in enumerate(found) if number < shown or one.id == chosen]
    left = len(found) - len(some)
    return {
        "items": [_item(one, now, chosen=one.id == chosen) for one in some],
        "more": f"{fmt.count(left, 'more endpoint')} not shown" if left else "",
    }


def _item(one: Found, now: float, *, chosen: bool) -> Json:
    state, words = state_of(one, now)
    python, note = python_of(one)
    return {
        "id": fmt.clip(one.id, 64),
        "name": name_of(one),
        "own": "yours" if one.own else "",
        "state": state,
        "words": words,
        "python": python,
        "python_note": note,
        "watch": _watch(one),
        "chosen": chosen,
    }


def name_of(one: Found) -> str:
    """What it is called."""
    said = one.metadata or {}
    return fmt.clip(said.get("display_name") or said.get("name") or one.name or one.id, 60)


def state_of(one: Found, now: float) -> tuple[str, str]:
    """``online``, ``offline`` or ``unknown``, and in words how that is known."""
    if one.problem:
        return "offline", fmt.clip(one.problem, 320)
    if one.online is None:
        return "unknown", "asking…" if not one.asked else "the service does not say"
    if one.online:
        every = f", sends a heartbeat every {fmt.duration(one.period)}" if one.period >= 1 else ""
        return "online", f"online{every}; asked {_ago(now - one.asked)}"
    last = f"; last seen online {_ago(now - one.heard)}" if one.heard else ""
    return "offline", f"offline, it sends no heartbeat{last}; asked {_ago(now - one.asked)}"


def _ago(seconds: float) -> str:
    return "just now" if seconds < 5 else f"{fmt.duration(seconds)} ago"


def python_of(one: Found) -> tuple[str, str]:
    """The Python there, and what it means that ours is another; the note is empty where it means nothing."""
    if one.metadata is None:
        return "", ""
    said = _VERSION.match(str(one.metadata.get("python_version") or ""))
    if said is None:
        return "unknown", "It does not say its Python: it is found out when the first run is sent."
    there = int(said[1]), int(said[2])
    here = sys.version_info[:2]
    words = fmt.clip(one.metadata["python_version"], 16)
    if there < OLDEST:
        return (
            words,
            f"aisteer's worker needs Python {OLDEST[0]}.{OLDEST[1]} or later there. Ask its administrator.",
        )
    if there != here:
        return words, (
            f"Python {here[0]}.{here[1]} here: a simulation travels as source or as an import. One that could only "
            "travel as a pickle is refused before anything is sent."
        )
    return words, ""


def fixed(one: Found) -> bool:
    """Whether it has one configuration for all, with nothing to fill in."""
    said = one.metadata or {}
    return said.get("multi_user") is False and not isinstance(one.schema, dict)


def _watch(one: Found) -> str:
    if one.metadata is None:
        return ""
    return "a role of its own" if watch_roles(one.schema) else "another endpoint, or none"


def period_of(details: object) -> float:
    """Seconds between two heartbeats, as the service says."""
    value = details.get("heartbeat_period") if isinstance(details, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if 0 < value < 86_400 else 0.0
