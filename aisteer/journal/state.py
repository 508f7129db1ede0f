"""The state of a campaign: a pure fold of its events.

``apply(state, record)`` is the only place where state changes. Proposals and runs are frozen:
a change replaces the whole value, so a snapshot that a reader holds never moves under it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from aisteer.journal import events as ev
from aisteer.journal.events import Actor, Json, Record

__all__ = ["Attempt", "Control", "Decision", "Proposal", "Run", "Searchable", "State", "Totals", "apply"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict on a proposal: ``accepted``, ``rejected``, ``edited`` or ``withdrawn``."""

    verdict: str
    by: Actor
    time: float
    position: int
    reason: str = ""
    rule: str | None = None
    reserved: float = 0.0
    launch_after: float = 0.0
    evidence: Json | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as it stands. Fields as in ``ProposalMade``.

    Attributes:
        state: ``waiting``, ``accepted``, ``launched``, ``rejected``, ``edited`` or ``withdrawn``.
        revision: Journal position of the last event that concerns it; a command made on an older
            one is refused.
        child: The proposal that an edit made of it.
        launched: The run that came of it.
        undone: A human took a decision on it back: rules leave it to humans from then on.
    """

    id: str
    task: str
    parameters: Json
    origin: str
    author: Actor
    time: float
    revision: int
    state: str = "waiting"
    action: str = "start"
    predicted: dict[str, list[float]] = field(default_factory=dict)
    acquisition: float | None = None
    rank: int | None = None
    of: int | None = None
    cost: float = 0.0
    reasons: tuple[Json, ...] = ()
    parent: str | None = None
    child: str | None = None
    run: str | None = None
    launched: str | None = None
    restart: str | None = None
    resources: Json | None = None
    model: int | None = None
    batch: int | None = None
    reason: str = ""
    decision: Decision | None = None
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a run at an endpoint; ``end`` is empty while it lives."""

    number: int
    uuid: str
    epoch: int
    launched: float
    state: str = "accepted"
    ticket: str | None = None
    where: Json | None = None
    end: str = ""
    seconds: float = 0.0
    observations: int = 0
    sealed: tuple[int, str] | None = None
    checkpoint: str | None = None
    restart: str | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """Something asked of a run; ``answer`` is empty until it is acknowledged."""

    id: str
    verb: str
    values: Json
    time: float
    by: Actor
    answer: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands.

    Attributes:
        state: ``accepted`` (recorded, not yet at the endpoint), ``submitted``, ``waiting`` (in the
            service, or for a block), ``claimed``, ``running``, ``pausing``, ``paused`` or ``ended``.
        since: Unix time of the last change of state.
        end: How it ended: ``done``, ``partial``, ``failed``, ``lost`` or ``withdrawn``.
        outcome: Outcome name to ``(value, standard error)``; the error is 0 where none was given.
        bad: A human took it out of the fit.
    """

    id: str
    uuid: str
    proposal: str
    task: str
    parameters: Json
    endpoint: str
    seed: int
    code: str
    since: float
    revision: int
    origin: str
    state: str = "accepted"
    end: str = ""
    outcome: dict[str, tuple[float, float]] = field(default_factory=dict)
    message: str = ""
    parent: str | None = None
    attempts: tuple[Attempt, ...] = ()
    controls: tuple[Control, ...] = ()
    used: float = 0.0
    charged: float = 0.0
    bad: bool = False

    @property
    def attempt(self) -> Attempt:
        """The latest attempt."""
        return self.attempts[-1]

    @property
    def live(self) -> bool:
        """Whether an attempt is at the endpoint, or on its way there."""
        return self.state not in {"ended", "paused"}


@runtime_checkable
class Searchable(Protocol):
    """Proposals with an index of their points."""

    def alike(self, key: str) -> Iterable[Proposal]:
        """The proposals whose point may have ``key`` (``commands.point_key``)."""
        ...


@dataclass(slots=True)
class Totals:
    """Cost in the budget's unit, and counts."""

    reserved: float = 0.0
    estimated: float = 0.0
    used: float = 0.0
    charged: float = 0.0
    ended: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """Everything that is known of a campaign at ``position``.

    ``waiting``, ``accepted`` and ``live`` are ordered indexes (dict keys) of proposals that wait
    for a decision, accepted proposals not yet launched, and runs that have not ended; ``bad`` of runs
    that a human took out of the fit.
    """

    position: int = 0
    time: float = 0.0
    name: str = ""
    uuid: str = ""
    nonce: str = ""
    definition: Json = field(default_factory=dict)
    active: bool = False
    pause_reason: str = ""
    autonomy: Json = field(default_factory=dict)
    budget: Json | None = None
    epoch: int = 0
    holder: Json = field(default_factory=dict)
    proposals: MutableMapping[str, Proposal] = field(default_factory=dict)
    runs: MutableMapping[str, Run] = field(default_factory=dict)
    waiting: dict[str, None] = field(default_factory=dict)
    accepted: dict[str, None] = field(default_factory=dict)
    live: dict[str, None] = field(default_factory=dict)
    bad: dict[str, None] = field(default_factory=dict)
    next_proposal: int = 1
    next_run: int = 1
    totals: Totals = field(default_factory=Totals)
    models: dict[str, ev.SurrogateFitted] = field(default_factory=dict)
    troubles: dict[str, ev.TroubleNoted] = field(default_factory=dict)
    notes: list[tuple[float, Actor, ev.NoteWritten]] = field(default_factory=list)

    @property
    def spent(self) -> float:
        """What counts against the budget so far, by the kind of cost that the budget names."""
        kind = (self.budget or {}).get("counts", "used")
        return float(getattr(self.totals, kind))

    @property
    def remaining(self) -> float:
        """What is left of the budget after reservations; infinite without one."""
        if self.budget is None:
            return float("inf")
        if self.budget.get("counts") == "estimated":
            return float(self.budget["amount"]) - self.spent  # what is reserved is among the estimates
        return float(self.budget["amount"]) - self.spent - self.totals.reserved


