"""Outcomes that were measured elsewhere: added as one, taken out and put back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aisteer.errors import Refused, UnknownName
from aisteer.journal import events as ev
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.events import Event, Json
from aisteer.journal.state import State

__all__ = ["AddData", "MarkData", "same_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddData(Command):
    """Let a task learn from outcomes that were measured elsewhere; columns as in ``events.DataAdded``.

    The same data from the same source again leads to nothing.
    """

    task: str
    source: str
    parameters: dict[str, list[Any]]
    outcomes: dict[str, list[float | None]]
    errors: dict[str, list[float]] = field(default_factory=dict)
    reason: str = ""


@handles(AddData)
def _add(state: State, command: AddData, now: float) -> list[Event]:
    if command.task not in state.definition.get("tasks", {}):
        raise UnknownName(f"There is no task {command.task!r} in {state.name!r}.", name=command.task)
    columns = [*command.parameters.values(), *command.outcomes.values(), *command.errors.values()]
    if (
        not command.parameters
        or not command.outcomes
        or len({len(values) for values in columns}) != 1
        or not columns[0]
    ):
        raise Refused("The columns of data differ in length, or there are none. Nothing was added.")
    digest = _digest(command)
    known = same_data(state, command.task, command.source)
    if known is not None:
        if state.added[known]["digest"] == digest:
            return []
        rows = state.added[known]["rows"]
        if len(state.added[known]["bad"]) == rows:
            known = None
    if known is not None:
        raise Refused(
            f"There are {rows:,} rows from {command.source!r:.80} already ({known}), and these are others. Nothing was "
            f"added, as both would count twice. Take the old ones out with "
            f'campaign.data["{known}"].mark_bad(), or name the new ones by a source of their own.',
            data=known,
        )
    return [
        ev.DataAdded(
            data=f"D{len(state.added) + 1}",
            task=command.task,
            source=command.source,
            parameters=command.parameters,
            outcomes=command.outcomes,
            errors=command.errors,
            digest=digest,
            reason=command.reason,
        )
    ]


def same_data(state: State, task: str, source: str) -> str | None:
    """The name of a task's data from ``source`` of which something is in the fit; else the last that was taken out."""
    found = [name for name, data in state.added.items() if data["task"] == task and data["source"] == source]
    kept = [name for name in found if len(state.added[name]["bad"]) < state.added[name]["rows"]]
    named = kept or found
    return named[-1] if named else None


def _digest(command: AddData) -> str:
    body = [command.parameters, command.outcomes, command.errors]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkData(Command):
    """Take rows out of the fit, or put them back; ``rows`` is ``None`` for all of them."""

    data: str
    bad: bool
    rows: Sequence[int] | None = None
    reason: str = ""


@handles(MarkData)
def _mark(state: State, command: MarkData, now: float) -> list[Event]:
    known: Json | None = state.added.get(command.data)
    if known is None:
        raise UnknownName(f"There is no data {command.data!r} in {state.name!r}.", name=command.data)
    rows = range(known["rows"]) if command.rows is None else command.rows
    off = [row for row in rows if not 0 <= row < known["rows"]]
    if off:
        raise UnknownName(
            f"{command.data} has rows 0 to {known['rows'] - 1}, and no {off[0]}.", name=command.data
        )
    bad = set(known["bad"])
    if all((row in bad) == command.bad for row in rows):
        return []
    listed = None if command.rows is None else sorted(set(command.rows))
    return [ev.DataMarked(data=command.data, bad=command.bad, rows=listed, reason=command.reason)]
