"""Proposals, runs and the rest of the state as JSON, for the caches that make opening fast.

Values are stored by place, not by name: compact, and quick to read back. ``SHAPE`` names the order
of the fields; a cache with another shape is thrown away and made again from the events.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer.journal.state import Attempt, Control, Decision, Proposal, Run, State, Totals

__all__ = ["SHAPE", "pack", "pack_core", "unpack", "unpack_core"]

FOLD = 4
"""Raise it when the fold gives another state for the same events."""


def _names(cls: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls))


_EVENTS = (ev.SurrogateFitted, ev.TroubleNoted, ev.NoteWritten)
_CLASSES = (Proposal, Decision, Run, Attempt, Control, Totals, State, *_EVENTS)
SHAPE = hashlib.sha256(repr([FOLD, [(c.__name__, _names(c)) for c in _CLASSES]]).encode()).hexdigest()[:16]

# Everything else of the state is JSON as it is.
_TYPED = {"proposals", "runs", "totals", "models", "troubles", "notes"}
_PLAIN = tuple(name for name in _names(State) if name not in _TYPED)

_proposal = attrgetter(*_names(Proposal))
_decision = attrgetter(*_names(Decision))
_run = attrgetter(*_names(Run))
_attempt = attrgetter(*_names(Attempt))
_control = attrgetter(*_names(Control))

_AUTHOR = _names(Proposal).index("author")
_REASONS = _names(Proposal).index("reasons")
_VERDICT = _names(Proposal).index("decision")
_BY = _names(Decision).index("by")
_OUTCOME = _names(Run).index("outcome")
_ATTEMPTS = _names(Run).index("attempts")
_CONTROLS = _names(Run).index("controls")
_SEALED = _names(Attempt).index("sealed")
_ASKED_BY = _names(Control).index("by")


def _with_actor(values: tuple[Any, ...], place: int) -> list[Any]:
    row = list(values)
    row[place] = row[place].to_json()
    return row


def _from_proposal(proposal: Proposal) -> list[Any]:
    row = _with_actor(_proposal(proposal), _AUTHOR)
    if proposal.decision is not None:
        row[_VERDICT] = _with_actor(_decision(proposal.decision), _BY)
    return row


def _to_proposal(row: list[Any]) -> Proposal:
    row[_AUTHOR] = Actor.from_json(row[_AUTHOR])
    row[_REASONS] = tuple(row[_REASONS])
    verdict = row[_VERDICT]
    if verdict is not None:
        verdict[_BY] = Actor.from_json(verdict[_BY])
        row[_VERDICT] = Decision(*verdict)
    return Proposal(*row)


def _from_run(run: Run) -> list[Any]:
    row = list(_run(run))
    row[_ATTEMPTS] = [_attempt(a) for a in run.attempts]
    row[_CONTROLS] = [_with_actor(_control(c), _ASKED_BY) for c in run.controls]
    return row


def _to_attempt(row: list[Any]) -> Attempt:
    if row[_SEALED] is not None:
        row[_SEALED] = tuple(row[_SEALED])
    return Attempt(*row)


def _to_control(row: list[Any]) -> Control:
    row[_ASKED_BY] = Actor.from_json(row[_ASKED_BY])
    return Control(*row)


def _to_run(row: list[Any]) -> Run:
    row[_OUTCOME] = {name: tuple(value) for name, value in row[_OUTCOME].items()}
    row[_ATTEMPTS] = tuple([_to_attempt(a) for a in row[_ATTEMPTS]])
    row[_CONTROLS] = tuple([_to_control(c) for c in row[_CONTROLS]])
    return Run(*row)


_FROM: dict[str, Callable[[Any], list[Any]]] = {"P": _from_proposal, "R": _from_run}
_TO: dict[str, Callable[[list[Any]], Any]] = {"P": _to_proposal, "R": _to_run}


def _compress(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)


def pack(kind: str, values: Sequence[Any]) -> bytes:
    """Proposals (``P``) or runs (``R``) as one compressed page."""
    convert = _FROM[kind]
    return _compress([convert(value) for value in values])


def unpack(kind: str, page: bytes) -> list[Any]:
    """The proposals or runs of a page.

    Raises:
        ValueError, zlib.error: The page is damaged.
    """
    convert = _TO[kind]
    return [convert(row) for row in json.loads(zlib.decompress(page))]


def pack_core(state: State) -> bytes:
    """Everything of the state but its proposals and runs."""
    core: dict[str, Any] = {name: getattr(state, name) for name in _PLAIN}
    core["totals"] = {name: getattr(state.totals, name) for name in _names(Totals)}
    core["models"] = {task: ev.encode(fit) for task, fit in state.models.items()}
    core["troubles"] = {source: ev.encode(trouble) for source, trouble in state.troubles.items()}
    core["notes"] = [[time, by.to_json(), ev.encode(note)] for time, by, note in state.notes]
    return _compress(core)


def unpack_core(page: bytes, state: State) -> None:
    """Set everything of ``state`` but its proposals and runs.

    Raises:
        ValueError, zlib.error: The page is damaged.
    """
    core = json.loads(zlib.decompress(page))
    for name in _PLAIN:
        setattr(state, name, core[name])
    state.totals = Totals(**core["totals"])
    state.models = {t: ev.SurrogateFitted(**json.loads(b)) for t, b in core["models"].items()}
    state.troubles = {s: ev.TroubleNoted(**json.loads(b)) for s, b in core["troubles"].items()}
    state.notes = [(t, Actor.from_json(a), ev.NoteWritten(**json.loads(b))) for t, a, b in core["notes"]]