_Handler = Callable[[State, Record, Any], None]
_FOLD: dict[type[ev.Event], _Handler] = {}


def apply(state: State, record: Record) -> None:
    """Fold one record into ``state``, in place. Records must come in order of position."""
    state.position = record.position
    state.time = record.time
    _FOLD[type(record.event)](state, record, record.event)


def _on(*kinds: type[ev.Event]) -> Callable[[_Handler], _Handler]:
    def register(handler: _Handler) -> _Handler:
        for kind in kinds:
            _FOLD[kind] = handler
        return handler

    return register


# --- the campaign -----------------------------------------------------------------------------


@_on(ev.CampaignDefined)
def _defined(state: State, record: Record, event: ev.CampaignDefined) -> None:
    state.name, state.uuid, state.nonce = event.name, event.uuid, event.nonce
    state.definition = event.definition


@_on(ev.CampaignRedefined)
def _redefined(state: State, record: Record, event: ev.CampaignRedefined) -> None:
    state.definition = event.definition


@_on(ev.CampaignStarted)
def _started(state: State, record: Record, event: ev.CampaignStarted) -> None:
    state.active, state.pause_reason = True, ""


@_on(ev.CampaignPaused)
def _paused(state: State, record: Record, event: ev.CampaignPaused) -> None:
    state.active, state.pause_reason = False, event.reason


@_on(ev.AutonomyChanged)
def _autonomy(state: State, record: Record, event: ev.AutonomyChanged) -> None:
    state.autonomy = event.rule


@_on(ev.BudgetChanged)
def _budget(state: State, record: Record, event: ev.BudgetChanged) -> None:
    state.budget = event.budget
    # What was accepted under another budget, or none, is covered by the new one first.
    for name in [*state.accepted, *(state.runs[run].proposal for run in state.live)]:
        proposal = state.proposals[name]
        if proposal.decision is not None:
            reserved = proposal.cost if event.budget is not None else 0.0
            state.totals.reserved += reserved - proposal.decision.reserved
            state.proposals[name] = replace(proposal, decision=replace(proposal.decision, reserved=reserved))


# --- proposals and decisions ------------------------------------------------------------------


@_on(ev.ProposalMade)
def _made(state: State, record: Record, event: ev.ProposalMade) -> None:
    state.proposals[event.proposal] = Proposal(
        id=event.proposal,
        task=event.task,
        parameters=event.parameters,
        origin=event.origin,
        author=record.actor,
        time=record.time,
        revision=record.position,
        action=event.action,
        predicted=event.predicted,
        acquisition=event.acquisition,
        rank=event.rank,
        of=event.of,
        cost=event.cost,
        reasons=tuple(event.reasons),
        parent=event.parent,
        run=event.run,
        restart=event.restart,
        resources=event.resources,
        model=event.model,
        batch=event.batch,
        reason=event.reason,
    )
    state.waiting[event.proposal] = None
    state.next_proposal += 1


@_on(ev.ProposalPredicted)
def _predicted(state: State, record: Record, event: ev.ProposalPredicted) -> None:
    old = state.proposals[event.proposal]
    # The revision stays: a prediction that arrives does not make a human's decision stale.
    state.proposals[event.proposal] = replace(
        old,
        predicted=event.predicted,
        model=event.model,
        acquisition=event.acquisition,
        rank=event.rank,
        of=event.of,
        # What was decided on was decided at its cost.
        cost=old.cost if event.cost is None or old.state != "waiting" else event.cost,
        reasons=tuple(event.reasons) or old.reasons,
    )


