"""The ledger: every decision, beside what came of it. From the latest back, in pages."""

from __future__ import annotations

from typing import Any

from aisteer.journal.state import Proposal, State
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import Task, task_of

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
    rows = [
        _row(scene, state.proposals[f"P{i}"])
        for i in range(start, max(0, start - PAGE), -1)
        if f"P{i}" in state.proposals
    ]
    return {
        "rows": rows,
        "page": page,
        "pages": pages,
        "total": total,
        "sub": fmt.count(total, "proposal") if total else "",
        "empty": "" if rows else "Every proposal stands here with its decision and what came of it.",
    }


def _row(scene: Scene, proposal: Proposal) -> Json:
    state = scene.state
    task = task_of(state, proposal.task)
    verdict, who, reason = _decision(proposal)
    predicted, outcome, off = _outcome(state, task, proposal)
    origin = {"ai": "AI", "human": "you", "random": "random", "rule": "rule"}.get(
        proposal.origin, proposal.origin
    )
    return {
        "id": proposal.id,
        "origin": proposal.origin,
        "by": f"edit of {proposal.parent}" if proposal.parent else origin,
        "what": _what(task, proposal),
        "full": fmt.clip(", ".join(f"{k} {v}" for k, v in proposal.parameters.items()), 400),
        "predicted": predicted,
        "verdict": verdict,
        "who": who,
        "reason": reason,
        "run": proposal.launched or "",
        "outcome": outcome,
        "off": off,
        "time": fmt.clock(proposal.decision.time) if proposal.decision else "",
    }


def _what(task: Task, proposal: Proposal) -> str:
    if task.structure and task.structure in proposal.parameters:
        return fmt.clip(proposal.parameters[task.structure], 40)
    return fmt.clip(
        " · ".join(task.parameter(n).show(v) for n, v in list(proposal.parameters.items())[:4]), 48
    )


def _decision(proposal: Proposal) -> tuple[str, str, str]:
    decision = proposal.decision
    if decision is None:
        return "waits", "", ""
    verdict = decision.verdict if proposal.state != "withdrawn" else "withdrawn"
    if proposal.child:
        verdict = f"edited to {proposal.child}"
    who = "rule" if decision.rule else fmt.clip(decision.by.name, 24)
    return verdict, who, fmt.clip(decision.reason or decision.rule or "", 120)


def _outcome(state: State, task: Task, proposal: Proposal) -> tuple[str, str, str]:
    objective = task.objective
    if objective is None:
        return "", "", ""
    guess = proposal.predicted.get(objective.outcome)
    predicted = fmt.estimate(float(guess[0]), float(guess[1])) if guess and len(guess) > 1 else ""
    run = state.runs.get(proposal.launched or "")
    if run is None:
        return predicted, "", ""
    if objective.outcome not in run.outcome:
        return predicted, run.end or run.state, ""
    value, error = run.outcome[objective.outcome]
    off = ""
    if guess and len(guess) > 1 and guess[1] > 0:
        off = f"{(value - guess[0]) / guess[1]:+.1f} σ".replace("-", "−")
    note = " (partial)" if run.end == "partial" else " (bad)" if run.bad else ""
    return predicted, fmt.estimate(value, error) + note, off
