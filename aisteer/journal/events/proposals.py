"""Proposals: made, predicted, withdrawn."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from aisteer.journal.events.kinds import Event, Json, event

__all__ = ["STARTS", "ProposalMade", "ProposalPredicted", "ProposalWithdrawn"]

Origin = Literal["ai", "human", "random", "rule"]
Action = Literal["start", "stop", "extend", "branch", "finish"]
STARTS = frozenset({"start", "extend", "branch"})
"""Actions that a run comes of."""


@event("proposal.made")
class ProposalMade(Event):
    """Something to run (or to do to a run), for a human or a rule to decide on.

    Attributes:
        proposal: Its name (``P3``), given by the journal and never reused.
        task: The task it belongs to.
        action: ``start``; ``extend`` and ``branch`` start a child of ``run``; ``stop`` ends ``run``; ``finish``: the
            task has what it was made for, or cannot get it.
        parameters: Values by parameter name.
        predicted: Outcome name to ``[mean, std]``, as predicted before it ran.
        acquisition: The policy's value of it, and ``rank`` among ``of`` candidates (1 is best).
        cost: Estimated cost in the budget's unit.
        reasons: What the numbers are made of; each a mapping with a ``kind``.
        origin: Who thought of it.
        parent: The proposal that this one edits.
        run: The run that it stops, extends or branches.
        restart: The checkpoint that a child starts from.
        observation: Of ``run``, the one near which that checkpoint was wished; none where it is just the last.
        resources: Overrides of the task's resources.
        model: The policy's revision that made it.
        batch: Proposals made together share this number.
        beside: The edit beside which this runs, what it replaced: drawn by chance, for comparison.
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
    beside: str | None = None
    observation: int | None = None


@event("proposal.predicted")
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


@event("proposal.withdrawn")
class ProposalWithdrawn(Event):
    """It was taken back: stale, superseded, or its run was withdrawn before it was claimed.

    ``rule`` names what ruled it out where that was no judgement of the point itself: ``steering``, ``redefinition``.
    """

    proposal: str
    reason: str = ""
    rule: str | None = None