def _decide(state: State, record: Record, verdict: str, event: Any, **change: Any) -> None:
    old = state.proposals[event.proposal]
    decision = Decision(
        verdict=verdict,
        by=record.actor,
        time=record.time,
        position=record.position,
        reason=event.reason,
        rule=getattr(event, "rule", None),
        reserved=getattr(event, "reserved", 0.0),
        launch_after=getattr(event, "launch_after", 0.0),
        evidence=getattr(event, "evidence", None),
    )
    _release(state, old)
    state.waiting.pop(old.id, None)
    state.accepted.pop(old.id, None)
    state.proposals[old.id] = replace(
        old, state=verdict, decision=decision, revision=record.position, **change
    )


def _release(state: State, proposal: Proposal) -> None:
    """Give back what an acceptance had reserved."""
    if proposal.decision is not None and proposal.state == "accepted" and proposal.action != "stop":
        state.totals.reserved -= proposal.decision.reserved
        state.totals.estimated -= proposal.cost


@_on(ev.ProposalAccepted)
def _accepted(state: State, record: Record, event: ev.ProposalAccepted) -> None:
    _decide(state, record, "accepted", event)
    if state.proposals[event.proposal].action == "stop":
        return  # Its control stands beside it; there is nothing to launch.
    state.accepted[event.proposal] = None
    state.totals.reserved += event.reserved
    state.totals.estimated += state.proposals[event.proposal].cost


@_on(ev.ProposalRejected)
def _rejected(state: State, record: Record, event: ev.ProposalRejected) -> None:
    _decide(state, record, "rejected", event)


@_on(ev.ProposalEdited)
def _edited(state: State, record: Record, event: ev.ProposalEdited) -> None:
    _decide(state, record, "edited", event, child=event.child)


@_on(ev.ProposalWithdrawn)
def _withdrawn(state: State, record: Record, event: ev.ProposalWithdrawn) -> None:
    _decide(state, record, "withdrawn", event)


@_on(ev.DecisionUndone)
def _undone(state: State, record: Record, event: ev.DecisionUndone) -> None:
    old = state.proposals[event.proposal]
    _release(state, old)
    state.accepted.pop(old.id, None)
    state.waiting[old.id] = None
    state.proposals[old.id] = replace(
        old,
        state="waiting",
        decision=None,
        child=None,
        revision=record.position,
        undone=old.undone or record.actor.kind == "human",
    )


# --- runs -------------------------------------------------------------------------------------


@_on(ev.AttemptLaunched)
def _launched(state: State, record: Record, event: ev.AttemptLaunched) -> None:
    attempt = Attempt(
        number=event.attempt,
        uuid=event.uuid,
        epoch=event.epoch,
        launched=record.time,
        restart=event.restart,
    )
    old = state.runs.get(event.run)
    if old is None:
        proposal = state.proposals[event.proposal]
        state.runs[event.run] = Run(
            id=event.run,
            uuid=event.uuid,
            proposal=event.proposal,
            task=proposal.task,
            parameters=proposal.parameters,
            endpoint=event.endpoint,
            seed=event.seed,
            code=event.code,
            since=record.time,
            revision=record.position,
            origin=proposal.origin,
            parent=event.parent,
            attempts=(attempt,),
        )
        state.next_run += 1
        state.accepted.pop(proposal.id, None)
        state.proposals[proposal.id] = replace(
            proposal, state="launched", launched=event.run, revision=record.position
        )
    else:
        state.runs[event.run] = replace(
            old,
            state="accepted",
            since=record.time,
            revision=record.position,
            endpoint=event.endpoint,
            attempts=(*old.attempts, attempt),
        )
    state.live[event.run] = None


def _attempt(run: Run, **change: Any) -> tuple[Attempt, ...]:
    return (*run.attempts[:-1], replace(run.attempts[-1], **change))


@_on(ev.AttemptMoved)
def _moved(state: State, record: Record, event: ev.AttemptMoved) -> None:
    run = state.runs[event.run]
    change: dict[str, Any] = {"state": event.state}
    if event.ticket is not None:
        change["ticket"] = event.ticket
    if event.where is not None:
        change["where"] = event.where
    state.runs[run.id] = replace(
        run,
        state=event.state,
        message=event.detail,
        since=record.time,
        revision=record.position,
        attempts=_attempt(run, **change),
    )


