"""What would be proposed next if a proposal were rejected: the policy's own answer to that, nothing guessed."""

from __future__ import annotations

from dataclasses import replace

from aisteer.steering.protocols import Evidence, Json, Policy

__all__ = ["next_if_rejected"]


def next_if_rejected(policy: Policy, evidence: Evidence, proposal: str) -> Json:
    """The point that ``policy`` would propose, were ``proposal`` rejected now and nothing else to happen.

    Args:
        policy: The policy.
        evidence: What it knows.
        proposal: One that waits.

    Returns:
        A reason of the kind ``next``: ``parameters``, ``predicted``, ``acquisition``, ``rank``, ``of`` of that point;
        ``parameters`` is ``None`` where there would be none, where the proposal does not wait any more, and with
        ``words`` that say why where it cannot be known.
    """
    refused = next((parameters for name, parameters in evidence.waiting if name == proposal), None)
    nothing: Json = {"kind": "next", "parameters": None}
    if refused is None:
        return nothing
    if not getattr(policy, "repeatable", True):  # asked, it would take this for what is
        return {**nothing, "words": "only the mind that proposes could say, and asking would change it"}
    then = replace(
        evidence,
        waiting=tuple(one for one in evidence.waiting if one[0] != proposal),
        rejected=(*((p, since + 1) for p, since in evidence.rejected), (refused, 0)),
    )
    drafts = policy.propose(then, 1).drafts
    if not drafts:
        return nothing
    draft = drafts[0]
    return {
        "kind": "next",
        "parameters": dict(draft.parameters),
        "predicted": draft.predicted,
        "acquisition": draft.acquisition,
        "rank": draft.rank,
        "of": draft.of,
    }
