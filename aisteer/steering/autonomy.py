"""Judging proposals by rules, without a human: a pure function of the rule, the proposal and the context.

Rules are joined with ``|``; the first that applies wins, and where none applies a human is asked::

    campaign.autonomy = Accept(cost_below=0.5, when="coverage_bound >= 0.8") | Unanswered("2h", Reject()) | Ask()

``Unanswered`` says what becomes of a question: it is also looked at after an ``Ask`` that applies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from aisteer.errors import BadDefinition
from aisteer.journal.state import Proposal
from aisteer.steering.circumstances import Context
from aisteer.steering.conditions import LEAST, conditions, plain_when
from aisteer.steering.conditions_held import Answer, bounds_hold, condition_holds
from aisteer.steering.durations import in_words
from aisteer.steering.rules import Accept, Ask, First, Reject, Rule, Unanswered, rule_from_json

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


def _applies(rule: Rule, proposal: Proposal, context: Context) -> Answer:
    if isinstance(rule, Unanswered):
        due = proposal.time + float(rule.after)
        if context.now < due:
            return Answer(applies=False, next_look=due)
        inner = _applies(rule.then, proposal, context)
        waited = {"waited": context.now - proposal.time, **inner.evidence}
        words = f"nobody answered for {in_words(float(rule.after))}: {inner.why}"
        return Answer(inner.applies, words, waited)
    assert isinstance(rule, Ask | Accept | Reject)
    least = getattr(rule, "least", None) or LEAST
    checks = [condition_holds(one, proposal, context, least) for one in conditions(plain_when(rule.when))]
    if isinstance(rule, Accept):
        checks += bounds_hold(rule, proposal, context)
    numbers = {name: value for check in checks for name, value in check.evidence.items()}
    because = "; ".join(check.why for check in checks)
    words = f"{rule}: {because}" if because else str(rule)
    return Answer(all(_counts(rule, check) for check in checks), words, numbers)


def _counts(rule: Rule, check: Answer) -> bool:
    """Whether a condition is met: what cannot be told yet lets nothing be accepted, and lets a human be asked."""
    if check.unknown and not isinstance(rule, Reject):
        return isinstance(rule, Ask)
    return check.applies
