"""Judging proposals by rules, without a human: a pure function of the rule, the proposal and the context.

Rules are joined with ``|``; the first that applies wins, and where none applies a human is asked::

    campaign.autonomy = Accept(cost_below=0.5, when="coverage_bound >= 0.8") | Unanswered("2h", Reject()) | Ask()

``Unanswered`` says what becomes of a question: it is also looked at after an ``Ask`` that applies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard

import numpy as np

from aisteer.errors import BadDefinition
from aisteer.journal.events import STARTS
from aisteer.journal.state import Proposal, State
from aisteer.steering.conditions import LEAST, Comparison, conditions, plain_when
from aisteer.steering.rolling import earned
from aisteer.steering.rules import Accept, Ask, First, Reject, Rule, Unanswered, duration, rule_from_json
from aisteer.surrogates.calibration import Coverage, coverage

__all__ = [
    "Accept",
    "Ask",
    "Context",
    "First",
    "Reject",
    "Rule",
    "Unanswered",
    "Verdict",
    "judge",
    "rule_from_json",
]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of one proposal now.

    Attributes:
        verdict: ``accept``, ``ask`` or ``reject``.
        rule: The rule and its bounds, in words, with the numbers that were compared.
        evidence: Those numbers, by name.
        next_look: Unix time at which the answer can change by the clock alone.
    """

    verdict: Literal["accept", "ask", "reject"]
    rule: str
    evidence: dict[str, float] = field(default_factory=dict)
    next_look: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What rules may look at besides the proposal.

    Attributes:
        now: Unix time.
        outcome: Name of the objective's outcome.
        calibration: The task's calibration summary, as in ``SurrogateFitted``: of several objectives that of the first
            whose predictions are not to be trusted; empty where there is none.
        remaining: What is left of the budget after reservations.
        automatic: How many acceptances without a human there have been, in this campaign.
        unit: What costs are counted in.
        free: A cost of nothing is one that is known, not one that nobody knows yet.
        earned: The outcome whose predictions have held worst so far, and how often they did.
    """

    now: float
    outcome: str = ""
    calibration: Json = field(default_factory=dict)
    remaining: float = math.inf
    automatic: Callable[[], int] = int
    unit: str = "node-hours"
    free: bool = False
    earned: Callable[[], tuple[str, Coverage]] = lambda: ("", coverage(*(np.zeros((3, 0)))))

    @classmethod
    def of(
        cls,
        state: State,
        proposal: Proposal,
        now: float,
        *,
        remaining: float | None = None,
        automatic: int = 0,
        memory: dict[str, tuple[str, Coverage]] | None = None,
    ) -> Context:
        """The context of ``proposal`` at ``state``.

        Args:
            state: The state.
            proposal: What is judged.
            now: Unix time.
            remaining: What is left of the budget, where acceptances of the same pass count already.
            automatic: Acceptances of the same pass.
            memory: Coverages by task, kept for the proposals of the same pass.
        """

        def covered() -> tuple[str, Coverage]:
            kept = {} if memory is None else memory
            if proposal.task not in kept:
                kept[proposal.task] = earned(state, proposal.task)
            return kept[proposal.task]

        task = state.definition.get("tasks", {}).get(proposal.task, {})
        fit = state.models.get(proposal.task)
        return cls(
            now=now,
            outcome=str((task.get("objective") or {}).get("outcome", "")),
            calibration=_calibration_of(task, fit.summary) if fit else {},
            remaining=state.remaining if remaining is None else remaining,
            automatic=lambda: _automatic_acceptances(state) + automatic,
            unit=state.unit,
            free=proposal.action not in STARTS or task.get("cost") == 0,
            earned=covered,
        )


def _calibration_of(task: Json, summary: Json) -> Json:
    """How predictions held: of several objectives, of the first that should not be trusted."""
    each: Json = summary.get("outcomes") or {}
    names = [one.get("outcome") for one in task.get("objectives") or ()]
    known = [dict(each[name].get("calibration") or {}) for name in names if name in each]
    first = dict(summary.get("calibration") or {})
    return next((one for one in known if one.get("trusted") is not True), first)


def _automatic_acceptances(state: State) -> int:
    return sum(
        1
        for p in state.proposals.values()
        if p.decision is not None and p.decision.verdict == "accepted" and p.decision.rule is not None
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """Whether a rule applies, why, and when that may change by the clock; ``unknown`` where that cannot be told yet."""

    applies: bool
    why: str = ""
    evidence: dict[str, float] = field(default_factory=dict)
    next_look: float | None = None
    unknown: bool = False


def judge(rule_json: Json, proposal: Proposal, context: Context) -> Verdict:
    """What the rules say of ``proposal``.

    A rule that cannot be read asks a human and says why: nothing is ever accepted by mistake.

    Args:
        rule_json: The rules as data.
        proposal: What is judged.
        context: What else they may look at.
    """
    if proposal.action == "finish":
        return Verdict("ask", "only a human ends a campaign")
    if proposal.undone:
        return Verdict("ask", "a decision on it was taken back, so a human decides")
    try:
        rule = rule_from_json(rule_json)
    except BadDefinition as error:
        return Verdict("ask", f"The autonomy rules cannot be read, so a human decides: {error}")
    rules = rule.rules if isinstance(rule, First) else (rule,)
    asked = ""
    unmet: list[str] = []
    next_look: float | None = None
    for one in rules:
        if (asked and not isinstance(one, Unanswered)) or not _speaks_of(one, proposal):
            continue
        answer = _applies(one, proposal, context)
        if answer.next_look is not None:
            next_look = answer.next_look if next_look is None else min(next_look, answer.next_look)
        if not answer.applies:
            if isinstance(one, Accept):
                unmet.append(answer.why)
            continue
        decisive = one.then if isinstance(one, Unanswered) else one
        if isinstance(decisive, Ask):
            why = "; ".join(word for word in unmet if word) if decisive.when is None else ""
            asked = asked or (f"{answer.why}, as no rule before it applies ({why})" if why else answer.why)
            continue
        costs = isinstance(decisive, Accept) and proposal.action != "stop"
        if costs and not proposal.cost <= context.remaining + 1e-9:
            left = max(context.remaining, 0.0)
            words = f"{one}, but it costs {proposal.cost:g} and {left:g} of the budget is left"
            return Verdict("ask", words, {"cost": proposal.cost, "remaining": context.remaining})
        verdict: Literal["accept", "reject"] = "accept" if isinstance(decisive, Accept) else "reject"
        return Verdict(verdict, answer.why, answer.evidence)
    words = f"no rule applies ({'; else '.join(unmet) or rule}), so a human decides"
    return Verdict("ask", asked or words, next_look=next_look)


def _speaks_of(rule: Rule, proposal: Proposal) -> bool:
    """Whether a rule is about this kind of proposal: to stop a run that the AI would stop takes one that says so."""
    decisive = rule.then if isinstance(rule, Unanswered) else rule
    if isinstance(decisive, Ask):
        return True
    of = getattr(decisive, "of", None)
    return (of == "stop") == (proposal.action == "stop" and proposal.origin == "ai")


def _applies(rule: Rule, proposal: Proposal, context: Context) -> _Answer:
    if isinstance(rule, Unanswered):
        due = proposal.time + float(rule.after)
        if context.now < due:
            return _Answer(applies=False, next_look=due)
        inner = _applies(rule.then, proposal, context)
        waited = {"waited": context.now - proposal.time, **inner.evidence}
        words = f"nobody answered for {duration(float(rule.after))}: {inner.why}"
        return _Answer(inner.applies, words, waited)
    assert isinstance(rule, Ask | Accept | Reject)
    least = getattr(rule, "least", None) or LEAST
    checks = [_met(one, proposal, context, least) for one in conditions(plain_when(rule.when))]
    if isinstance(rule, Accept):
        checks += _bounds(rule, proposal, context)
    numbers = {name: value for check in checks for name, value in check.evidence.items()}
    because = "; ".join(check.why for check in checks)
    words = f"{rule}: {because}" if because else str(rule)
    return _Answer(all(_counts(rule, check) for check in checks), words, numbers)


def _counts(rule: Rule, check: _Answer) -> bool:
    """Whether a condition is met: what cannot be told yet lets nothing be accepted, and lets a human be asked."""
    if check.unknown and not isinstance(rule, Reject):
        return isinstance(rule, Ask)
    return check.applies


def _met(one: str | Comparison, proposal: Proposal, context: Context, least: int) -> _Answer:
    """Whether a condition holds."""
    if isinstance(one, str):
        return _CONDITIONS[one](proposal, context)
    if one.quantity == "coverage_bound":
        return _foreseen(one, proposal, least) if proposal.action == "stop" else _covered(one, context, least)
    if one.quantity == "cost" and one.unit and one.unit != context.unit:
        return _Answer(
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
        return _Answer(applies=False, why=f"{one.quantity} is not known", unknown=True)
    unit = f" {context.unit}" if one.quantity == "cost" else ""
    return _Answer(one.holds(value), f"{one.quantity} {value:.4g}{unit}", {one.quantity: value})


def _covered(one: Comparison, context: Context, least: int) -> _Answer:
    """Whether predictions have earned trust: the lower bound of their coverage, where enough were counted."""
    outcome, found = context.earned()
    of_what = f" of {outcome}" if outcome else ""
    words = (
        f"coverage_bound {found.bound:.3f} ({found.inside} of {found.of} outcomes{of_what} inside the 90 % interval "
        f"predicted before they ran, {least} needed)"
    )
    numbers = {"coverage_bound": found.bound, "inside": float(found.inside), "of": float(found.of)}
    if found.of < least:
        return _Answer(applies=False, why=words, evidence=numbers, unknown=True)
    return _Answer(one.holds(found.bound), words, numbers)


def _foreseen(one: Comparison, proposal: Proposal, least: int) -> _Answer:
    """The same of predictions from curves, as they stood when the stop was proposed."""
    held = next((r.get("held") or {} for r in proposal.reasons if r.get("kind") == "early_stop"), {})
    bound, inside, of = (held.get(name) for name in ("bound", "inside", "of"))
    if not _is_number(bound) or not _is_number(inside) or not _is_number(of):
        return _Answer(applies=False, why="how such predictions held is not known", unknown=True)
    numbers = {"coverage_bound": float(bound), "inside": float(inside), "of": float(of)}
    words = f"coverage_bound {bound:.3f} ({inside} of {of} outcomes inside the 90 % interval foreseen, {least} needed)"
    if of < least:
        return _Answer(applies=False, why=words, evidence=numbers, unknown=True)
    return _Answer(one.holds(float(bound)), words, numbers)


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


def _bounds(rule: Accept, proposal: Proposal, context: Context) -> list[_Answer]:
    checks = []
    if rule.cost_below is not None:
        checks.append(_below("cost", _cost(proposal, context), rule.cost_below))
    if rule.std_below is not None:
        checks.append(_below("predicted std", _std(proposal, context), rule.std_below))
    if rule.limit is not None:
        count = context.automatic()
        words = f"{count} of {rule.limit} accepted without a human so far"
        checks.append(_Answer(count < rule.limit, words, {"automatic": float(count)}))
    return checks


def _below(name: str, value: float, bound: float) -> _Answer:
    if not math.isfinite(value):
        return _Answer(applies=False, why=f"{name} is not known", unknown=True)
    verb = "is" if value < bound else "is not"
    return _Answer(value < bound, f"{name} {value:.4g} {verb} below {bound:g}", {name: value})


def _calibrated(proposal: Proposal, context: Context) -> _Answer:
    del proposal
    found = context.calibration
    if not found:
        return _Answer(applies=False, why="whether predictions hold is not known", unknown=True)
    names = ("inside", "of", "level", "low", "high")
    numbers = {name: float(found[name]) for name in names if _is_number(found.get(name))}
    return _Answer(found.get("trusted") is True, str(found.get("words", "calibrated")), numbers)


def _known(proposal: Proposal, context: Context) -> _Answer:
    """Whether the kernel's correlation with the nearest run is at least one half (not ``far``)."""
    del context
    for reason in proposal.reasons:
        if reason.get("kind") == "distance" and _is_number(reason.get("correlation")):
            numbers = {name: float(reason[name]) for name in _MEASURES if _is_number(reason.get(name))}
            measured = " and ".join(f"{value:.2g} {_MEASURES[name]}" for name, value in numbers.items())
            words = f"{measured} {reason.get('run', 'the nearest run')}"
            return _Answer(reason.get("far") is False, words, numbers)
    return _Answer(applies=False, why="its distance from what has run is not known", unknown=True)


_MEASURES = {"length_scales": "length scales from", "correlation": "correlated with"}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _not(condition: Callable[[Proposal, Context], _Answer]) -> Callable[[Proposal, Context], _Answer]:
    def opposite(proposal: Proposal, context: Context) -> _Answer:
        answer = condition(proposal, context)
        return _Answer(not answer.applies, answer.why, answer.evidence, unknown=answer.unknown)

    return opposite


_CONDITIONS: dict[str, Callable[[Proposal, Context], _Answer]] = {
    "calibrated": _calibrated,
    "uncalibrated": _not(_calibrated),
    "known": _known,
    "unknown": _not(_known),
}
