"""A run as it stands: its attempts, and what was asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from aisteer.journal.events import Actor, Json

__all__ = ["Attempt", "Control", "Run"]


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
        bad_by: Who did; empty where it is in the fit.
        bad_reason: Why.
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
    bad_by: str = ""
    bad_reason: str = ""

    @property
    def attempt(self) -> Attempt:
        """The latest attempt."""
        return self.attempts[-1]

    @property
    def live(self) -> bool:
        """Whether an attempt is at the endpoint, or on its way there."""
        return self.state not in {"ended", "paused"}

    @property
    def effective(self) -> Json:
        """Its parameters, with the controls that it has taken: what its next attempt and its children begin with."""
        taken = [c.values for c in self.controls if c.verb == "set" and c.answer == "done"]
        return {name: value for values in (self.parameters, *taken) for name, value in values.items()}
