"""Proposals: made, predicted and withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aisteer.errors import Refused
from aisteer.journal import events as ev
from aisteer.journal.commands.asked import no_longer_asked
from aisteer.journal.commands.budget import covered
from aisteer.journal.commands.checks import run_of, under_lease
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.commands.drafts import Draft, existing, point_key
from aisteer.journal.commands.steering import rules_out
from aisteer.journal.events import Event, Json
from aisteer.journal.state import Run, State, priced

__all__ = ["Predict", "Propose", "Withdraw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose(Command):
    """Make proposals.

    A point that is already proposed or run is not made again unless ``repeat`` (a replicate).
    With ``accept`` the actor's own decision is written in the same transaction. The gate prices what a draft says
    too low, or in a unit that is the campaign's no more. ``asked`` is the task's definition that a driver's drafts
    answer: they are left out where the task asks something else by now.
    """

    drafts: Sequence[Draft]
    repeat: bool = False
    accept: bool = False
    hold: float = 0.0
    epoch: int | None = None
    asked: Json | None = None


@handles(Propose)
def _propose(state: State, command: Propose, now: float) -> list[Event]:
    if command.epoch is not None:
        under_lease(state, command.epoch)
    # The policy knows what it proposed; only a human's repeat has to be looked for.
    known = {} if command.repeat or command.epoch is not None else existing(state, command.drafts)
    number = state.next_proposal
    batch = number
    made: list[Event] = []
    left = state.remaining
    drafts = [d for d in command.drafts if not no_longer_asked(state, d.task, command.asked, d.action)]
    out = {task: rules_out(state, task) for task in {d.task for d in drafts if command.epoch is not None}}
    for draft in drafts:
        if command.epoch is not None and out[draft.task](draft):
            continue  # It was thought of before the steering that leaves it out.
        key = point_key(draft.task, draft.action, draft.run, draft.parameters)
        if not command.repeat and command.epoch is None:
            if key in known:
                continue
            known[key] = ""
        if draft.run is not None:
            _can_follow(run_of(state, draft.run), draft)
        name = f"P{number}"
        number += 1
        cost = priced(state, draft.task, draft.action, draft.cost, draft.resources)
        made.append(
            ev.ProposalMade(
                proposal=name,
                task=draft.task,
                parameters=draft.parameters,
                origin=draft.origin,
                action=draft.action,
                predicted=draft.predicted,
                acquisition=draft.acquisition,
                rank=draft.rank,
                of=draft.of,
                cost=cost,
                reasons=list(draft.reasons),
                run=draft.run,
                restart=draft.restart,
                observation=draft.observation,
                resources=draft.resources,
                model=draft.model,
                batch=batch if len(command.drafts) > 1 else None,
                reason=draft.reason,
            )
        )
        if command.accept:
            starts = draft.action in ev.STARTS
            left = covered(state, name, cost, left) if starts else left
            made.append(
                ev.ProposalAccepted(
                    proposal=name,
                    reserved=cost if state.budget is not None and starts else 0.0,
                    launch_after=now + command.hold if command.hold else 0.0,
                    reason=draft.reason,
                )
            )
            if draft.action == "stop" and draft.run is not None:
                made.append(ev.ControlRequested(run=draft.run, control=f"{command.id}.{name}", verb="stop"))
    return made


def _can_follow(run: Run, draft: Draft) -> None:
    if draft.action == "stop" and not run.live:
        raise Refused(f"{run.id} cannot be stopped: it has ended ({run.end}).", run=run.id)
    if draft.action in {"extend", "branch"} and draft.restart is None:
        raise Refused(
            f"{run.id} has no checkpoint to {draft.action} from. Wait for its first checkpoint, "
            "or start a new run with campaign.propose(…).",
            run=run.id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Predict(Command):
    """Attach predictions to proposals that came without (edits, own candidates), or that know better now.

    What came too late is left out: of a run that has ended it would not be a prediction any more. ``asked`` as in
    ``Propose``.
    """

    epoch: int
    predictions: Sequence[ev.ProposalPredicted]
    asked: Json | None = None


@handles(Predict)
def _predict(state: State, command: Predict, now: float) -> list[Event]:
    under_lease(state, command.epoch)
    return [p for p in command.predictions if _can_be_predicted(state, p.proposal, command.asked)]


def _can_be_predicted(state: State, name: str, asked: Json | None) -> bool:
    proposal = state.proposals.get(name)
    if proposal is None or no_longer_asked(state, proposal.task, asked):
        return False
    return proposal.launched is None or state.runs[proposal.launched].state != "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Command):
    """The AI takes its waiting proposals back; a human's own, and ones decided meanwhile, are left alone."""

    proposals: Sequence[str]
    reason: str
    epoch: int | None = None


@handles(Withdraw)
def _withdraw(state: State, command: Withdraw, now: float) -> list[Event]:
    if command.epoch is not None:
        under_lease(state, command.epoch)
    return [
        ev.ProposalWithdrawn(proposal=name, reason=command.reason)
        for name in command.proposals
        if name in state.waiting and state.proposals[name].origin != "human"
    ]
