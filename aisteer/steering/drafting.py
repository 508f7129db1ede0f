"""From the points that a policy chose to drafts that say what is expected of them and how they were chosen."""

from __future__ import annotations

from collections.abc import Sequence

from aisteer.journal.commands import Draft
from aisteer.steering.predictors import LEAST, continued
from aisteer.steering.protocols import Batch, Evidence, Json

__all__ = ["batch", "drafted", "how_chosen", "nothing_expected"]


def how_chosen(first: int, initial: int, searched: int) -> list[Json]:
    """A reason for each point: ``first`` of the ``initial`` ones, then ``searched`` as one batch."""
    notes: list[Json] = [{"kind": "initial", "of": initial} for _ in range(first)]
    return notes + [{"kind": "batch", "place": i + 1, "of": searched} for i in range(searched)]


def batch(
    evidence: Evidence,
    points: Sequence[Json],
    told: Sequence[Json],
    notes: Sequence[Json],
    summary: Json,
) -> Batch:
    """The points as drafts, best first.

    Args:
        evidence: What they were chosen on.
        points: Parameters by name.
        told: What is expected of each, as ``explain`` says it.
        notes: How each was chosen.
        summary: What is to be remembered of the fit.
    """
    drafts = [
        drafted(evidence, point, said, [*said["reasons"], note])
        for point, said, note in zip(points, told, notes, strict=True)
    ]
    if summary:
        revision = 1 + evidence.model  # at least: whatever predicts from then on is this one
        summary = {**summary, "made_by": continued(evidence.made_by, str(summary["surrogate"]), revision)}
    return Batch(drafts, summary=summary)


def drafted(evidence: Evidence, point: Json, said: Json, reasons: Sequence[Json]) -> Draft:
    """A point with what is expected of it, as ``explain`` says it, and these reasons."""
    return Draft(
        task=evidence.task,
        parameters=dict(point),
        origin="ai",
        predicted=said["predicted"],
        acquisition=said["acquisition"],
        rank=said["rank"],
        of=said["of"],
        cost=said.get("cost", 0.0),
        reasons=list(reasons),
    )


def nothing_expected(points: Sequence[Json]) -> list[Json]:
    """What ``explain`` would say, as long as there are too few outcomes to predict."""
    reason = {"kind": "fit", "words": f"Predictions begin with {LEAST} outcomes."}
    return [
        {"predicted": {}, "acquisition": None, "rank": None, "of": None, "reasons": [reason]} for _ in points
    ]
