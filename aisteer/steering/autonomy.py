"""Judging proposals by rules, without a human: a pure function of the rule, the proposal and the context.

Rules are joined with ``|``; the first that applies wins, and where none applies a human is asked::

    campaign.autonomy = Accept(cost_below=0.5, when="calibrated") | Unanswered("2h", Reject()) | Ask()

``Unanswered`` says what becomes of a question: it is also looked at after an ``Ask`` that applies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aisteer.errors import BadDefinition
from aisteer.journal.state import Proposal, State
from aisteer.steering.rules import Accept, Ask, First, Reject, Rule, Unanswered, duration, rule_from_json

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
        calibration: The task's calibration summary, as in ``SurrogateFitted``; empty where there is none.
        remaining: What is left of the budget after reservations.
        automatic: How many acceptances without a human there have been, in this campaign.
    """

    now: float
    outcome: str = ""
    calibration: Json = field(default_factory=dict)
    remaining: float = math.inf
    automatic: Callable[[], int] = int

    @classmethod
    def of(
        cls,
        state: State,
        proposal: Proposal,
        now: float,
        *,
        remaining: float | None = None,
        automatic: int = 0,
    ) -> Context:
        """The context of ``proposal`` at ``state``.

        Args:
            state: The state.
            proposal: What is judged.
            now: Unix time.
            remaining: What is left of the budget, where acceptances of the same pass count already.
            automatic: Acceptances of the same pass.
        """
        task = state.definition.get("tasks", {}).get(proposal.task, {})
        fit = state.models.get(proposal.task)
        return cls(
            now=now,
            outcome=str((task.get("objective") or {}).get("outcome", "")),
            calibration=dict(fit.summary.get("calibration") or {}) if fit else {},
            remaining=state.remaining if remaining is None else remaining,
            automatic=lambda: _automatic_acceptances(state) + automatic,
        )


def _automatic_acceptances(state: State) -> int:
    return sum(
        1
        for p in state.proposals.values()
        if p.decision is not None and p.decision.verdict == "accepted" and p.decision.rule is not None
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """Whether a rule applies, why, and when that may change by the clock."""

    applies: bool
    why: str = ""
    evidence: dict[str, float] = field(default_factory=dict)
    next_look: float | None = None


def judge(rule_json: Json, proposal: Proposal, context: Context) -> Verdict:
    """What the rules say of ``proposal``.

    A rule that cannot be read asks a human and says why: nothing is ever accepted by mistake.

    Args:
        rule_json: The rules as data.
        proposal: What is judged.
        context: What else they may look at.
    """
    try:
        rule = rule_from_json(rule_json)
    except BadDefinition as error:
        return Verdict("ask", f"The autonomy rules cannot be read, so a human decides: {error}")
    rules = rule.rules if isinstance(rule, First) else (rule,)
    asked = ""
    next_look: float | None = None
    for one in rules:
        if asked and not isinstance(one, Unanswered):
            continue
        answer = _applies(one, proposal, context)
        if answer.next_look is not None:
            next_look = answer.next_look if next_look is None else min(next_look, answer.next_look)
        if not answer.applies:
            continue
        decisive = one.then if isinstance(one, Unanswered) else one
        if isinstance(decisive, Ask):
            asked = asked or answer.why
            continue
        if isinstance(decisive, Accept) and not proposal.cost <= context.remaining + 1e-9:
            left = max(context.remaining, 0.0)
            words = f"{one}, but it costs {proposal.cost:g} and {left:g} of the budget is left"
            return Verdict("ask", words, {"cost": proposal.cost, "remaining": context.remaining})
        verdict: Literal["accept", "reject"] = "accept" if isinstance(decisive, Accept) else "reject"
        return Verdict(verdict, answer.why, answer.evidence)
    return Verdict("ask", asked or f"no rule applies ({rule}), so a human decides", next_look=next_look)


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
    checks = [_CONDITIONS[rule.when](proposal, context)] if rule.when else []
    if isinstance(rule, Accept):
        checks += _bounds(rule, proposal, context)
    numbers = {name: value for check in checks for name, value in check.evidence.items()}
    because = "; ".join(check.why for check in checks)
    words = f"{rule}: {because}" if because else str(rule)
    return _Answer(all(check.applies for check in checks), words, numbers)


def _bounds(rule: Accept, proposal: Proposal, context: Context) -> list[_Answer]:
    checks = []
    if rule.cost_below is not None:
        checks.append(_below("cost", proposal.cost, rule.cost_below))
    if rule.std_below is not None:
        predicted = proposal.predicted.get(context.outcome)
        std = float(predicted[1]) if predicted and len(predicted) > 1 else math.nan
        checks.append(_below("predicted std", std, rule.std_below))
    if rule.limit is not None:
        count = context.automatic()
        words = f"{count} of {rule.limit} accepted without a human so far"
        checks.append(_Answer(count < rule.limit, words, {"automatic": float(count)}))
    return checks


def _below(name: str, value: float, bound: float) -> _Answer:
    evidence = {name: value} if math.isfinite(value) else {}
    return _Answer(value < bound, f"{name} {value:.4g} is below {bound:g}", evidence)


def _calibrated(proposal: Proposal, context: Context) -> _Answer:
    del proposal
    found = context.calibration
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
    return _Answer(applies=False, why="its distance from what has run is not known")


_MEASURES = {"length_scales": "length scales from", "correlation": "correlated with"}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _not(condition: Callable[[Proposal, Context], _Answer]) -> Callable[[Proposal, Context], _Answer]:
    def opposite(proposal: Proposal, context: Context) -> _Answer:
        answer = condition(proposal, context)
        return _Answer(not answer.applies, answer.why, answer.evidence)

    return opposite


_CONDITIONS: dict[str, Callable[[Proposal, Context], _Answer]] = {
    "calibrated": _calibrated,
    "uncalibrated": _not(_calibrated),
    "known": _known,
    "unknown": _not(_known),
}
