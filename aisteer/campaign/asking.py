"""What clients of the database may ask: the gate knows no spaces, so their points are checked here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aisteer.campaign.points import validated
from aisteer.errors import UnknownName
from aisteer.journal.commands import Command, Edit, Propose
from aisteer.journal.store import Journal

__all__ = ["checker"]


def checker(journal: Journal, folder: Path) -> Callable[[Command], None]:
    """A check for ``Journal.serve``: raises when a command's parameters do not fit the campaign's spaces."""

    def check(command: Command) -> None:
        state = journal.state
        if isinstance(command, Propose):
            for draft in command.drafts:
                if draft.task not in state.definition["tasks"]:
                    raise UnknownName(f"There is no task {draft.task!r} in {state.name!r}.", name=draft.task)
                edit = None if draft.action == "start" else draft.parameters
                validated(state.definition, folder, draft.task, draft.parameters, edit)
        elif isinstance(command, Edit) and command.proposal in state.proposals:
            task = state.proposals[command.proposal].task
            validated(state.definition, folder, task, command.parameters, command.parameters)

    return check
