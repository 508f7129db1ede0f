"""A proposal as it stands, and the decision on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from aisteer.journal.events import Actor, Json

__all__ = ["Decision", "Proposal"]


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
    beside: str | None = None
    observation: int | None = None
