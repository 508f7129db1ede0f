"""Decisions on proposals: accepted, rejected, edited, undone, by a human or by rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aisteer.errors import Refused
from aisteer.journal import events as ev
from aisteer.journal.commands.budget import covered
from aisteer.journal.commands.checks import describe, fresh, proposal_of, run_of, under_lease, waiting
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.commands.counterfactual import announced, beside, left_alone
from aisteer.journal.events import Event, Json
from aisteer.journal.state import Proposal, State, priced

__all__ = ["Accept", "Decide", "Edit", "Reject", "Undo", "Verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Command):
    """Accept a proposal as it stood at ``revision``; it may launch ``hold`` seconds later."""

    proposal: str
    revision: int
    hold: float = 0.0
    reason: str = ""
    evidence: Json | None = None


@handles(Accept)
def _accept(state: State, command: Accept, now: float) -> list[Event]:
    proposal = waiting(state, command.proposal, command.revision)
    if proposal.run is not None and proposal.action == "stop":
        run = run_of(state, proposal.run)
        if not run.live:
            raise Refused(f"{run.id} has already ended ({run.end}); there is nothing to stop.")
    elif proposal.action in ev.STARTS:
        covered(state, proposal.id, proposal.cost, state.remaining)
    launch_after = now + command.hold if command.hold else 0.0
    left = state.remaining - (proposal.cost if proposal.action in ev.STARTS else 0.0)
    name = f"P{state.next_proposal}"
    too, said = beside(state, proposal, name=name, launch_after=launch_after, left=left)
    made: list[Event] = [
        ev.ProposalAccepted(
            proposal=proposal.id,
            reserved=proposal.cost if state.budget is not None and proposal.action in ev.STARTS else 0.0,
            launch_after=launch_after,
            reason=command.reason,
            evidence={**(command.evidence or {}), **said} or None,
        ),
        *too,
    ]
    if proposal.action == "stop" and proposal.run is not None:
        made.append(
            ev.ControlRequested(run=proposal.run, control=command.id, verb="stop", reason=command.reason)
        )
    return [*made, *_ending(state, proposal)]


def _ending(state: State, proposal: Proposal) -> list[Event]:
    """What ends the campaign, where a proposal to finish ends the last of its tasks."""
    tasks = state.definition.get("tasks", {})
    others = [
        n
        for n, task in tasks.items()
        if n not in {proposal.task, *state.finished} and not task.get("baseline")
    ]
    if proposal.action != "finish" or others or not state.active:
        return []
    words = "; ".join(str(reason["words"]) for reason in proposal.reasons if reason.get("words"))
    return [
        ev.CampaignPaused(reason=f"finished, as {proposal.id} proposed: {words}" if words else "finished")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Command):
    proposal: str
    revision: int
    reason: str = ""


@handles(Reject)
def _reject(state: State, command: Reject, now: float) -> list[Event]:
    proposal = waiting(state, command.proposal, command.revision)
    return [ev.ProposalRejected(proposal=proposal.id, reason=command.reason)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A rule's answer on one proposal: ``accepted`` or ``rejected``, with the rule in words.

    ``asked`` are the rules as data that gave it: where others are in force by now it does not count.
    """

    proposal: str
    verdict: str
    rule: str
    evidence: Json = field(default_factory=dict)
    asked: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide(Command):
    """The autonomy rules' verdicts; what no longer waits, or the budget does not cover, is left out.

    So is what a human was faster with: he changed the rules, paused, took a decision on the proposal back, or has a
    proposal to end before him.
    """

    epoch: int
    verdicts: Sequence[Verdict]


