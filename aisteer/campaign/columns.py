"""Rows for the user's tables: proposals, runs, decisions, observations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aisteer.journal.state import Decision, Proposal, Run

__all__ = [
    "decided_by",
    "decision_row",
    "moment",
    "observation_row",
    "proposal_row",
    "rule_in_force",
    "run_row",
    "spread",
]

Json = dict[str, Any]


def moment(seconds: float | None) -> datetime | None:
    """Unix time as a time with its zone (UTC)."""
    return None if not seconds else datetime.fromtimestamp(seconds, tz=UTC)


def rule_in_force(words: str) -> tuple[str, str]:
    """The rule that decided, and the numbers that it compared, out of a decision's words.

    Example:
        >>> rule_in_force("accept when cost below 0.5: cost 0.1 is below 0.5")
        ('accept when cost below 0.5', 'cost 0.1 is below 0.5')
    """
    rule, _, why = words.partition(": ")
    waited = ""
    if rule.startswith("nobody answered for "):
        waited = f" when {rule.replace('answered', 'answers', 1)}"
        rule, _, why = why.partition(": ")
    if not waited and rule in {"accept", "reject"}:
        rule = f"{rule} all"
    return f"{rule}{waited}", why


def decided_by(name: str | None, rule: str | None) -> str | None:
    """Who decided: a name, or the autonomy rule that was in force."""
    return f"{name}: {rule_in_force(rule)[0]}" if name and rule else name


def _whose(decision: Decision | None) -> str | None:
    return decided_by(decision.by.name, decision.rule) if decision else None


def spread(row: Json, values: Mapping[str, Any]) -> Json:
    """``row`` with a column for each value; a name that is taken gets a dot."""
    for name, value in values.items():
        key = name
        while key in row:
            key = f".{key}"
        row[key] = value
    return row


def proposal_row(proposal: Proposal) -> Json:
    """A proposal as a row; a column for each parameter and each predicted mean and std."""
    decision = proposal.decision
    row: Json = {
        "proposal": proposal.id,
        "task": proposal.task,
        "state": proposal.state,
        "action": proposal.action,
        "origin": proposal.origin,
    }
    spread(row, proposal.parameters)
    for name, (mean, std) in proposal.predicted.items():
        spread(row, {f"{name} predicted": mean, f"{name} std": std})
    row |= {
        "acquisition": proposal.acquisition,
        "rank": proposal.rank,
        "of": proposal.of,
        "cost": proposal.cost,
        "made": moment(proposal.time),
        "decided": moment(decision.time) if decision else None,
        "by": _whose(decision),
        "reason": (decision.reason if decision else "") or proposal.reason,
        "parent": proposal.parent,
        "child": proposal.child,
        "run": proposal.launched,
    }
    return row


def run_row(run: Run) -> Json:
    """A run as a row; a column for each parameter, each outcome and its standard error."""
    row: Json = {
        "run": run.id,
        "task": run.task,
        "state": run.state,
        "end": run.end,
        "origin": run.origin,
    }
    spread(row, run.parameters)
    for name, (value, error) in run.outcome.items():
        spread(row, {name: value, f"{name} error": error or None})
    attempts = run.attempts
    row |= {
        "observations": sum(attempt.observations for attempt in attempts),
        "seconds": sum(attempt.seconds for attempt in attempts),
        "used": run.used,
        "charged": run.charged,
        "attempts": len(attempts),
        "since": moment(run.since),
        "proposal": run.proposal,
        "parent": run.parent,
        "bad": run.bad,
        "bad by": run.bad_by or None,
        "bad reason": run.bad_reason or None,
        "message": run.message,
        "endpoint": run.endpoint,
        "seed": run.seed,
        "code": run.code,
    }
    return row


def decision_row(row: Json) -> Json:
    """A row of the ledger with its parameters spread, its times readable and its rule named."""
    flat = {key: value for key, value in row.items() if key not in {"parameters", "ai_parameters"}}
    flat["by"] = decided_by(row.get("by"), row.get("rule"))
    for key in ("made", "decided"):
        flat[key] = moment(row.get(key))
    spread(flat, row.get("parameters") or {})
    return spread(flat, {f"ai {name}": value for name, value in (row.get("ai_parameters") or {}).items()})


def observation_row(attempt: int, line: Json) -> Json:
    """An observation as a row."""
    row: Json = {"attempt": attempt, "seq": line.get("seq"), "time": moment(line.get("t"))}
    values = line.get("values")
    return spread(row, values if isinstance(values, Mapping) else {})
