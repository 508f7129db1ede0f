"""What can happen to a campaign: typed, versioned, append-only events.

An event is data: JSON-able fields, a ``kind`` and a ``version``. Events are never rewritten; an
older version is lifted to the present one by a pure function in ``LIFTS``. A kind or version this
release does not know makes the journal open read-only (see ``aisteer.journal.store``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import lru_cache
from typing import Any, ClassVar, Literal, TypeVar, dataclass_transform

from aisteer.errors import JournalDamaged

__all__ = ["KINDS", "LIFTS", "Actor", "Event", "Record", "Unknown", "decode", "encode", "stored"]

Json = dict[str, Any]
Origin = Literal["ai", "human", "random", "rule"]
Action = Literal["start", "stop", "extend", "branch"]
End = Literal["done", "partial", "failed", "lost", "paused", "preempted", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it.

    Attributes:
        kind: ``human``, ``ai``, ``rule`` (autonomy) or ``driver``.
        name: The person, the policy, the rule's text, or the driver's host and process.
        identity: How the name is known: ``claimed`` (from the machine's user) or
            ``verified:<by>`` (from the hub, or Globus).
    """

    kind: Literal["human", "ai", "rule", "driver"]
    name: str
    identity: str = "claimed"

    def to_json(self) -> str:
        """As it stands in the journal."""
        return _actor_to_json(self)

    @staticmethod
    @lru_cache(maxsize=4096)
    def from_json(text: str) -> Actor:
        """From what stands in the journal; equal actors are one object."""
        return Actor(*json.loads(text))


@lru_cache(maxsize=4096)
def _actor_to_json(actor: Actor) -> str:
    text = json.dumps([actor.kind, actor.name, actor.identity], ensure_ascii=False)
    return text if _storable(text) else json.dumps([actor.kind, actor.name, actor.identity])


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events. ``kind`` and ``version`` name the shape of the fields."""

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Record:
    """An event in its place: ``position`` is the order, ``time`` (Unix seconds) is for display."""

    position: int
    time: float
    actor: Actor
    command: str | None
    event: Event


KINDS: dict[str, type[Event]] = {}
LIFTS: dict[tuple[str, int], Callable[[Json], Json]] = {}
"""``(kind, version)`` to the pure function that lifts a body to ``version + 1``."""


_E = TypeVar("_E", bound=Event)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def _event(kind: str, version: int = 1) -> Callable[[type[_E]], type[_E]]:
    def register(cls: type[_E]) -> type[_E]:
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        made.kind, made.version = kind, version
        KINDS[kind] = made
        return made

    return register


# --- the campaign -----------------------------------------------------------------------------


@_event("campaign.defined")
class CampaignDefined(Event):
    """The campaign exists. ``definition`` is the problem as data; ``nonce`` marks its spools."""

    name: str
    uuid: str
    nonce: str
    definition: Json


@_event("campaign.redefined")
class CampaignRedefined(Event):
    """The definition changed; ``changes`` lists each difference in words."""

    definition: Json
    changes: list[str]
    reason: str = ""


@_event("campaign.started")
class CampaignStarted(Event):
    """Proposals are made and accepted ones launch."""


@_event("campaign.paused")
class CampaignPaused(Event):
    """No proposal is made and nothing launches; live runs go on."""

    reason: str = ""


@_event("autonomy.changed")
class AutonomyChanged(Event):
    """The rules that may decide without a human, as data (``aisteer.steering.autonomy``)."""

    rule: Json


@_event("budget.changed")
class BudgetChanged(Event):
    """The budget as data (``aisteer.problem.resources``); ``None`` is no limit."""

    budget: Json | None
    reason: str = ""


# --- proposals and decisions ------------------------------------------------------------------


@_event("proposal.made")
class ProposalMade(Event):
    """Something to run (or to do to a run), for a human or a rule to decide on.

    Attributes:
        proposal: Its name (``P3``), given by the journal and never reused.
        task: The task it belongs to.
        action: ``start``; ``extend`` and ``branch`` start a child of ``run``; ``stop`` ends ``run``.
        parameters: Values by parameter name.
        predicted: Outcome name to ``[mean, std]``, as predicted before it ran.
        acquisition: The policy's value of it, and ``rank`` among ``of`` candidates (1 is best).
        cost: Estimated cost in the budget's unit.
        reasons: What the numbers are made of; each a mapping with a ``kind``.
        origin: Who thought of it.
        parent: The proposal that this one edits.
        run: The run that it stops, extends or branches.
        restart: The checkpoint that a child starts from.
        resources: Overrides of the task's resources.
        model: The policy's revision that made it.
        batch: Proposals made together share this number.
    """

    proposal: str
    task: str
    parameters: Json
    origin: Origin
    action: Action = "start"
    predicted: dict[str, list[float]] = field(default_factory=dict)
    acquisition: float | None = None
    rank: int | None = None
    of: int | None = None
    cost: float = 0.0
    reasons: list[Json] = field(default_factory=list)
    parent: str | None = None
    run: str | None = None
    restart: str | None = None
    resources: Json | None = None
    model: int | None = None
    batch: int | None = None
    reason: str = ""


@_event("proposal.predicted")
class ProposalPredicted(Event):
    """A prediction that arrived after the proposal: for an edit, or a human's own candidate."""

    proposal: str
    predicted: dict[str, list[float]]
    model: int | None = None
    acquisition: float | None = None
    rank: int | None = None
    of: int | None = None
    cost: float | None = None
    reasons: list[Json] = field(default_factory=list)