@_on(ev.AttemptEnded)
def _attempt_ended(state: State, record: Record, event: ev.AttemptEnded) -> None:
    run = state.runs[event.run]
    change: dict[str, Any] = {
        "state": "ended",
        "end": event.end,
        "seconds": event.seconds,
        "observations": event.observations,
        "sealed": (int(event.sealed[0]), str(event.sealed[1])) if event.sealed else None,
        "checkpoint": event.checkpoint or run.attempt.checkpoint,
    }
    if event.where is not None:
        change["where"] = event.where
    controls = tuple(
        c if c.answer else replace(c, answer="missed", detail="the attempt ended first") for c in run.controls
    )
    outcome = {k: (v[0], v[1] if len(v) > 1 else 0.0) for k, v in event.outcome.items()}
    totals = state.totals
    totals.used += event.used
    totals.charged += event.charged
    state.runs[run.id] = replace(
        run,
        state="ended" if event.final else ("paused" if event.end == "paused" else "accepted"),
        end=event.end if event.final else "",
        outcome=outcome,
        message=event.message,
        since=record.time,
        revision=record.position,
        attempts=_attempt(run, **change),
        controls=controls,
        used=run.used + event.used,
        charged=run.charged + event.charged,
    )
    if event.final:
        state.live.pop(run.id, None)
        totals.ended[event.end] = totals.ended.get(event.end, 0) + 1
        proposal = state.proposals[run.proposal]
        if proposal.decision is not None:
            totals.reserved -= proposal.decision.reserved
        if event.end == "withdrawn":
            totals.estimated -= proposal.cost
            state.proposals[proposal.id] = replace(proposal, state="withdrawn", revision=record.position)
    elif event.end == "paused":
        state.live.pop(run.id, None)


@_on(ev.ControlRequested)
def _requested(state: State, record: Record, event: ev.ControlRequested) -> None:
    run = state.runs[event.run]
    control = Control(event.control, event.verb, event.values, record.time, record.actor)
    state.runs[run.id] = replace(run, controls=(*run.controls, control), revision=record.position)


@_on(ev.ControlAcknowledged)
def _acknowledged(state: State, record: Record, event: ev.ControlAcknowledged) -> None:
    run = state.runs[event.run]
    controls = tuple(
        replace(c, answer=event.answer, detail=event.detail) if c.id == event.control else c
        for c in run.controls
    )
    state.runs[run.id] = replace(run, controls=controls, revision=record.position)


@_on(ev.RunResumed)
def _resumed(state: State, record: Record, event: ev.RunResumed) -> None:
    run = state.runs[event.run]
    state.runs[run.id] = replace(run, state="accepted", since=record.time, revision=record.position)
    state.live[run.id] = None


@_on(ev.RunClosed)
def _closed(state: State, record: Record, event: ev.RunClosed) -> None:
    run = state.runs[event.run]
    words = "It was stopped while it was paused; its observations and its checkpoint are kept."
    state.runs[run.id] = replace(
        run,
        state="ended",
        end="partial",
        message=f"{words} {event.reason}".strip(),
        since=record.time,
        revision=record.position,
        used=run.used + event.used,
        charged=run.charged + event.used,
    )
    totals = state.totals
    totals.used += event.used
    totals.charged += event.used
    totals.ended["partial"] = totals.ended.get("partial", 0) + 1
    decision = state.proposals[run.proposal].decision
    if decision is not None:
        totals.reserved -= decision.reserved


@_on(ev.RunMarked)
def _marked(state: State, record: Record, event: ev.RunMarked) -> None:
    run = state.runs[event.run]
    state.runs[run.id] = replace(run, bad=event.bad, revision=record.position)
    if event.bad:
        state.bad[run.id] = None
    else:
        state.bad.pop(run.id, None)


# --- the driver and the mind ------------------------------------------------------------------


@_on(ev.LeaseTaken)
def _leased(state: State, record: Record, event: ev.LeaseTaken) -> None:
    state.epoch, state.holder = event.epoch, event.holder


@_on(ev.SurrogateFitted)
def _fitted(state: State, record: Record, event: ev.SurrogateFitted) -> None:
    state.models[event.task] = event


@_on(ev.TroubleNoted)
def _trouble(state: State, record: Record, event: ev.TroubleNoted) -> None:
    state.troubles.pop(event.source, None)
    if not event.solved:
        state.troubles[event.source] = event


@_on(ev.Unknown)
def _unknown(state: State, record: Record, event: ev.Unknown) -> None:
    """What a newer release wrote changes nothing here; the journal is read-only from then on."""


@_on(ev.NoteWritten)
def _note(state: State, record: Record, event: ev.NoteWritten) -> None:
    state.notes.append((record.time, record.actor, event))