@handles(Decide)
def _decide(state: State, command: Decide, now: float) -> list[Event]:
    under_lease(state, command.epoch)
    made: list[Event] = []
    left = state.remaining
    reserve = state.budget is not None
    number = state.next_proposal
    for verdict in command.verdicts:
        if not state.may_decide(verdict.proposal, begins=verdict.verdict != "rejected"):
            continue
        proposal = state.proposals[verdict.proposal]
        if verdict.asked is not None and verdict.asked != state.rule_for(proposal.task):
            continue
        if verdict.verdict == "rejected":
            made.append(ev.ProposalRejected(proposal=proposal.id, rule=verdict.rule))
            continue
        if proposal.action != "stop":
            if proposal.cost > left + 1e-9:
                continue
            left -= proposal.cost
        too, said = beside(state, proposal, name=f"P{number}", launch_after=0.0, left=left)
        made.append(
            ev.ProposalAccepted(
                proposal=proposal.id,
                reserved=proposal.cost if reserve and proposal.action != "stop" else 0.0,
                rule=verdict.rule,
                evidence={**verdict.evidence, **said} or None,
            )
        )
        if too:
            made += too
            number += 1
            left -= sum(event.reserved for event in too if isinstance(event, ev.ProposalAccepted))
        if proposal.action == "stop" and proposal.run is not None:
            made.append(
                ev.ControlRequested(run=proposal.run, control=f"{command.id}.{proposal.id}", verb="stop")
            )
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Command):
    """Replace a proposal by one with other parameters; the new one waits for its own decision."""

    proposal: str
    revision: int
    parameters: Json
    reason: str = ""
    cost: float | None = None
    resources: Json | None = None


@handles(Edit)
def _edit(state: State, command: Edit, now: float) -> list[Event]:
    proposal = waiting(state, command.proposal, command.revision)
    if proposal.action not in ev.STARTS:
        raise Refused(
            f"{proposal.id} proposes to {proposal.action}: there is nothing in it to edit.",
            proposal=proposal.id,
        )
    child = f"P{state.next_proposal}"
    cost = proposal.cost if command.cost is None else command.cost
    resources = proposal.resources if command.resources is None else command.resources
    return [
        ev.ProposalEdited(proposal=proposal.id, child=child, reason=command.reason),
        ev.ProposalMade(
            proposal=child,
            task=proposal.task,
            parameters=command.parameters,
            origin="human",
            action=proposal.action,  # type: ignore[arg-type]
            cost=priced(state, proposal.task, proposal.action, cost, resources),
            reasons=announced(state, proposal),
            parent=proposal.id,
            run=proposal.run,
            restart=proposal.restart,
            observation=proposal.observation,
            resources=resources,
            reason=command.reason,
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Command):
    """Take a decision back. Refused from the moment the run is claimed."""

    proposal: str
    revision: int


@handles(Undo)
def _undo(state: State, command: Undo, now: float) -> list[Event]:
    proposal = fresh(state, command.proposal, command.revision)
    if proposal.action == "stop" and proposal.state == "accepted":
        raise Refused(
            f"{proposal.run} was told to stop at once, so that cannot be undone. What it has so far is kept: "
            f'go on from there with campaign.runs["{proposal.run}"].extend(…).',
            run=proposal.run,
        )
    if proposal.action == "finish" and proposal.state == "accepted":
        raise Refused(
            f"{proposal.id} ended the work on {proposal.task!r}, and nothing was lost. Go on with campaign.start().",
            proposal=proposal.id,
        )
    if proposal.state in {"accepted", "rejected"}:
        assert proposal.decision is not None
        undone = ev.DecisionUndone(proposal=proposal.id, undone=proposal.decision.verdict)
        return [undone, *left_alone(state, proposal)]
    if proposal.state == "edited":
        child = proposal_of(state, proposal.child or "")
        if child.state not in {"waiting", "rejected"}:
            raise Refused(
                f"The edit {child.id} of {proposal.id} is already decided: {describe(child)}. "
                "Undo that first.",
                proposal=child.id,
            )
        made: list[Event] = [ev.DecisionUndone(proposal=proposal.id, undone="edited")]
        if child.state == "waiting":
            made.append(ev.ProposalWithdrawn(proposal=child.id, reason=f"back to {proposal.id}"))
        return made
    if proposal.state == "launched":
        run = run_of(state, proposal.launched or "")
        if run.state in {"accepted", "submitted", "waiting"} and len(run.attempts) == 1:
            # The worker reads its controls before it claims: exactly one of the two wins.
            return [ev.ControlRequested(run=run.id, control=command.id, verb="withdraw")]
        now_what = (
            f'{run.id} is {run.state}. Stop it with campaign.runs["{run.id}"].stop(); what it has so far is kept.'
            if run.live
            else f"{run.id} has ended ({run.end}). Its outcome stays on record; "
            f'campaign.runs["{run.id}"].mark_bad() keeps it out of the fit.'
        )
        raise Refused(f"{proposal.id} can no longer be undone: {now_what}", run=run.id)
    raise Refused(f"There is no decision on {proposal.id} to undo.", proposal=proposal.id)
