"""What happens to the campaign as a whole, to who drives it, and what is noted about it."""

from __future__ import annotations

from dataclasses import replace

from aisteer.journal import events as ev
from aisteer.journal.events import Json, Record
from aisteer.journal.state.cost import priced
from aisteer.journal.state.fold import on
from aisteer.journal.state.state import State


@on(ev.CampaignDefined)
def _defined(state: State, record: Record, event: ev.CampaignDefined) -> None:
    state.name, state.uuid, state.nonce = event.name, event.uuid, event.nonce
    state.definition = event.definition


@on(ev.CampaignRedefined)
def _redefined(state: State, record: Record, event: ev.CampaignRedefined) -> None:
    before, after = state.definition.get("tasks", {}), event.definition.get("tasks", {})
    for task, defined in after.items():
        old, new = before.get(task, {}).get("policy"), defined.get("policy")
        if old and new and old != new:
            state.minds[task] = _another_mind(state.minds.get(task, {}), old, new, record, event.reason)
        asked = _asked(before.get(task, {}))
        if asked and asked != _asked(defined):
            state.asked[task] = {**_whose(record, event.reason), "before": asked}
    state.definition = event.definition


_ASKED = ("space", "objective", "objectives", "feasible", "context", "cost_aware")
"""Of a task's definition, what it works on."""


def _asked(task: Json) -> Json:
    return {key: task[key] for key in _ASKED if key in task}


_HAD = 12
"""Policies of a task that are kept, so that one can go back to them."""


def _another_mind(known: Json, old: Json, new: Json, record: Record, reason: str) -> Json:
    """Who lets another policy propose, when and why; and those that proposed so far."""
    had = [policy for policy in known.get("had", ()) if policy not in (old, new)]
    return {**_whose(record, reason), "before": old, "had": [*had, old][-_HAD:]}


def _whose(record: Record, reason: str) -> Json:
    return {
        "position": record.position,
        "time": record.time,
        "by": record.actor.name,
        "reason": reason,
    }


@on(ev.CampaignStarted)
def _started(state: State, record: Record, event: ev.CampaignStarted) -> None:
    state.active, state.pause_reason = True, ""
    state.finished.clear()


@on(ev.CampaignPaused)
def _paused(state: State, record: Record, event: ev.CampaignPaused) -> None:
    state.active, state.pause_reason = False, event.reason


@on(ev.AutonomyChanged)
def _autonomy(state: State, record: Record, event: ev.AutonomyChanged) -> None:
    state.autonomy = event.rule


@on(ev.BudgetChanged)
def _budget(state: State, record: Record, event: ev.BudgetChanged) -> None:
    state.budget = event.budget
    if event.budget is not None:
        _count_in(state, str(event.budget.get("unit", state.unit)))
    # What was accepted under another budget, or none, is covered by the new one first.
    for name in [*state.accepted, *(state.runs[run].proposal for run in state.live)]:
        proposal = state.proposals[name]
        if proposal.decision is not None:
            reserved = proposal.cost if event.budget is not None else 0.0
            state.totals.reserved += reserved - proposal.decision.reserved
            state.proposals[name] = replace(proposal, decision=replace(proposal.decision, reserved=reserved))


def _count_in(state: State, unit: str) -> None:
    """Price in another unit what was proposed in the last one; no run has been counted yet."""
    if unit == state.unit:
        return
    state.unit = unit
    # All of them: a rejected, edited or withdrawn one may come back by an undo.
    for name, proposal in list(state.proposals.items()):
        cost = priced(state, proposal.task, proposal.action, 0.0, proposal.resources)
        if name in state.accepted:
            state.totals.estimated += cost - proposal.cost
        state.proposals[name] = replace(proposal, cost=cost)


@on(ev.LeaseTaken)
def _leased(state: State, record: Record, event: ev.LeaseTaken) -> None:
    state.epoch, state.holder = event.epoch, event.holder


@on(ev.SurrogateFitted)
def _fitted(state: State, record: Record, event: ev.SurrogateFitted) -> None:
    state.models[event.task] = event


@on(ev.TroubleNoted)
def _trouble(state: State, record: Record, event: ev.TroubleNoted) -> None:
    state.troubles.pop(event.source, None)
    if not event.solved:
        state.troubles[event.source] = event


@on(ev.NoteWritten)
def _note(state: State, record: Record, event: ev.NoteWritten) -> None:
    state.notes.append((record.time, record.actor, event))


@on(ev.Unknown)
def _unknown(state: State, record: Record, event: ev.Unknown) -> None:
    """What a newer release wrote changes nothing here; the journal is read-only from then on."""
