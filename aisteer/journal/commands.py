"""What can be asked of a campaign, and the gate that answers.

``handle(state, command, now)`` is pure: it looks at the state at the head of the journal and returns
the events to append, or raises ``Refused``. The store calls it inside the write transaction, so
everything checked here (the accepting decision, the budget, the lease, at-most-once launch, the
revision a human saw) holds at the moment of the commit, whoever else writes.
"""

from __future__ import annotations

import json
import uuid as _uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aisteer.errors import BudgetExceeded, LeaseLost, Refused, StaleRevision, UnknownName
from aisteer.journal import events as ev
from aisteer.journal.events import Actor, Event, Json
from aisteer.journal.state import Proposal, Run, Searchable, State

__all__ = [
    "Accept",
    "Command",
    "Decide",
    "Define",
    "Draft",
    "Edit",
    "Fitted",
    "Launch",
    "LaunchRequest",
    "Mark",
    "Note",
    "Pause",
    "Predict",
    "Propose",
    "Redefine",
    "Reject",
    "Report",
    "Request",
    "Resume",
    "SetAutonomy",
    "SetBudget",
    "Start",
    "TakeLease",
    "Trouble",
    "Undo",
    "Verdict",
    "Withdraw",
    "handle",
]

_UNIT = "node-hours"
DRIVER_ONLY_VERBS = frozenset({"withdraw"})


def new_id() -> str:
    return _uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all commands. A repeat of the same ``id`` is harmless: it answers as the first did."""

    actor: Actor
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Define(Command):
    """Create the campaign; refused when the journal already holds one."""

    name: str
    uuid: str
    nonce: str
    definition: Json
    autonomy: Json = field(default_factory=dict)
    budget: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redefine(Command):
    definition: Json
    changes: Sequence[str]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Command):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAutonomy(Command):
    rule: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBudget(Command):
    budget: Json | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A proposal before it has a name. Fields as in ``ProposalMade``."""

    task: str
    parameters: Json
    origin: ev.Origin
    action: ev.Action = "start"
    predicted: dict[str, list[float]] = field(default_factory=dict)
    acquisition: float | None = None
    rank: int | None = None
    of: int | None = None
    cost: float = 0.0
    reasons: Sequence[Json] = ()
    run: str | None = None
    restart: str | None = None
    resources: Json | None = None
    model: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose(Command):
    """Make proposals.

    A point that is already proposed or run is not made again unless ``repeat`` (a replicate).
    With ``accept`` the actor's own decision is written in the same transaction.
    """

    drafts: Sequence[Draft]
    repeat: bool = False
    accept: bool = False
    hold: float = 0.0
    epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Predict(Command):
    """Attach predictions to proposals that came without (edits, own candidates)."""

    epoch: int
    predictions: Sequence[ev.ProposalPredicted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Command):
    """Accept a proposal as it stood at ``revision``; it may launch ``hold`` seconds later."""

    proposal: str
    revision: int
    hold: float = 0.0
    reason: str = ""
    rule: str | None = None
    evidence: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Command):
    proposal: str
    revision: int
    reason: str = ""
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A rule's answer on one proposal: ``accepted`` or ``rejected``, with the rule in words."""

    proposal: str
    verdict: str
    rule: str
    evidence: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide(Command):
    """The autonomy rules' verdicts; what no longer waits, or the budget does not cover, is left out."""

    epoch: int
    verdicts: Sequence[Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Command):
    """Replace a proposal by one with other parameters; the new one waits for its own decision."""

    proposal: str
    revision: int
    parameters: Json
    reason: str = ""
    cost: float | None = None
    resources: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Command):
    """Take a decision back. Refused from the moment the run is claimed."""

    proposal: str
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Command):
    """The AI takes waiting proposals back; ones decided meanwhile are left alone."""

    proposals: Sequence[str]
    reason: str
    epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """One attempt to launch: the first of ``proposal``, or the next of ``run``."""

    uuid: str
    endpoint: str
    seed: int
    code: str = ""
    proposal: str | None = None
    run: str | None = None
    restart: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch(Command):
    """The driver's launch record; what may not launch (any more) is left out of the events."""

    epoch: int
    launches: Sequence[LaunchRequest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Command):
    """What the driver saw: ``AttemptMoved``, ``AttemptEnded``, ``ControlAcknowledged``.

    Reports about an attempt that is over, or is not the latest, are dropped: they are late.
    """

    epoch: int
    events: Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Command):
    """Ask something of a live run: ``stop``, ``pause`` or ``set`` with values."""

    run: str
    verb: str
    values: Json = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Command):
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark(Command):
    run: str
    bad: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command):
    text: str
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble(Command):
    source: str
    message: str
    run: str | None = None
    solved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted(Command):
    epoch: int
    fit: ev.SurrogateFitted


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLease(Command):
    """Become the driver. The store has checked that the present holder is gone."""

    epoch: int
    holder: Json


