"""What a run is expected to cost, in the budget's unit."""

from __future__ import annotations

from aisteer.journal.state import State
from aisteer.problem.resources import Resources
from aisteer.steering.protocols import Json

__all__ = ["estimate_cost"]

_LOOKED_AT = 50


def estimate_cost(definition: Json, state: State, task: str, resources: Json | None = None) -> float:
    """The estimated cost of one run of ``task``.

    In the campaign's unit (the budget's): one for a budget of runs; else node-hours, from the task's ``cost`` where it
    says one, else the mean wall time of the last 50 runs that ended by themselves times the nodes,
    else the walltime times the nodes. Zero where nothing is known yet.

    Args:
        definition: The task's definition.
        state: What happened so far.
        task: The task's name.
        resources: What this run asks for, where it differs from the task.
    """
    if state.unit == "runs":
        return 1.0
    needs = Resources.from_json(resources or definition.get("resources"))
    stated = definition.get("cost")
    if stated is not None:
        usual = Resources.from_json(definition.get("resources"))
        return float(stated) * needs.nodes / usual.nodes
    seconds = _recent_seconds(state, task)
    if seconds:
        return needs.node_hours(sum(seconds) / len(seconds))
    return needs.node_hours(needs.walltime) if needs.walltime else 0.0


def _recent_seconds(state: State, task: str) -> list[float]:
    seconds: list[float] = []
    for name in reversed(tuple(state.runs)):
        run = state.runs[name]
        if run.task == task and run.end == "done":
            seconds.append(sum(attempt.seconds for attempt in run.attempts))
            if len(seconds) == _LOOKED_AT:
                break
    return seconds
