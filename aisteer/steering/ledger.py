"""The ledger: every decision beside what came of it. It claims no causes."""

from __future__ import annotations

import numpy as np

from aisteer.journal.state import Proposal, Run, State
from aisteer.problem.goals import Goals
from aisteer.steering.evidence import evidence
from aisteer.steering.pareto import front
from aisteer.steering.protocols import Datum, Json

__all__ = ["ledger", "measured", "on_front"]


def ledger(state: State, task: str | None = None) -> list[Json]:
    """One row for each proposal, in the order in which they were made.

    Args:
        state: The state.
        task: Only this task's; all where it is not given.

    Returns:
        Rows with these keys; what did not happen is ``None``:
        ``proposal``, ``task``, ``action``, ``parameters``, ``origin``, ``author``, ``made`` (Unix time),
        ``predicted_mean``, ``predicted_std`` (of the objective, before it ran), ``model``,
        ``acquisition``, ``rank``, ``of``, ``cost``;
        ``decision``, ``by``, ``identity``, ``rule``, ``reason``, ``decided``, ``waited`` (seconds);
        ``child`` (what an edit made of it), ``parent`` (what it edits), ``ai_parameters``,
        ``ai_mean``, ``ai_std`` (the AI's own choice and prediction where a human edited it), ``ai_run``,
        ``ai_outcome``, ``ai_error`` (what came of it, where chance had it run beside the edit);
        ``run``, ``state``, ``outcome``, ``standard_error`` (of the objective), ``surprise`` (how many
        predicted standard deviations the outcome was off, its standard error included), ``used``, ``bad``.
    """
    return [_row(state, p) for p in state.proposals.values() if task is None or p.task == task]


def _row(state: State, proposal: Proposal) -> Json:
    outcome_name = _objective_name(state, proposal.task)
    mean, std = _prediction(proposal, outcome_name)
    decision = proposal.decision
    origin = _ai_original(state, proposal)
    ai_mean, ai_std = _prediction(origin, outcome_name) if origin else (None, None)
    run = state.runs.get(proposal.launched or "") if proposal.launched else None
    value, error = _outcome(run, outcome_name)
    twin = _beside(state, proposal)
    ai_value, ai_error = _outcome(twin, outcome_name)
    return {
        "proposal": proposal.id,
        "task": proposal.task,
        "action": proposal.action,
        "parameters": proposal.parameters,
        "origin": proposal.origin,
        "author": proposal.author.name,
        "made": proposal.time,
        "predicted_mean": mean,
        "predicted_std": std,
        "model": proposal.model,
        "acquisition": proposal.acquisition,
        "rank": proposal.rank,
        "of": proposal.of,
        "cost": proposal.cost,
        "decision": decision.verdict if decision else None,
        "by": decision.by.name if decision else None,
        "identity": decision.by.identity if decision else None,
        "rule": decision.rule if decision else None,
        "reason": decision.reason if decision else None,
        "decided": decision.time if decision else None,
        "waited": decision.time - proposal.time if decision else None,
        "child": proposal.child,
        "parent": proposal.parent,
        "ai_parameters": origin.parameters if origin else None,
        "ai_mean": ai_mean,
        "ai_std": ai_std,
        "ai_run": twin.id if twin else None,
        "ai_outcome": ai_value,
        "ai_error": ai_error,
        "run": run.id if run else None,
        "state": run.end or run.state if run else proposal.state,
        "outcome": value,
        "standard_error": error,
        "surprise": _surprise(mean, std, value, error),
        "used": run.used if run else None,
        "bad": run.bad if run else None,
    }


def _objective_name(state: State, task: str) -> str:
    definition = state.definition.get("tasks", {}).get(task, {})
    return str((definition.get("objective") or {}).get("outcome", ""))


def _prediction(proposal: Proposal, outcome: str) -> tuple[float | None, float | None]:
    found = proposal.predicted.get(outcome)
    return (found[0], found[1]) if found else (None, None)


def _ai_original(state: State, proposal: Proposal) -> Proposal | None:
    """The AI's proposal at the start of a chain of edits."""
    found = proposal
    while found.parent is not None and found.parent in state.proposals:
        found = state.proposals[found.parent]
    return found if found is not proposal and found.origin == "ai" else None


def _beside(state: State, edit: Proposal) -> Run | None:
    """The run of the AI's original that chance had run beside an edit."""
    said = (edit.decision.evidence or {}) if edit.decision is not None and edit.parent is not None else {}
    twin = state.proposals.get(str(said.get("counterfactual")))
    return state.runs.get(twin.launched) if twin is not None and twin.launched else None


def _outcome(run: Run | None, name: str) -> tuple[float | None, float | None]:
    if run is None or name not in run.outcome:
        return None, None
    value, error = run.outcome[name]
    return value, error or None


def _surprise(
    mean: float | None, std: float | None, value: float | None, error: float | None
) -> float | None:
    if mean is None or std is None or value is None:
        return None
    spread = float(np.hypot(std, error or 0.0))
    return (value - mean) / spread if spread > 0 else None


def measured(datum: Datum) -> dict[str, float]:
    """A run's outcomes by name, without their errors."""
    return {name: value for name, (value, _) in datum.outcomes.items()}


def _ran(state: State, task: str) -> list[Datum]:
    """What ran here: data from elsewhere is no run."""
    return [d for d in evidence(state, task).data if d.origin != "prior"]


def on_front(state: State, task: str) -> list[str]:
    """The runs of a task that no other run beats in all of several objectives, in the order in which they ended.

    Only those count that ended ``done``, are not marked bad and meet what is asked of outcomes.
    """
    goals = Goals.of(state.definition["tasks"][task])
    names = [one.outcome for one in goals.objectives]
    signs = [one.sign for one in goals.objectives]
    data = [d for d in _ran(state, task) if all(name in d.outcomes for name in names)]
    met = [d for d in data if goals.met(measured(d))]
    values = np.array(
        [[s * d.outcomes[n][0] for n, s in zip(names, signs, strict=True)] for d in met], dtype=np.float64
    )
    return [d.run for d, on in zip(met, front(values.reshape(-1, len(names))), strict=True) if on]
