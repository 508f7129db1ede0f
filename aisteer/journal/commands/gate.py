"""The gate: what a command leads to, if it is possible at all."""

from __future__ import annotations

from aisteer.errors import Refused
from aisteer.journal.commands.campaign import Define
from aisteer.journal.commands.command import HANDLERS, Command
from aisteer.journal.commands.driving import Fitted
from aisteer.journal.commands.notes import Note, Trouble
from aisteer.journal.commands.proposals import Predict, Propose, Withdraw
from aisteer.journal.events import Event
from aisteer.journal.state import State

__all__ = ["handle"]

_OF_THE_AI = (Propose, Predict, Withdraw, Fitted, Note, Trouble)
"""All that an AI can ask for: it proposes, and decides nothing."""


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
    if command.actor.kind == "ai":
        _only_proposes(command)
    return HANDLERS[type(command)](state, command, now)


def _only_proposes(command: Command) -> None:
    if not isinstance(command, _OF_THE_AI) or (isinstance(command, Propose) and command.accept):
        what = "Propose(accept=True)" if isinstance(command, Propose) else type(command).__name__
        raise Refused(
            f"{command.actor.name!r:.80} is an AI, and {what} is not for an AI to ask: it proposes, and a human or a "
            "rule decides. Nothing was written.",
            command=what,
        )
