"""What a policy must be able to do, and what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from aisteer.journal.commands import Draft

__all__ = ["Batch", "Datum", "Evidence", "Policy", "Predicts", "Troubled"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Datum:
    """A finished run, or a row of data from elsewhere (``origin`` is ``prior``).

    ``outcomes`` maps a name to ``(value, standard error)``; the error is 0 if not known.
    ``parent`` is the run that it extends or branches from. ``model`` is the revision that made
    ``predicted``, before this run ended. ``cost`` is what it took in node-hours; 0 if not known.
    ``estimated`` says that it was stopped: its outcomes are what its curve foretold, with their standard deviations.
    """

    run: str
    parameters: Json
    outcomes: dict[str, tuple[float, float]]
    predicted: dict[str, list[float]] = field(default_factory=dict)
    origin: str = "ai"
    parent: str | None = None
    model: int | None = None
    cost: float = 0.0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a policy may know of a task, as plain data (made in the driver's thread).

    Attributes:
        task: The task's name.
        definition: The task's definition, as in the journal.
        data: What was measured elsewhere, then runs that ended ``done``, oldest first; without what is
            marked bad. A run that was extended is replaced by its extension, whose outcome contains it.
        censored: Runs that ended ``partial``: their outcome is a bound at best, not data.
        estimated: Of those, the ones that were stopped as the AI proposed, with the outcomes foreseen then and their
            standard deviations: measurements of known error, of which none counts as having been reached.
        failed: Parameters of runs that failed or were lost.
        broken: Of those, the ones where the simulation itself failed, and no human marked the run bad.
        bad: Parameters of runs that a human marked bad.
        pending: Parameters of live runs and accepted proposals.
        waiting: Waiting proposals: ``(id, parameters)``.
        rejected: ``(parameters, proposals decided since)``: its influence decays.
        steering: What the AI is told while it runs: setting to value (``journal.events.Steered``).
        steered: Setting to the decisions that followed since it was set.
        model: Revision of the last fit; -1 where there is none.
        made_by: Which surrogate made predictions from which revision on: ``(revision, name)``, the latest last.
        revision: Journal position it was made at.
    """

    task: str
    definition: Json
    data: tuple[Datum, ...] = ()
    censored: tuple[Datum, ...] = ()
    estimated: tuple[Datum, ...] = ()
    failed: tuple[Json, ...] = ()
    broken: tuple[tuple[str, Json], ...] = ()
    bad: tuple[Json, ...] = ()
    pending: tuple[Json, ...] = ()
    waiting: tuple[tuple[str, Json], ...] = ()
    rejected: tuple[tuple[Json, int], ...] = ()
    steering: Json = field(default_factory=dict)
    steered: dict[str, int] = field(default_factory=dict)
    model: int = -1
    made_by: tuple[tuple[int, str], ...] = ()
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Drafts, best first, and what is to be remembered of the fit that made them."""

    drafts: Sequence[Draft]
    model: int = 0
    summary: Json = field(default_factory=dict)


@runtime_checkable
class Policy(Protocol):
    """Something that proposes."""

    def propose(self, evidence: Evidence, n: int) -> Batch:
        """Up to ``n`` distinct drafts given the evidence; pending runs count."""


@runtime_checkable
class Predicts(Protocol):
    """A policy that can say what it expects, and why, of a point that somebody else chose."""

    def predict(self, evidence: Evidence, points: Sequence[Json]) -> Sequence[Json]:
        """For each point ``predicted``, ``acquisition``, ``rank``, ``of``, ``reasons`` and ``model``."""


@runtime_checkable
class Troubled(Protocol):
    """A policy that can say what is wrong with it, for as long as it is."""

    trouble: str
    """What happened, what it means, what to do next; empty while all is well."""