# --- the gate ---------------------------------------------------------------------------------

_Handler = Callable[[State, Any, float], list[Event]]
_HANDLERS: dict[type[Command], _Handler] = {}


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
    return _HANDLERS[type(command)](state, command, now)


def _handles(kind: type[Command]) -> Callable[[_Handler], _Handler]:
    def register(handler: _Handler) -> _Handler:
        _HANDLERS[kind] = handler
        return handler

    return register


def proposal_of(state: State, name: str) -> Proposal:
    try:
        return state.proposals[name]
    except KeyError:
        raise UnknownName(f"There is no proposal {name!r} in {state.name!r}.", name=name) from None


def run_of(state: State, name: str) -> Run:
    try:
        return state.runs[name]
    except KeyError:
        raise UnknownName(f"There is no run {name!r} in {state.name!r}.", name=name) from None


def _fresh(state: State, name: str, revision: int) -> Proposal:
    proposal = proposal_of(state, name)
    if proposal.revision != revision:
        raise StaleRevision(
            f"{name} has changed since you looked at it: {describe(proposal)}. "
            f'Your decision was not recorded. Look again with campaign.proposals["{name}"].',
            proposal=name,
            seen=revision,
            now=proposal.revision,
        )
    return proposal


def describe(proposal: Proposal) -> str:
    """What has become of a proposal, in words."""
    if proposal.state == "launched":
        return f"it was launched as {proposal.launched}"
    if proposal.decision is None:
        return "it waits for a decision again"
    words = f"it was {proposal.decision.verdict} by {proposal.decision.by.name}"
    return words + (f" (now {proposal.child})" if proposal.child else "")


def _waiting(state: State, name: str, revision: int) -> Proposal:
    proposal = _fresh(state, name, revision)
    if proposal.state != "waiting":
        raise Refused(f"{name} does not wait for a decision: {describe(proposal)}.", proposal=name)
    return proposal


def _epoch(state: State, epoch: int) -> None:
    if epoch != state.epoch:
        raise LeaseLost(
            f"Another driver took over the campaign {state.name!r} (epoch {state.epoch}, this one has "
            f"{epoch}). Nothing was written; runs go on under the new driver. This process only shows "
            "the campaign now.",
            mine=epoch,
            current=state.epoch,
        )


@_handles(Define)
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


@_handles(Redefine)
def _redefine(state: State, command: Redefine, now: float) -> list[Event]:
    if command.definition == state.definition:
        return []
    return [
        ev.CampaignRedefined(
            definition=command.definition, changes=list(command.changes), reason=command.reason
        )
    ]


@_handles(Start)
def _start(state: State, command: Start, now: float) -> list[Event]:
    return [] if state.active else [ev.CampaignStarted()]


@_handles(Pause)
def _pause(state: State, command: Pause, now: float) -> list[Event]:
    return [ev.CampaignPaused(reason=command.reason)] if state.active else []


@_handles(SetAutonomy)
def _set_autonomy(state: State, command: SetAutonomy, now: float) -> list[Event]:
    return [] if command.rule == state.autonomy else [ev.AutonomyChanged(rule=command.rule)]


@_handles(SetBudget)
def _set_budget(state: State, command: SetBudget, now: float) -> list[Event]:
    if command.budget == state.budget:
        return []
    unit, before = (
        budget.get("unit", _UNIT) if budget else None for budget in (command.budget, state.budget)
    )
    if unit is not None and unit != (before or _UNIT) and state.next_run > 1:
        raise Refused(
            f"The budget stays in {before or _UNIT}: {state.next_run - 1} runs are counted in it already. "
            f"Give the new budget in {before or _UNIT}, or take it away with campaign.budget = None.",
        )
    return [ev.BudgetChanged(budget=command.budget, reason=command.reason)]


