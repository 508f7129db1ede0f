"""What is written down with the campaign: notes and troubles."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aisteer.journal import events as ev
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.events import Event
from aisteer.journal.state import State

__all__ = ["Note", "Trouble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command):
    text: str
    about: str | None = None


@handles(Note)
def _note(state: State, command: Note, now: float) -> list[Event]:
    return [ev.NoteWritten(text=command.text, about=command.about)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble(Command):
    source: str
    message: str
    run: str | None = None
    solved: bool = False


@handles(Trouble)
def _trouble(state: State, command: Trouble, now: float) -> list[Event]:
    old = state.troubles.get(command.source)
    if command.solved:
        return [] if old is None else [replace(old, solved=True)]
    if old is not None and old.message == command.message:
        return []
    return [ev.TroubleNoted(source=command.source, message=command.message, run=command.run)]
