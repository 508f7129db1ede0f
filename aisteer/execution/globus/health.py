"""How a Globus Compute endpoint is, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

from aisteer.execution.endpoint import Health
from aisteer.execution.ends import clean_text, number
from aisteer.execution.globus.member import Member

__all__ = ["health"]

Json = dict[str, Any]

_UNWATCHED = (
    "it has no watcher: live output and stop wait for a free worker; deadlines and stop conditions hold"
)
_FAR_APART = 60.0
"""Seconds between two clocks that are worth a word."""


def health(
    members: Sequence[Member],
    *,
    problem: str,
    silence: str,
    ready: bool,
    needed: bool,
    online: bool | None,
    own_watcher: bool,
    machine: Json,
    ahead: float | None,
    contact: float | None,
    workers: int,
    root: str,
    details: Json | None = None,
    note: str = "",
) -> Health:
    """What the board says of an endpoint.

    Args:
        members: The attempts that are not over.
        problem: What keeps it from being used, in words; empty when nothing does.
        silence: Why nothing is heard of what runs there, in words; empty when something is.
        ready: Whether something was written there.
        needed: Whether anything was to be sent there yet.
        online: What the web service says; None before it was asked.
        own_watcher: Whether live output has a role of its own.
        machine: What the watcher said of the machine there.
        ahead: Seconds by which its clock is ahead of ours; None where that is not known.
        contact: When something was last heard, Unix seconds.
        workers: How many runs are sent at a time.
        root: The spool there.
        details: What the web service knows of its workers; an endpoint that starts others for its users says nothing.
        note: What else should be known, in words.
    """
    busy = sum(member.claimed for member in members)
    queued = sum(member.queued and not member.claimed for member in members)
    waiting = len(members) - busy
    state, detail = _state((problem, silence), waiting, queued, ready=ready, needed=needed, online=online)
    words = [detail] if detail else []
    unwatched = needed and not own_watcher
    notes = [more.rstrip(".") for more in (_UNWATCHED if unwatched else "", note, _clock(ahead)) if more]
    words += notes
    return Health(
        state,
        "; ".join(words),
        workers=workers,
        busy=busy,
        waiting=waiting,
        block_ends=_block_ends(members, ahead),
        contact=contact,
        extra={**_extra(machine, root), **_workers(details or {}), **({"notes": notes} if notes else {})},
    )


def _block_ends(members: Sequence[Member], ahead: float | None) -> float | None:
    """When the first block ends in which something is executed, by our clock."""
    ends = min((member.ends for member in members if member.ends > 0), default=None)
    return None if ends is None or ahead is None else ends - ahead


def _clock(ahead: float | None) -> str:
    """That the clocks are far apart: nothing depends on them, but times in logs there are others."""
    if ahead is None or abs(ahead) < _FAR_APART:
        return ""
    which = "ahead of" if ahead > 0 else "behind"
    return f"its clock is {abs(ahead):.0f} s {which} the one here; nothing depends on that"


def _workers(details: Json) -> Json:
    """``workers``, those that are started there, and ``idle``, those of them that wait for work; where that is told."""
    whole, idle = details.get("total_workers"), details.get("idle_workers")
    if not _is_count(whole):
        return {}
    return {"workers": whole, "idle": min(idle, whole)} if _is_count(idle) else {"workers": whole}


def _state(
    problems: tuple[str, str], waiting: int, queued: int, *, ready: bool, needed: bool, online: bool | None
) -> tuple[str, str]:
    problem, silence = problems
    if not needed:
        return "unknown", "it is asked for when the first run is sent"
    if online is False and not problem:
        begin = (
            "1 run waits in the service and begins"
            if waiting == 1
            else f"{waiting} runs wait in the service and begin"
        )
        wait = f" {begin} when it is back." if waiting else ""
        return "offline", f"its agent has sent no heartbeat.{wait} Is it started, on its login node?"
    if problem or silence:
        return "offline", problem or silence
    if not ready:
        return "starting", "it is asked to make the spool; that may wait for a block"
    words = (
        f"{queued} to be sent"
        if queued
        else f"{waiting} wait there for a worker or a block"
        if waiting
        else ""
    )
    return "online", words


def _extra(machine: Json, root: str) -> Json:
    found: Json = {"spool": root} if root else {}
    for name in ("host", "python"):
        if text := clean_text(machine.get(name), 200):
            found[name] = text
    free = number(machine.get("free"))
    if free is not None:
        found["free"] = int(free)
    return found


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 1_000_000
