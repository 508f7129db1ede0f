"""Who drives, and which surrogate the driver fitted."""

from __future__ import annotations

from dataclasses import dataclass

from aisteer.errors import LeaseLost
from aisteer.journal import events as ev
from aisteer.journal.commands.asked import no_longer_asked
from aisteer.journal.commands.checks import under_lease
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.events import Event, Json
from aisteer.journal.state import State

__all__ = ["Fitted", "TakeLease"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLease(Command):
    """Become the driver. The store has checked that the present holder is gone."""

    epoch: int
    holder: Json


@handles(TakeLease)
def _take_lease(state: State, command: TakeLease, now: float) -> list[Event]:
    if command.epoch != state.epoch + 1:
        raise LeaseLost(
            f"Another driver took the campaign {state.name!r} at the same moment (epoch {state.epoch}).",
            mine=command.epoch,
            current=state.epoch,
        )
    return [ev.LeaseTaken(epoch=command.epoch, holder=command.holder)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted(Command):
    """The surrogate that the driver fitted; left out where its task asks something else by now (``asked``)."""

    epoch: int
    fit: ev.SurrogateFitted
    asked: Json | None = None


@handles(Fitted)
def _fitted(state: State, command: Fitted, now: float) -> list[Event]:
    under_lease(state, command.epoch)
    return [] if no_longer_asked(state, command.fit.task, command.asked) else [command.fit]
