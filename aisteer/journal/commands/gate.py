"""The gate: what a command leads to, if it is possible at all."""

from __future__ import annotations

from aisteer.errors import Refused
from aisteer.journal.commands.campaign import Define
from aisteer.journal.commands.command import HANDLERS, Command
from aisteer.journal.events import Event
from aisteer.journal.state import State

__all__ = ["handle"]


def handle(state: State, command: Command, now: float) -> list[Event]:
    """The events that ``command`` leads to at ``state``.

    Args:
        state: The state at the head of the journal.
        command: What is asked.
        now: Unix time, seconds.

    Raises:
        Refused: The command is not possible; the message says why and what to do.
        UnknownName: It names a proposal or run that does not exist.
    """
    if type(command) is not Define and not state.uuid:
        raise Refused("The journal holds no campaign yet. Create it with ai.Campaign(name, …).")
    return HANDLERS[type(command)](state, command, now)