@_event("proposal.accepted")
class ProposalAccepted(Event):
    """The decision that lets a run start.

    Attributes:
        reserved: What the budget sets aside, in its unit.
        launch_after: Unix time before which it does not launch, so that it can be undone.
        rule: The autonomy rule's words when no human decided.
        evidence: The numbers that the rule looked at, or the observations that a human saw.
    """

    proposal: str
    reserved: float = 0.0
    launch_after: float = 0.0
    rule: str | None = None
    reason: str = ""
    evidence: Json | None = None


@_event("proposal.rejected")
class ProposalRejected(Event):
    """The decision that it does not run."""

    proposal: str
    reason: str = ""
    rule: str | None = None


@_event("proposal.edited")
class ProposalEdited(Event):
    """A human replaced it by ``child``."""

    proposal: str
    child: str
    reason: str = ""


@_event("proposal.withdrawn")
class ProposalWithdrawn(Event):
    """Its author took it back: stale, superseded, or its run was withdrawn before it was claimed."""

    proposal: str
    reason: str = ""


@_event("decision.undone")
class DecisionUndone(Event):
    """A decision was taken back before it had effect; the proposal waits again."""

    proposal: str
    undone: str


# --- runs -------------------------------------------------------------------------------------


@_event("attempt.launched")
class AttemptLaunched(Event):
    """The launch record: once per (proposal, attempt), written before anything is submitted."""

    run: str
    proposal: str
    attempt: int
    uuid: str
    epoch: int
    endpoint: str
    seed: int
    code: str = ""
    restart: str | None = None
    parent: str | None = None


@_event("attempt.moved")
class AttemptMoved(Event):
    """A run's live attempt changed state: submitted, waiting, claimed, running, pausing.

    ``ticket`` is what the endpoint needs to find it again; ``where`` the host, process and job.
    """

    run: str
    attempt: int
    state: str
    detail: str = ""
    ticket: str | None = None
    where: Json | None = None


@_event("attempt.ended")
class AttemptEnded(Event):
    """An attempt is over and its observations are sealed.

    Attributes:
        end: How. ``paused`` and ``preempted`` leave the run open for its next attempt.
        final: Whether the run is over with it.
        outcome: Outcome name to ``[value]`` or ``[value, standard error]``.
        message: Why it failed and what to do next.
        used: Cost used, in the budget's unit; ``charged``: cost charged to the allocation.
        seconds: Wall time from claim to end.
        sealed: ``[length, sha256]`` of the mirrored observations; absent when there were none.
        checkpoint: The last one written.
    """

    run: str
    attempt: int
    end: End
    final: bool = True
    outcome: dict[str, list[float]] = field(default_factory=dict)
    message: str = ""
    used: float = 0.0
    charged: float = 0.0
    seconds: float = 0.0
    sealed: list[Any] | None = None
    observations: int = 0
    checkpoint: str | None = None
    where: Json | None = None
    versions: Json | None = None


@_event("control.requested")
class ControlRequested(Event):
    """Something asked of a live run: ``stop``, ``pause``, ``withdraw`` or ``set`` with values."""

    run: str
    control: str
    verb: str
    values: Json = field(default_factory=dict)
    reason: str = ""


