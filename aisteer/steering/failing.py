"""When nothing is left to gain but where runs fail: the AI proposes the end, and names the region."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from aisteer.journal.commands import Draft
from aisteer.problem.goals import Goals
from aisteer.problem.parameters import Choice, Float
from aisteer.problem.regions import box_in_words
from aisteer.problem.space import Space
from aisteer.steering.protocols import Datum, Evidence, Json

__all__ = ["failing", "searched"]

_LATEST = 8
"""Runs that are looked at, the latest ones."""
_FAILED = 6
"""Of those, how many have to have failed."""
_LIKELY = 0.5
_WIDE = 0.6
"""A share of a parameter's range beyond which it says nothing of where runs fail."""
_RUN = re.compile(r"R(\d+)")


def searched(drafts: Sequence[Draft]) -> list[Draft]:
    """Those that a search chose: neither first points nor such that chance drew."""
    return [d for d in drafts if d.action == "start" and any(r.get("kind") == "batch" for r in d.reasons)]


def failing(evidence: Evidence, drafts: Sequence[Draft]) -> list[Json]:
    """Why this is the time to propose the end, as one reason; none where it is not.

    Of the last 8 runs at least 6 failed and none is the best, and more than half of the points to run next are more
    likely to fail than not, though what a run is worth is weighed by that: elsewhere there is less to gain still. Or
    no run has ended at all, and at least 8 failed.

    Args:
        evidence: What is known.
        drafts: What the search chose to run next.
    """
    if not evidence.data and not evidence.censored and len(evidence.broken) >= _LATEST:
        return [_nothing_ended(evidence)]
    chances = [float(r["probability"]) for d in drafts for r in d.reasons if r.get("kind") == "failure_risk"]
    likely = [chance for chance in chances if chance >= _LIKELY]
    if not drafts or 2 * len(likely) <= len(drafts):
        return []
    ran = [d for d in (*evidence.data, *evidence.censored) if _number(d.run)]
    ended: list[tuple[int, Json | None]] = [(_number(d.run), None) for d in ran]
    ended += [(_number(run), parameters) for run, parameters in evidence.broken]
    latest = sorted(ended, key=lambda one: one[0])[-_LATEST:]
    failed = [parameters for _, parameters in latest if parameters is not None]
    best = _best(evidence, ran)
    if len(failed) < _FAILED or best in {number for number, parameters in latest if parameters is None}:
        return []
    space = evidence.definition.get("space") or {}
    risky = [
        d.parameters
        for d in drafts
        if any(r.get("kind") == "failure_risk" and r["probability"] >= _LIKELY for r in d.reasons)
    ]
    region = _region(space, [*failed, *risky])
    where = f" in {box_in_words(Space.from_json(space), region)}" if region else ""
    than = f", none was better than R{best}" if best else ""
    words = (
        f"{len(failed)} of the last {len(latest)} runs failed{where}{than}, and {len(likely)} of the {len(drafts)} "
        f"points to run next are more likely to fail than not (up to {max(likely):.0%}): elsewhere there is less to "
        "gain still. To keep the search out of there instead: campaign.steer(forbidden=…)"
    )
    return [
        {
            "rule": "failing",
            "failed": len(failed),
            "of": len(latest),
            "likely": len(likely),
            "points": len(drafts),
            "risk": max(likely),
            "region": region,
            "words": words,
        }
    ]


def _nothing_ended(evidence: Evidence) -> Json:
    words = (
        f"all {len(evidence.broken)} runs failed, all over the space, and none has ended: look at what one of them "
        "says, campaign.runs[…].log(), before more are run"
    )
    return {
        "rule": "failing",
        "failed": len(evidence.broken),
        "of": len(evidence.broken),
        "region": {},
        "words": words,
    }


def _number(run: str) -> int:
    """The number of a run, in the order of launches; 0 of what was measured elsewhere."""
    found = _RUN.fullmatch(run)
    return int(found[1]) if found else 0


def _best(evidence: Evidence, ran: Sequence[Datum]) -> int:
    """The number of the best run; 0 where there is none, or the goal knows no best."""
    goals = Goals.of(evidence.definition)
    name = goals.first.outcome
    told = [d for d in ran if name in d.outcomes and np.isfinite(d.outcomes[name][0])]
    if not told or not goals.has_best or goals.several:
        return 0
    worth = goals.first.worth(np.array([d.outcomes[name][0] for d in told]))
    return _number(told[int(np.argmax(worth))].run)


def _region(space: Json, points: Sequence[Json]) -> Json:
    """The box around points, of a box, in the parameters that say something: as steering takes it."""
    if space.get("kind") != Space.kind:
        return {}
    found: Json = {}
    for name, parameter in Space.from_json(space).parameters.items():
        values: list[Any] = [p[name] for p in points if name in p]
        if not values:
            continue
        if isinstance(parameter, Choice):
            there = [o for o in parameter.options if o in values]
            if len(there) < len(parameter.options):
                found[name] = there
        elif np.ptp([parameter.to_unit(v) for v in values]) < _WIDE:
            ends = (min(values), max(values))
            found[name] = [float(f"{v:.3g}") for v in ends] if isinstance(parameter, Float) else [*ends]
    return found