def point_key(task: str, action: str, run: str | None, parameters: Json) -> str:
    """What makes two proposals the same point."""
    return json.dumps([task, action, run, parameters], sort_keys=True, ensure_ascii=False)


def existing(state: State, drafts: Iterable[Draft]) -> dict[str, str]:
    """Point key to the proposal that already covers it (waiting, accepted, or launched)."""
    wanted = {point_key(d.task, d.action, d.run, d.parameters) for d in drafts}
    found: dict[str, str] = {}
    for proposal in _candidates(state, wanted):
        if proposal.state in {"waiting", "accepted", "launched"}:
            key = point_key(proposal.task, proposal.action, proposal.run, proposal.parameters)
            if key in wanted:
                found.setdefault(key, proposal.id)
    return found


def _candidates(state: State, keys: Iterable[str]) -> Iterable[Proposal]:
    """The proposals that may have one of ``keys``: all of them, unless the store keeps an index."""
    if isinstance(state.proposals, Searchable):
        return [proposal for key in keys for proposal in state.proposals.alike(key)]
    return state.proposals.values()


@_handles(Propose)
def _propose(state: State, command: Propose, now: float) -> list[Event]:
    if command.epoch is not None:
        _epoch(state, command.epoch)
    # The policy knows what it proposed; only a human's repeat has to be looked for.
    known = {} if command.repeat or command.epoch is not None else existing(state, command.drafts)
    number = state.next_proposal
    batch = number
    made: list[Event] = []
    left = state.remaining
    for draft in command.drafts:
        key = point_key(draft.task, draft.action, draft.run, draft.parameters)
        if not command.repeat and command.epoch is None:
            if key in known:
                continue
            known[key] = ""
        if draft.run is not None:
            _can_follow(run_of(state, draft.run), draft)
        name = f"P{number}"
        number += 1
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
                cost=draft.cost,
                reasons=list(draft.reasons),
                run=draft.run,
                restart=draft.restart,
                resources=draft.resources,
                model=draft.model,
                batch=batch if len(command.drafts) > 1 else None,
                reason=draft.reason,
            )
        )
        if command.accept:
            stops = draft.action == "stop"
            left = left if stops else _covered(state, name, draft.cost, left)
            made.append(
                ev.ProposalAccepted(
                    proposal=name,
                    reserved=draft.cost if state.budget is not None and not stops else 0.0,
                    launch_after=now + command.hold if command.hold else 0.0,
                    reason=draft.reason,
                )
            )
            if stops and draft.run is not None:
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


def _covered(state: State, name: str, cost: float, left: float) -> float:
    if state.budget is not None and cost > left + 1e-9:
        unit = state.budget.get("unit", "node-hours")
        raise BudgetExceeded(
            f"{name} needs {cost:g} {unit}, and {max(left, 0.0):g} of {state.budget['amount']:g} are left "
            f"({state.spent:g} spent, {state.totals.reserved:g} reserved by accepted runs). "
            "It was not accepted. Raise the budget with campaign.budget = …, or reject something that waits.",
            proposal=name,
            cost=cost,
            left=left,
        )
    return left - cost


@_handles(Predict)
def _predict(state: State, command: Predict, now: float) -> list[Event]:
    _epoch(state, command.epoch)
    return [p for p in command.predictions if p.proposal in state.proposals]


@_handles(Accept)
def _accept(state: State, command: Accept, now: float) -> list[Event]:
    proposal = _waiting(state, command.proposal, command.revision)
    if proposal.run is not None and proposal.action == "stop":
        run = run_of(state, proposal.run)
        if not run.live:
            raise Refused(f"{run.id} has already ended ({run.end}); there is nothing to stop.")
    else:
        _covered(state, proposal.id, proposal.cost, state.remaining)
    made: list[Event] = [
        ev.ProposalAccepted(
            proposal=proposal.id,
            reserved=proposal.cost if state.budget is not None and proposal.action != "stop" else 0.0,
            launch_after=now + command.hold if command.hold else 0.0,
            rule=command.rule,
            reason=command.reason,
            evidence=command.evidence,
        )
    ]
    if proposal.action == "stop" and proposal.run is not None:
        made.append(
            ev.ControlRequested(run=proposal.run, control=command.id, verb="stop", reason=command.reason)
        )
    return made


