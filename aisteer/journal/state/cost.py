"""What a run is expected to cost, in the campaign's unit, and what the gate takes it to cost at least."""

from __future__ import annotations

from aisteer.journal.events import STARTS, Json
from aisteer.journal.state.state import State
from aisteer.problem.resources import Resources

__all__ = ["estimate_cost", "priced"]

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

    Raises:
        BadDefinition: The resources are none.
    """
    needs = Resources.from_json(resources or definition.get("resources"))
    stated = _stated(definition, state.unit, resources)
    if stated is not None:
        return stated
    seconds = _recent_seconds(state, task)
    if seconds:
        return needs.node_hours(sum(seconds) / len(seconds))
    return needs.node_hours(needs.walltime) if needs.walltime else 0.0


def priced(state: State, task: str, action: str, cost: float, resources: Json | None) -> float:
    """What a proposal costs in the campaign's unit, whoever priced it, and in which unit.

    A run of a budget of runs costs one, and a run of a task with a stated cost no less than that, unless its runs
    cost differently by fidelity or place. To stop a run
    or to finish costs nothing.
    """
    if action not in STARTS:
        return cost
    stated = _stated(state.definition["tasks"][task], state.unit, resources)
    weighed = state.definition["tasks"][task]
    if stated is None or (
        state.unit != "runs" and cost > 0 and (weighed.get("fidelity") or weighed.get("cost_aware"))
    ):
        return cost  # where runs cost differently, what is stated is that of one of them
    return stated if state.unit == "runs" else max(cost, stated)


def _stated(definition: Json, unit: str, resources: Json | None) -> float | None:
    """The cost that is known beforehand."""
    if unit == "runs":
        return 1.0
    stated = definition.get("cost")
    if stated is None:
        return None
    usual = definition.get("resources")
    return float(stated) * _nodes(resources or usual) / _nodes(usual)


def _nodes(resources: Json | None) -> int:
    """Nodes that are asked for. A fold must not fail, so whatever else stands there is one node."""
    nodes = (resources or {}).get("nodes")
    return nodes if isinstance(nodes, int) and nodes > 0 else 1


def _recent_seconds(state: State, task: str) -> list[float]:
    seconds: list[float] = []
    for name in reversed(tuple(state.runs)):
        run = state.runs[name]
        if run.task == task and run.end == "done":
            seconds.append(sum(attempt.seconds for attempt in run.attempts))
            if len(seconds) == _LOOKED_AT:
                break
    return seconds
