"""The ledger: every decision, beside what came of it. From the latest back, in pages."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from aisteer.campaign.columns import decided_by, rule_in_force
from aisteer.journal.events import STARTS
from aisteer.journal.state import Proposal, State
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models import points
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import Task, baselines, task_of
from aisteer_widgets.view_models.undoable import short

__all__ = ["PAGE", "ledger"]

Json = dict[str, Any]
PAGE = 15


def ledger(scene: Scene, wishes: Wishes) -> Json:
    """One page of the ledger."""
    state = scene.state
    total = state.next_proposal - 1
    pages = max(1, -(-total // PAGE))
    page = min(max(wishes.ledger_page, 0), pages - 1)
    start = total - page * PAGE
    found = (state.proposals.get(f"P{i}") for i in range(start, max(0, start - PAGE), -1))
    shown = [proposal for proposal in found if proposal is not None]
    unit = _unit(state, shown)
    rows = [_row(scene, proposal, unit) for proposal in shown]
    return {
        "rows": rows,
        "unit": fmt.clip(unit or "", 24),
        "point_names": points.names(
            (task_of(state, p.task), p.parameters) for p in shown if p.action in STARTS
        ),
        "page": page,
        "pages": pages,
        "total": total,
        "sub": fmt.count(total, "proposal") if total else "",
        "empty": "" if rows else "Every proposal stands here with its decision and what came of it.",
    }


def _unit(state: State, proposals: Iterable[Proposal]) -> str | None:
    """The unit in the table's head, where all of its values share one; else each value has its own."""
    units = {o.unit for p in proposals if (o := task_of(state, p.task).objective) is not None}
    return units.pop() if len(units) == 1 else None


def _row(scene: Scene, proposal: Proposal, unit: str | None) -> Json:
    state = scene.state
    task = task_of(state, proposal.task)
    verdict, who, reason = _decision(proposal)
    predicted, outcome, off = _outcome(state, task, proposal, headed=unit is not None)
    return {
        "id": proposal.id,
        "origin": proposal.origin,
        "by": _proposed_by(state, proposal),
        "what": _what(task, proposal),
        "full": fmt.clip(", ".join(f"{k} {v}" for k, v in proposal.parameters.items()), 400),
        "predicted": predicted,
        "verdict": verdict,
        "who": who,
        "reason": _to_a_word(reason, 150),
        "reason_full": fmt.clip(reason, 800),
        "run": proposal.launched or "",
        "outcome": outcome,
        "off": off,
        "time": fmt.clock(proposal.decision.time) if proposal.decision else "",
    }


def _proposed_by(state: State, proposal: Proposal) -> str:
    if proposal.parent:
        return f"edit of {proposal.parent}"
    if proposal.task in baselines(state):
        return "random arm"
    return {"ai": "AI", "human": "you"}.get(proposal.origin, proposal.origin)


def _what(task: Task, proposal: Proposal) -> str:
    if proposal.action not in STARTS:
        return short(task, proposal)
    return points.values(task, proposal.parameters, 48)


def _decision(proposal: Proposal) -> tuple[str, str, str]:
    """What was decided, by whom or by which rule, and why."""
    decision = proposal.decision
    if decision is None:
        return "waits", "", ""
    verdict = decision.verdict if proposal.state != "withdrawn" else "withdrawn"
    if proposal.child:
        verdict = f"edited to {proposal.child}"
    who = decided_by(decision.by.name, decision.rule) or ""
    if decision.by.kind == "ai":
        who = f"AI ({who})"
    why = rule_in_force(decision.rule)[1] if decision.rule else ""
    return verdict, fmt.clip(who, 90), decision.reason or why


def _to_a_word(text: str, most: int) -> str:
    """The beginning of a text, up to the end of a word."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most].rpartition(' ')[0] or line[:most]}…"


def _outcome(state: State, task: Task, proposal: Proposal, *, headed: bool) -> tuple[str, str, str]:
    objective = task.objective
    if objective is None:
        return "", "", ""
    guess = proposal.predicted.get(objective.outcome)
    unit = "" if headed else objective.unit
    predicted = fmt.estimate(float(guess[0]), float(guess[1]), unit) if guess and len(guess) > 1 else ""
    run = state.runs.get(proposal.launched or "")
    if run is None:
        return predicted, "", ""
    if objective.outcome not in run.outcome:
        return predicted, run.end or run.state, ""
    value, error = run.outcome[objective.outcome]
    off = ""
    if guess and len(guess) > 1 and guess[1] > 0:
        # As the tables reckon it: the measurement's own error counts.
        off = f"{(value - guess[0]) / math.hypot(guess[1], error):+.1f} σ".replace("-", "−")
    note = " (partial)" if run.end == "partial" else " (bad)" if run.bad else ""
    return predicted, fmt.estimate(value, error, unit) + note, off