@_handles(Reject)
def _reject(state: State, command: Reject, now: float) -> list[Event]:
    proposal = _waiting(state, command.proposal, command.revision)
    return [ev.ProposalRejected(proposal=proposal.id, reason=command.reason, rule=command.rule)]


@_handles(Decide)
def _decide(state: State, command: Decide, now: float) -> list[Event]:
    _epoch(state, command.epoch)
    made: list[Event] = []
    left = state.remaining
    reserve = state.budget is not None
    for verdict in command.verdicts:
        if verdict.proposal not in state.waiting:
            continue
        proposal = state.proposals[verdict.proposal]
        if verdict.verdict == "rejected":
            made.append(ev.ProposalRejected(proposal=proposal.id, rule=verdict.rule))
            continue
        if proposal.action != "stop":
            if proposal.cost > left + 1e-9:
                continue
            left -= proposal.cost
        made.append(
            ev.ProposalAccepted(
                proposal=proposal.id,
                reserved=proposal.cost if reserve and proposal.action != "stop" else 0.0,
                rule=verdict.rule,
                evidence=verdict.evidence or None,
            )
        )
        if proposal.action == "stop" and proposal.run is not None and state.runs[proposal.run].live:
            made.append(
                ev.ControlRequested(run=proposal.run, control=f"{command.id}.{proposal.id}", verb="stop")
            )
    return made


@_handles(Edit)
def _edit(state: State, command: Edit, now: float) -> list[Event]:
    proposal = _waiting(state, command.proposal, command.revision)
    child = f"P{state.next_proposal}"
    return [
        ev.ProposalEdited(proposal=proposal.id, child=child, reason=command.reason),
        ev.ProposalMade(
            proposal=child,
            task=proposal.task,
            parameters=command.parameters,
            origin="human",
            action=proposal.action,  # type: ignore[arg-type]
            cost=proposal.cost if command.cost is None else command.cost,
            parent=proposal.id,
            run=proposal.run,
            restart=proposal.restart,
            resources=proposal.resources if command.resources is None else command.resources,
            reason=command.reason,
        ),
    ]


@_handles(Undo)
def _undo(state: State, command: Undo, now: float) -> list[Event]:
    proposal = _fresh(state, command.proposal, command.revision)
    if proposal.action == "stop" and proposal.state == "accepted":
        raise Refused(
            f"{proposal.run} was told to stop at once, so that cannot be undone. What it has so far is kept: "
            f'go on from there with campaign.runs["{proposal.run}"].extend(…).',
            run=proposal.run,
        )
    if proposal.state in {"accepted", "rejected"}:
        assert proposal.decision is not None
        return [ev.DecisionUndone(proposal=proposal.id, undone=proposal.decision.verdict)]
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
        raise Refused(
            f"{proposal.id} can no longer be undone: {run.id} is {run.state}. "
            f'Stop it with campaign.runs["{run.id}"].stop(); what it has so far is kept.',
            run=run.id,
        )
    raise Refused(f"There is no decision on {proposal.id} to undo.", proposal=proposal.id)


@_handles(Withdraw)
def _withdraw(state: State, command: Withdraw, now: float) -> list[Event]:
    if command.epoch is not None:
        _epoch(state, command.epoch)
    return [
        ev.ProposalWithdrawn(proposal=name, reason=command.reason)
        for name in command.proposals
        if name in state.waiting
    ]


