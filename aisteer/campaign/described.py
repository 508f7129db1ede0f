"""Proposals and runs on one line each, with units: for a terminal, or a cell without widgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aisteer.campaign.columns import decided_by
from aisteer.problem.objective import Estimate
from aisteer.steering.rank import ranked

if TYPE_CHECKING:
    from aisteer.journal.state import Proposal, Run, State

__all__ = ["describe_proposal", "describe_run"]

Json = dict[str, Any]


def describe_proposal(proposal: Proposal, state: State) -> str:
    """What it is, what is expected, what became of it."""
    units = _units(state, proposal.task)
    action = "" if proposal.action == "start" else f" {proposal.action} {proposal.run}"
    words = [f"{proposal.id}{action} ({_point(proposal.parameters, units)})"]
    if proposal.action == "finish":
        why = "; ".join(str(r["words"]) for r in proposal.reasons if r.get("words"))
        words = [f"{proposal.id} to end {proposal.task!r}: {why}"]
    words += [
        f"{name} {_in_unit(Estimate(*told), name, units)} predicted"
        for name, told in proposal.predicted.items()
    ]
    if place := ranked(proposal.rank, proposal.of):
        words.append(place)
    decision = proposal.decision
    if proposal.state == "launched":
        words.append(f"launched as {proposal.launched}")
    elif decision is None:
        words.append(proposal.state)
    else:
        whose = decided_by(decision.by.name, decision.rule)
        words.append(f"{proposal.state} by {whose}" + (f": {decision.reason}" if decision.reason else ""))
        if proposal.child:
            words.append(f"now {proposal.child}")
    return " · ".join(words)


def describe_run(run: Run, state: State) -> str:
    """What it is, where it stands, what came of it."""
    units = _units(state, run.task)
    words = [f"{run.id} ({_point(run.parameters, units)})"]
    words.append(f"ended: {run.end}" if run.state == "ended" else run.state)
    for name, known in run.outcome.items():
        value = Estimate(*known) if known[1] else f"{known[0]:.6g}"
        words.append(f"{name} {_in_unit(value, name, units)}")
    pending = [c.verb for c in run.controls if not c.answer]
    if pending and run.live:
        words.append(f"{', '.join(pending)} requested")
    if run.bad:
        words.append(f"marked bad by {run.bad_by}" + (f": {run.bad_reason}" if run.bad_reason else ""))
    if run.message:
        words.append(run.message if len(run.message) <= 200 else run.message[:197] + "…")
    return " · ".join(words)


def _units(state: State, task: str) -> dict[str, str]:
    """What a task's definition says of units, by the name of a parameter or outcome."""
    definition: Json = state.definition.get("tasks", {}).get(task, {})
    named: Json = (definition.get("space") or {}).get("parameters") or {}
    goals = definition.get("objectives") or [definition.get("objective") or {}]
    found = {**(definition.get("simulation") or {}).get("units", {})}
    found |= {goal["outcome"]: goal["unit"] for goal in goals if goal.get("unit")}
    if isinstance(named, Mapping):  # of a pool they are names and no more
        found |= {name: one["unit"] for name, one in named.items() if one.get("unit")}
    return found


def _point(parameters: Mapping[str, Any], units: Mapping[str, str]) -> str:
    parts = []
    for name, value in parameters.items():
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        parts.append(f"{name}={_in_unit(text if len(text) <= 60 else text[:57] + '…', name, units)}")
    return ", ".join(parts)


def _in_unit(value: object, name: str, units: Mapping[str, str]) -> str:
    return f"{value} {units.get(name, '')}".rstrip()
