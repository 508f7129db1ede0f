"""Decisions on proposals, and taking them back."""

from __future__ import annotations

from aisteer.journal.events.kinds import Event, Json, event

__all__ = ["DecisionUndone", "ProposalAccepted", "ProposalEdited", "ProposalRejected"]


@event("proposal.accepted")
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


@event("proposal.rejected")
class ProposalRejected(Event):
    """The decision that it does not run."""

    proposal: str
    reason: str = ""
    rule: str | None = None


@event("proposal.edited")
class ProposalEdited(Event):
    """A human replaced it by ``child``."""

    proposal: str
    child: str
    reason: str = ""


@event("decision.undone")
class DecisionUndone(Event):
    """A decision was taken back before it had effect; the proposal waits again."""

    proposal: str
    undone: str
