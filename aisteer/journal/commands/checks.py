"""What commands are held against: the names there are, the revision that was seen, the lease."""

from __future__ import annotations

from aisteer.errors import LeaseLost, Refused, StaleRevision, UnknownName
from aisteer.journal.state import Proposal, Run, State

__all__ = ["describe", "fresh", "proposal_of", "run_of", "under_lease", "waiting"]


def proposal_of(state: State, name: str) -> Proposal:
    """The proposal of that name; ``UnknownName`` when there is none."""
    try:
        return state.proposals[name]
    except KeyError:
        raise UnknownName(f"There is no proposal {name!r} in {state.name!r}.", name=name) from None


def run_of(state: State, name: str) -> Run:
    """The run of that name; ``UnknownName`` when there is none."""
    try:
        return state.runs[name]
    except KeyError:
        raise UnknownName(f"There is no run {name!r} in {state.name!r}.", name=name) from None


def fresh(state: State, name: str, revision: int) -> Proposal:
    """The proposal, if it is what a human saw at ``revision``; else ``StaleRevision``."""
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


def waiting(state: State, name: str, revision: int) -> Proposal:
    """The proposal, if it still waits for a decision, as a human saw it at ``revision``; else ``Refused``."""
    proposal = fresh(state, name, revision)
    if proposal.state != "waiting":
        raise Refused(f"{name} does not wait for a decision: {describe(proposal)}.", proposal=name)
    return proposal


def under_lease(state: State, epoch: int) -> None:
    """``LeaseLost`` unless the driver of ``epoch`` still drives."""
    if epoch != state.epoch:
        raise LeaseLost(
            f"Another driver took over the campaign {state.name!r} (epoch {state.epoch}, this one has "
            f"{epoch}). Nothing was written; runs go on under the new driver. This process only shows "
            "the campaign now.",
            mine=epoch,
            current=state.epoch,
        )