@_event("control.acknowledged")
class ControlAcknowledged(Event):
    """The run (or its worker) answered: ``done``, or ``refused`` with the reason."""

    run: str
    control: str
    answer: str
    detail: str = ""


@_event("run.resumed")
class RunResumed(Event):
    """A paused run may be launched again, from its last checkpoint."""

    run: str


@_event("run.closed")
class RunClosed(Event):
    """A paused run is not to go on: it ends ``partial`` with what its attempts left.

    ``used`` is what its end costs in a budget of runs.
    """

    run: str
    used: float = 0.0
    reason: str = ""


@_event("run.marked")
class RunMarked(Event):
    """A human took the result out of the fit (``bad``), or put it back."""

    run: str
    bad: bool
    reason: str = ""


# --- the driver and the mind ------------------------------------------------------------------


@_event("lease.taken")
class LeaseTaken(Event):
    """A driver holds the campaign under ``epoch``; lower epochs are refused from here on."""

    epoch: int
    holder: Json


@_event("surrogate.fitted")
class SurrogateFitted(Event):
    """The surrogate's revision ``model`` of a task: what it was fitted on and how it scores."""

    task: str
    model: int
    runs: int
    summary: Json = field(default_factory=dict)


@_event("trouble.noted")
class TroubleNoted(Event):
    """Something a human should know: what happened, what it means, what to do next."""

    source: str
    message: str
    run: str | None = None
    solved: bool = False


@_event("note.written")
class NoteWritten(Event):
    """A human's own words, kept with the campaign."""

    text: str
    about: str | None = None


# --- of a newer release ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """An event of a newer release, as it was stored. It changes nothing in the state."""

    stored_kind: str
    stored_version: int
    body: str


# --- to and from JSON -------------------------------------------------------------------------


def _defaults(cls: type[Event]) -> tuple[tuple[str, Any], ...]:
    found: list[tuple[str, Any]] = []
    for item in fields(cls):
        if item.default_factory is not MISSING:
            found.append((item.name, item.default_factory()))
        else:
            found.append((item.name, item.default))
    return tuple(found)


_FIELDS: dict[type[Event], tuple[tuple[str, Any], ...]] = {}


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_escaper = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _body(event: Event) -> Json:
    """The fields that are not at their default."""
    cls = type(event)
    known = _FIELDS.get(cls)
    if known is None:
        known = _FIELDS.setdefault(cls, _defaults(cls))
    body = {}
    for name, default in known:
        value = getattr(event, name)
        if value is not default and (default is MISSING or value != default):
            body[name] = value
    return body


def encode(event: Event) -> str:
    """The event's body as JSON; fields at their default are left out."""
    return _dump(_body(event))


def _dump(body: Json) -> str:
    text = _encoder(body)
    return text if _storable(text) else _escaper(body)


_FIXED = frozenset({str, int, float, bool, type(None)})


def stored(event: Event) -> tuple[str, Event]:
    """The event's body as JSON, and the event as it is read back from it.

    Nobody can change that one from outside, and it is the same in every process. An event of plain
    numbers and text is that already.
    """
    body = _body(event)
    text = _dump(body)
    if _FIXED.issuperset(map(type, body.values())):
        return text, event
    return text, decode(event.kind, event.version, text)


def _storable(text: str) -> bool:
    """Whether ``text`` is valid Unicode; half a surrogate pair (a broken emoji) has to be escaped."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def decode(kind: str, version: int, body: str | Mapping[str, Any]) -> Event:
    """The event of a stored row, lifted to the present version; ``Unknown`` for one of a newer release.

    Raises:
        JournalDamaged: The body does not fit its kind.
    """
    cls = KINDS.get(kind)
    if cls is None or version > cls.version:
        text = body if isinstance(body, str) else json.dumps(body)
        return Unknown(stored_kind=kind, stored_version=version, body=text)
    try:
        data: Json = json.loads(body) if isinstance(body, str) else dict(body)
        while version < cls.version:
            data = LIFTS[kind, version](data)
            version += 1
        return cls(**data)
    except (TypeError, ValueError) as error:
        message = (
            f"The journal holds a {kind} event that cannot be read ({error}). "
            "The campaign opens read-only; restore the journal from a copy, "
            "or export what can be read with `aisteer export`."
        )
        raise JournalDamaged(message, kind=kind, version=version) from error
