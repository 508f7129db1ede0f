"""The campaign as a whole: defined, redefined, started, paused, under which rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aisteer.errors import Refused, StaleRevision
from aisteer.journal import events as ev
from aisteer.journal.commands.asked import otherwise
from aisteer.journal.commands.budget import budget_changed
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.events import Event, Json
from aisteer.journal.state import State

__all__ = ["Define", "Pause", "Redefine", "SetAutonomy", "Start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Define(Command):
    """Create the campaign; refused when the journal already holds one."""

    name: str
    uuid: str
    nonce: str
    definition: Json
    autonomy: Json = field(default_factory=dict)
    budget: Json | None = None


@handles(Define)
def _define(state: State, command: Define, now: float) -> list[Event]:
    if state.uuid:
        raise Refused(f"The journal already holds the campaign {state.name!r}.")
    made: list[Event] = [
        ev.CampaignDefined(
            name=command.name,
            uuid=command.uuid,
            nonce=command.nonce,
            definition=command.definition,
        )
    ]
    if command.autonomy:
        made.append(ev.AutonomyChanged(rule=command.autonomy))
    if command.budget is not None:
        made.append(ev.BudgetChanged(budget=command.budget))
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Redefine(Command):
    """Change the definition, and with it what ``also`` names: ``budget``, ``autonomy``. All of it or nothing.

    ``before`` is the definition that was changed: where another one holds by now, somebody else's change would be lost.
    """

    definition: Json
    changes: Sequence[str]
    reason: str = ""
    also: Json = field(default_factory=dict)
    before: Json | None = None


@handles(Redefine)
def _redefine(state: State, command: Redefine, now: float) -> list[Event]:
    if command.before is not None and command.before != state.definition:
        raise StaleRevision(
            f"The definition of {state.name!r:.80} was changed by somebody else just now. Nothing was changed by you, "
            "as his change would be lost. Look at campaign.definition, and call campaign.redefine(…) again.",
        )
    made: list[Event] = []
    if "budget" in command.also:
        made += budget_changed(state, command.also["budget"], command.reason)
    if command.definition != state.definition:
        made.append(
            ev.CampaignRedefined(
                definition=command.definition, changes=list(command.changes), reason=command.reason
            )
        )
        made += _overtaken(state, command.definition)
    if "autonomy" in command.also:
        made += _autonomy_changed(state, command.also["autonomy"])
    return made


def _overtaken(state: State, definition: Json) -> list[Event]:
    """What takes back the AI's waiting proposals that answer what is not asked any more; a human's own stay."""
    made: list[Event] = []
    before, after = state.definition.get("tasks", {}), definition.get("tasks", {})
    for name in state.waiting:
        proposal = state.proposals[name]
        old, new = before.get(proposal.task), after.get(proposal.task)
        if (
            proposal.origin not in {"ai", "random"}
            or proposal.action not in {"start", "finish"}
            or not old
            or not new
        ):
            continue
        if changed := otherwise(old, new, proposal.action):
            words = f"the {' and the '.join(changed)} changed"
            made.append(ev.ProposalWithdrawn(proposal=name, reason=words, rule="redefinition"))
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Command):
    pass


@handles(Start)
def _start(state: State, command: Start, now: float) -> list[Event]:
    return [] if state.active and not state.finished else [ev.CampaignStarted()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Command):
    reason: str = ""


@handles(Pause)
def _pause(state: State, command: Pause, now: float) -> list[Event]:
    return [ev.CampaignPaused(reason=command.reason)] if state.active else []


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAutonomy(Command):
    rule: Json


@handles(SetAutonomy)
def _set_autonomy(state: State, command: SetAutonomy, now: float) -> list[Event]:
    return _autonomy_changed(state, command.rule)


def _autonomy_changed(state: State, rule: Json) -> list[Event]:
    return [] if rule == state.autonomy else [ev.AutonomyChanged(rule=rule)]