@_handles(Launch)
def _launch(state: State, command: Launch, now: float) -> list[Event]:
    _epoch(state, command.epoch)
    if not state.active or state.remaining < -1e-9:
        return []  # paused, or the budget was lowered below what is spent and reserved
    made: list[Event] = []
    number = state.next_run
    taken: set[str] = set()
    for wish in command.launches:
        if wish.run is not None:
            run = state.runs.get(wish.run)
            if run is None or run.state != "accepted" or run.end or not run.attempt.end:
                continue
            if run.id in taken:
                continue
            taken.add(run.id)
            attempt, name, proposal_id, parent = (
                len(run.attempts) + 1,
                run.id,
                run.proposal,
                run.parent,
            )
        else:
            proposal = state.proposals.get(wish.proposal or "")
            if proposal is None or proposal.state != "accepted" or proposal.action == "stop":
                continue
            assert proposal.decision is not None
            if proposal.decision.launch_after > now or proposal.id in taken:
                continue
            taken.add(proposal.id)
            attempt, name, proposal_id, parent = 1, f"R{number}", proposal.id, proposal.run
            number += 1
        made.append(
            ev.AttemptLaunched(
                run=name,
                proposal=proposal_id,
                attempt=attempt,
                uuid=wish.uuid,
                epoch=command.epoch,
                endpoint=wish.endpoint,
                seed=wish.seed,
                code=wish.code,
                restart=wish.restart,
                parent=parent,
            )
        )
    return made


@_handles(Report)
def _report(state: State, command: Report, now: float) -> list[Event]:
    _epoch(state, command.epoch)
    made: list[Event] = []
    ended: set[str] = set()
    for event in command.events:
        if isinstance(event, ev.ControlAcknowledged):
            run = state.runs.get(event.run)
            if run is not None and any(
                c.id == event.control and c.answer != event.answer for c in run.controls
            ):
                made.append(event)
            continue
        assert isinstance(event, ev.AttemptMoved | ev.AttemptEnded)
        run = state.runs.get(event.run)
        late = run is None or run.id in ended or event.attempt != run.attempt.number or run.attempt.end
        if late:
            continue
        if isinstance(event, ev.AttemptEnded):
            ended.add(event.run)
        made.append(event)
    return made


@_handles(Request)
def _request(state: State, command: Request, now: float) -> list[Event]:
    run = run_of(state, command.run)
    if command.verb in DRIVER_ONLY_VERBS:
        raise Refused(f"{command.verb!r} cannot be asked of a run; undo its decision instead.")
    if run.state == "paused" and command.verb == "stop":
        used = 1.0 if (state.budget or {}).get("unit") == "runs" else 0.0
        return [ev.RunClosed(run=run.id, used=used, reason=command.reason)]
    if not run.live:
        word = f"ended ({run.end})" if run.state == "ended" else run.state
        raise Refused(f"{run.id} cannot {command.verb}: it is {word}.", run=run.id)
    return [
        ev.ControlRequested(
            run=run.id,
            control=command.id,
            verb=command.verb,
            values=command.values,
            reason=command.reason,
        )
    ]


@_handles(Resume)
def _resume(state: State, command: Resume, now: float) -> list[Event]:
    run = run_of(state, command.run)
    if run.state != "paused":
        raise Refused(f"{run.id} cannot be resumed: it is {run.state}, not paused.", run=run.id)
    return [ev.RunResumed(run=run.id)]


@_handles(Mark)
def _mark(state: State, command: Mark, now: float) -> list[Event]:
    run = run_of(state, command.run)
    if run.bad == command.bad:
        return []
    return [ev.RunMarked(run=run.id, bad=command.bad, reason=command.reason)]


@_handles(Note)
def _note(state: State, command: Note, now: float) -> list[Event]:
    return [ev.NoteWritten(text=command.text, about=command.about)]


@_handles(Trouble)
def _trouble(state: State, command: Trouble, now: float) -> list[Event]:
    old = state.troubles.get(command.source)
    if command.solved:
        return [] if old is None else [replace(old, solved=True)]
    if old is not None and old.message == command.message:
        return []
    return [ev.TroubleNoted(source=command.source, message=command.message, run=command.run)]


@_handles(Fitted)
def _fitted(state: State, command: Fitted, now: float) -> list[Event]:
    _epoch(state, command.epoch)
    return [command.fit]


@_handles(TakeLease)
def _take_lease(state: State, command: TakeLease, now: float) -> list[Event]:
    if command.epoch != state.epoch + 1:
        raise LeaseLost(
            f"Another driver took the campaign {state.name!r} at the same moment (epoch {state.epoch}).",
            mine=command.epoch,
            current=state.epoch,
        )
    return [ev.LeaseTaken(epoch=command.epoch, holder=command.holder)]
