"""Conditions and bounds of autonomy rules held against a proposal: whether they hold, and by which numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeGuard

from aisteer.journal.state import Proposal
from aisteer.steering.circumstances import Context
from aisteer.steering.conditions import Comparison
from aisteer.steering.rules import Accept

__all__ = ["Answer", "bounds_hold", "condition_holds"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a rule applies, why, and when that may change by the clock; ``unknown`` where that cannot be told yet."""

    applies: bool
    why: str = ""
    evidence: dict[str, float] = field(default_factory=dict)
    next_look: float | None = None
    unknown: bool = False


def condition_holds(one: str | Comparison, proposal: Proposal, context: Context, least: int) -> Answer:
    """Whether a condition holds."""
    if isinstance(one, str):
        return _CONDITIONS[one](proposal, context)
    if one.quantity == "coverage_bound":
        return _foreseen(one, proposal, least) if proposal.action == "stop" else _covered(one, context, least)
    if one.quantity == "cost" and one.unit and one.unit != context.unit:
        return Answer(
            applies=False, why=f"cost is counted in {context.unit}, not in {one.unit}", unknown=True
        )
    values = {
        "cost": _cost(proposal, context),
        "std": _std(proposal, context),
        "correlation": _correlation(proposal),
        "chance": _chance(proposal),
        "risk": _risk(proposal),
    }
    value = values[one.quantity]
    if not math.isfinite(value):
        return Answer(applies=False, why=f"{one.quantity} is not known", unknown=True)
    unit = f" {context.unit}" if one.quantity == "cost" else ""
    return Answer(one.holds(value), f"{one.quantity} {value:.4g}{unit}", {one.quantity: value})


def _covered(one: Comparison, context: Context, least: int) -> Answer:
    """Whether predictions have earned trust: the lower bound of their coverage, where enough were counted."""
    outcome, found = context.earned()
    of_what = f" of {outcome}" if outcome else ""
    words = (
        f"coverage_bound {found.bound:.3f} ({found.inside} of {found.of} outcomes{of_what} inside the 90 % interval "
        f"predicted before they ran, {least} needed)"
    )
    numbers = {"coverage_bound": found.bound, "inside": float(found.inside), "of": float(found.of)}
    if found.of < least:
        return Answer(applies=False, why=words, evidence=numbers, unknown=True)
    return Answer(one.holds(found.bound), words, numbers)


def _foreseen(one: Comparison, proposal: Proposal, least: int) -> Answer:
    """The same of predictions from curves, as they stood when the stop was proposed."""
    held = next((r.get("held") or {} for r in proposal.reasons if r.get("kind") == "early_stop"), {})
    bound, inside, of = (held.get(name) for name in ("bound", "inside", "of"))
    if not _is_number(bound) or not _is_number(inside) or not _is_number(of):
        return Answer(applies=False, why="how such predictions held is not known", unknown=True)
    numbers = {"coverage_bound": float(bound), "inside": float(inside), "of": float(of)}
    words = f"coverage_bound {bound:.3f} ({inside} of {of} outcomes inside the 90 % interval foreseen, {least} needed)"
    if of < least:
        return Answer(applies=False, why=words, evidence=numbers, unknown=True)
    return Answer(one.holds(float(bound)), words, numbers)


def _chance(proposal: Proposal) -> float:
    values = (r.get("chance") for r in proposal.reasons if r.get("kind") == "early_stop")
    return next((float(value) for value in values if _is_number(value)), math.nan)


def _risk(proposal: Proposal) -> float:
    """How likely it is to fail; nothing has failed yet where an explained proposal does not say."""
    found = {reason.get("kind"): reason.get("probability") for reason in proposal.reasons}
    value = found.get("failure_risk", 0.0 if "distance" in found else None)
    return float(value) if _is_number(value) else math.nan


def _cost(proposal: Proposal, context: Context) -> float:
    """Its estimated cost; ``nan`` where nothing has run yet that would say it, and nobody stated it."""
    return proposal.cost if proposal.cost > 0 or context.free else math.nan


def _std(proposal: Proposal, context: Context) -> float:
    predicted = proposal.predicted.get(context.outcome)
    return float(predicted[1]) if predicted and len(predicted) > 1 else math.nan


def _correlation(proposal: Proposal) -> float:
    values = (r.get("correlation") for r in proposal.reasons if r.get("kind") == "distance")
    return next((float(value) for value in values if _is_number(value)), math.nan)


def bounds_hold(rule: Accept, proposal: Proposal, context: Context) -> list[Answer]:
    """Whether each bound of an acceptance holds."""
    checks = []
    if rule.cost_below is not None:
        checks.append(_below("cost", _cost(proposal, context), rule.cost_below))
    if rule.std_below is not None:
        checks.append(_below("predicted std", _std(proposal, context), rule.std_below))
    if rule.limit is not None:
        count = context.automatic()
        words = f"{count} of {rule.limit} accepted without a human so far"
        checks.append(Answer(count < rule.limit, words, {"automatic": float(count)}))
    return checks


def _below(name: str, value: float, bound: float) -> Answer:
    if not math.isfinite(value):
        return Answer(applies=False, why=f"{name} is not known", unknown=True)
    verb = "is" if value < bound else "is not"
    return Answer(value < bound, f"{name} {value:.4g} {verb} below {bound:g}", {name: value})


def _calibrated(proposal: Proposal, context: Context) -> Answer:
    del proposal
    found = context.calibration
    if not found:
        return Answer(applies=False, why="whether predictions hold is not known", unknown=True)
    names = ("inside", "of", "level", "low", "high")
    numbers = {name: float(found[name]) for name in names if _is_number(found.get(name))}
    return Answer(found.get("trusted") is True, str(found.get("words", "calibrated")), numbers)


def _known(proposal: Proposal, context: Context) -> Answer:
    """Whether the kernel's correlation with the nearest run is at least one half (not ``far``)."""
    del context
    for reason in proposal.reasons:
        if reason.get("kind") == "distance" and _is_number(reason.get("correlation")):
            numbers = {name: float(reason[name]) for name in _MEASURES if _is_number(reason.get(name))}
            measured = " and ".join(f"{value:.2g} {_MEASURES[name]}" for name, value in numbers.items())
            words = f"{measured} {reason.get('run', 'the nearest run')}"
            return Answer(reason.get("far") is False, words, numbers)
    return Answer(applies=False, why="its distance from what has run is not known", unknown=True)


_MEASURES = {"length_scales": "length scales from", "correlation": "correlated with"}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _not(condition: Callable[[Proposal, Context], Answer]) -> Callable[[Proposal, Context], Answer]:
    def opposite(proposal: Proposal, context: Context) -> Answer:
        answer = condition(proposal, context)
        return Answer(not answer.applies, answer.why, answer.evidence, unknown=answer.unknown)

    return opposite


_CONDITIONS: dict[str, Callable[[Proposal, Context], Answer]] = {
    "calibrated": _calibrated,
    "uncalibrated": _not(_calibrated),
    "known": _known,
    "unknown": _not(_known),
}
