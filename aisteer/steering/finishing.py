"""When the AI proposes to end a campaign: what runs promise, stagnation, the budget, failures. A human decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aisteer.journal.commands import Draft
from aisteer.problem.fidelity import Fidelity
from aisteer.problem.goals import Goals
from aisteer.problem.parameters import number_in_words
from aisteer.problem.resources import in_unit
from aisteer.steering.failing import failing, searched
from aisteer.steering.protocols import Datum, Evidence, Json
from aisteer.steering.thought import Situation

__all__ = ["FINISH", "finish"]

FINISH = ("gain_below", "stagnation", "budget", "failing")
"""The rules of a task's ``finish``; the last one holds unless it is turned off."""
_PATIENCE = 10
"""Outcomes after a human went on before it is proposed again, where no stagnation says how many."""


def finish(
    evidence: Evidence,
    stands: Situation,
    promises: Sequence[float],
    costs: Sequence[float] = (),
    drafts: Sequence[Draft] = (),
) -> tuple[Draft | None, dict[str, list[str]]]:
    """A proposal to end, or one that waits and no longer holds, by reason.

    Args:
        evidence: What is known.
        stands: How the task stands.
        promises: Expected improvements of the best points to run next, in the objective's unit; empty where none
            were looked at now, and then nothing is said of them.
        costs: What each of them is expected to cost, where that is not what a run of the task usually costs; 0 where it
            is.
        drafts: What was proposed now.
    """
    rules: Json = evidence.definition.get("finish") or {}
    if not stands.active:
        return None, {}
    looks = rules.get("failing", True) and not evidence.definition.get("baseline")
    chosen = searched(drafts) if looks else []
    reasons = [
        *_gain(rules, stands, promises, costs, _unit(evidence)),
        *_stagnation(rules, evidence),
        *_budget(rules, stands),
    ]
    reasons += failing(evidence, chosen) if looks else []
    last = stands.finish
    if last is not None and last.state == "waiting":
        named = {reason["rule"] for reason in last.reasons if "rule" in reason}
        judged = {
            "stagnation",
            "budget",
            *(["gain_below"] if promises else []),
            *(["failing"] if chosen else []),
        }
        over = bool(named) and named <= judged and not reasons
        return None, {"new results speak for going on": [last.id]} if over else {}
    if not reasons:
        return None, {}
    ended = sum(1 for datum in evidence.data if datum.origin != "prior") + len(evidence.broken)
    if last is not None:
        before = max((int(r.get("runs") or 0) for r in last.reasons), default=0)
        if ended - before < int(rules.get("stagnation") or _PATIENCE):
            return None, {}  # a human has just said to go on
    noted = [{"kind": "finish", "runs": ended, **reason} for reason in reasons]
    return Draft(task=evidence.task, parameters={}, origin="ai", action="finish", reasons=noted), {}


def _unit(evidence: Evidence) -> str:
    """Of what an improvement is told in; that of several objectives has none that is worth a name."""
    goals = Goals.of(evidence.definition)
    return "" if goals.several else goals.first.unit


def _gain(
    rules: Json, stands: Situation, promises: Sequence[float], costs: Sequence[float], of: str
) -> list[Json]:
    bound = rules.get("gain_below")
    if bound is None or not promises:
        return []
    usual = stands.cost or 1.0
    each = [cost or usual for cost in costs] or [usual] * len(promises)
    best, cost = max(zip(promises, each, strict=True), key=lambda pair: pair[0] / pair[1])
    if best / cost >= bound:
        return []
    unit = stands.unit if stands.cost else "run"
    words = (
        f"the best of {len(promises)} points to run next is expected to improve on the best run by "
        f"{number_in_words(float(f'{best:.3g}'), of)}, {best / cost:.3g} per unit of cost ({unit}): less than {bound:g}"
    )
    return [
        {
            "rule": "gain_below",
            "gain": best,
            "cost": cost,
            "per_cost": best / cost,
            "bound": bound,
            "unit": unit,
            "words": words,
        }
    ]


def _stagnation(rules: Json, evidence: Evidence) -> list[Json]:
    least = rules.get("stagnation")
    goals = Goals.of(evidence.definition)
    if least is None or not goals.has_best:
        return []
    ran = [d for d in evidence.data if d.origin != "prior" and goals.first.outcome in d.outcomes]
    if (fidelity := Fidelity.of(evidence.definition)) is not None:
        ran = [d for d in ran if fidelity.true(d.parameters)]
    since, best = _since_best(ran, goals)
    if since < least:
        return []
    words = f"the last {since} runs were no better than {best}, beyond their standard errors"
    return [{"rule": "stagnation", "since": since, "best_run": best, "bound": least, "words": words}]


def _since_best(ran: Sequence[Datum], goals: Goals) -> tuple[int, str]:
    """How many runs ended since one was clearly better than all before it, and that run."""
    place, best, name = 0, -np.inf, ""
    for at, datum in enumerate(ran):
        value, error = datum.outcomes[goals.first.outcome]
        worth = float(np.asarray(goals.first.worth(np.array([value])))[0])
        if goals.met({n: v for n, (v, _) in datum.outcomes.items()}) and worth > best + (
            error if name else 0.0
        ):
            place, best, name = at + 1, worth, datum.run
    return (len(ran) - place, name) if name else (0, "")


def _budget(rules: Json, stands: Situation) -> list[Json]:
    if (
        not rules.get("budget")
        or stands.live
        or stands.queued
        or stands.cost <= 0
        or stands.cost <= stands.remaining
    ):
        return []
    left: Any = max(stands.remaining, 0.0)
    words = f"{in_unit(left, stands.unit)} left of the budget, and a run is estimated to cost {stands.cost:g}"
    return [{"rule": "budget", "left": left, "cost": stands.cost, "words": words}]
