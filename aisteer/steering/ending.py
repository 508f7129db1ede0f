"""From what came to mind to whether this is the time to propose the end."""

from __future__ import annotations

from dataclasses import replace

from aisteer.steering.finishing import finish
from aisteer.steering.protocols import Evidence
from aisteer.steering.thought import Situation, Thought

__all__ = ["or_finish"]


def or_finish(thought: Thought, evidence: Evidence, stands: Situation) -> Thought:
    """The same thought, and whether this is the time to propose the end.

    What runs promise is said of the AI's own proposals: a poor candidate of somebody else's promises nothing of them.
    """
    mine = {proposal.id for proposal in stands.waiting if proposal.origin == "ai"}
    reasons = [r for draft in thought.drafts for r in draft.reasons]
    reasons += [r for told in thought.predictions for r in told.reasons]
    told = [
        *((d.reasons, d.cost) for d in thought.drafts if d.origin == "ai"),
        *((t.reasons, t.cost) for t in thought.predictions if t.proposal in mine),
    ]
    promised = [
        (float(r["value"]), cost or 0.0)
        for every, cost in told
        for r in every
        if r.get("kind") == "improvement" and "value" in r
    ]
    draft, over = finish(
        evidence, stands, [gain for gain, _ in promised], [cost for _, cost in promised], thought.drafts
    )
    if draft is not None:
        instead = [r for r in reasons if r.get("kind") == "recommendation"][:1]
        draft = replace(draft, reasons=[*draft.reasons, *instead])
    drafts = [*thought.drafts, draft] if draft is not None else thought.drafts
    return replace(thought, drafts=drafts, withdrawals={**thought.withdrawals, **over})
