"""What is asked of a task, changed from the board: the goal, what outcomes have to meet, constraints, what is given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aisteer.errors import BadDefinition, BadParameters, Refused
from aisteer.problem.goals import Goals
from aisteer.problem.naming import did_you_mean
from aisteer.problem.objective import Learn, Objective, objective_from_json
from aisteer.problem.space import Space
from aisteer_widgets.ordered import text_of

__all__ = ["VALUED", "change", "outcomes_of", "put_back"]

Json = dict[str, Any]
LOOKED = 50
"""Runs that are looked at for what they return, from the latest back."""
VALUED = {"target": "value", "level_set": "threshold"}
"""Goals that name a value, and under which key."""
_ENDS = ("lower", "upper")
_RESTORED = ("space", "objective", "objectives", "feasible", "context", "cost_aware")
"""Of a task's definition, what a change of what it works on may be."""


def change(campaign: Any, order: Mapping[str, Any]) -> str:
    """Change what is asked; in words what changed.

    Args:
        campaign: The campaign.
        order: ``task``, ``reason`` and ``asked``, with what changes of it: ``goal`` (``kind``, ``outcome`` by its place
            among ``outcomes_of``, ``value``), ``references`` (of several objectives, by place), ``feasible`` and
            ``constraints`` (a line each), ``bounds`` (name to the two ends, as typed), ``context`` (names),
            ``cost_aware``.

    Raises:
        BadDefinition: It cannot be asked, and nothing was changed.
    """
    asked = order.get("asked")
    if not isinstance(asked, Mapping) or not asked:
        raise Refused("Nothing was changed, as nothing else was asked.")
    task = campaign.task_named(text_of(order, "task") or None)
    definition: Json = campaign.definition["tasks"][task]
    changes: Json = {}
    if "goal" in asked:
        changes["objective"] = _goal(definition, asked["goal"])
    if "references" in asked:
        changes["objective"] = _with_references(definition, asked["references"])
    if "feasible" in asked:
        changes["feasible"] = _returned(campaign, task, _lines(asked["feasible"]))
    if "constraints" in asked or "bounds" in asked:
        changes["space"] = _space(campaign, task, definition["space"], asked)
    if "context" in asked:
        changes["context"] = [n.strip() for n in str(asked["context"]).split(",") if n.strip()]
    if "cost_aware" in asked:
        changes["cost_aware"] = bool(asked["cost_aware"])
    words = campaign.redefine(task=task, reason=text_of(order, "reason"), **changes)
    return f"{'; '.join(words)}." if words else "That is how it stood before."


def put_back(campaign: Any, order: Mapping[str, Any]) -> str:
    """Ask again what was asked before the last change; in words what changed.

    Raises:
        Refused: Nothing was changed.
    """
    task = campaign.task_named(text_of(order, "task") or None)
    changed = campaign.state.asked.get(task)
    if not changed:
        raise Refused("What it works on was never changed, so there is nothing to take back.")
    now: Json = campaign.definition["tasks"][task]
    before: Json = changed["before"]
    other = {key for key in {*before, *_RESTORED} if before.get(key) != now.get(key)}
    changes: Json = {}
    if other & {"objective", "objectives", "feasible"}:
        goals = Goals.of(before)
        changes["objective"] = list(goals.objectives) if goals.several else goals.first
        changes["feasible"] = list(before.get("feasible") or ())
    if "space" in other:
        changes["space"] = _box(before["space"])
    if "context" in other:
        changes["context"] = list(before.get("context") or ())
    if "cost_aware" in other:
        changes["cost_aware"] = bool(before.get("cost_aware"))
    reason = text_of(order, "reason") or "the change is taken back"
    words = campaign.redefine(task=task, reason=reason, **changes)
    return f"{'; '.join(words)}." if words else "That is how it stood before."


def _box(space: Json) -> Space:
    if space.get("kind") != Space.kind:
        raise Refused("Candidates are changed in a cell: campaign.redefine(space=…). Nothing was changed.")
    return Space.from_json(space)


def _space(campaign: Any, task: str, space: Json, asked: Mapping[str, Any]) -> Space:
    """The box with other constraints, other bounds of numbers, or both."""
    parameters = {name: dict(one) for name, one in space["parameters"].items()}
    for name, ends in (asked.get("bounds") or {}).items():
        one = parameters.get(str(name))
        if one is None or "low" not in one:
            raise BadDefinition(f"There is no number {name!r:.80} among the parameters. Nothing was changed.")
        low, high = (
            _number(typed, f"the {end} end of {name}") for typed, end in zip(ends, _ENDS, strict=True)
        )
        whole = one["kind"] == "int" and low.is_integer() and high.is_integer()
        one |= {"low": int(low), "high": int(high)} if whole else {"low": low, "high": high}
    constraints = _lines(asked["constraints"]) if "constraints" in asked else space.get("constraints", ())
    made = Space.from_json({**space, "parameters": parameters, "constraints": list(constraints)})
    for name, pin in (campaign.state.steering.get(task, {}).get("pinned") or {}).items():
        if name in (asked.get("bounds") or {}):
            try:
                made.parameters[name].validate(name, pin)
            except BadParameters as error:
                raise Refused(
                    f"It is pinned beyond that: {error} Release it first. Nothing was changed."
                ) from error
    return made


def outcomes_of(definition: Json) -> list[str]:
    """The outcomes that a goal can speak of: what the simulation is known to return, and what is sought already."""
    simulation: Json = definition.get("simulation") or {}
    sought = [
        one.get("outcome") for one in definition.get("objectives") or [definition.get("objective") or {}]
    ]
    found = [*sought, *(simulation.get("returned") or ()), *(simulation.get("units") or ())]
    return list(dict.fromkeys(str(name) for name in found if name))


def _goal(definition: Json, goal: Mapping[str, Any]) -> Objective:
    kind, names = str(goal.get("kind")), outcomes_of(definition)
    place = goal.get("outcome")
    if not isinstance(place, int) or not 0 <= place < len(names):
        raise BadDefinition("Choose an outcome first. Nothing was changed.")
    before: Json = definition.get("objective") or {}
    units = (definition.get("simulation") or {}).get("units") or {}
    unit = before.get("unit") if before.get("outcome") == names[place] else units.get(names[place])
    data: Json = {"kind": kind, "outcome": names[place], "unit": unit or ""}
    if kind in VALUED:
        data[VALUED[kind]] = _number(goal.get("value"), "the value that is sought")
    return objective_from_json(data)


def _returned(campaign: Any, task: str, texts: list[str]) -> list[str]:
    """Raises where a rule names an outcome that no run has returned; nothing can be said before one has ended."""
    state = campaign.state
    latest = (state.runs.get(f"R{n}") for n in range(state.next_run - 1, max(0, state.next_run - LOOKED), -1))
    known = next(
        (set(run.outcome) for run in latest if run is not None and run.task == task and run.outcome), None
    )
    for name in (
        name for text in texts for rule in Goals.read(Learn("_"), [text]).feasible for name in rule.names
    ):
        if known is not None and name not in known:
            raise BadDefinition(
                f"No run has returned an outcome {name!r:.80}; they return {', '.join(sorted(known))}."
                f"{did_you_mean(name, known)} Nothing was changed."
            )
    return texts


def _with_references(definition: Json, references: Any) -> list[Objective]:
    made = []
    for goal, typed in zip(Goals.of(definition).objectives, list(references), strict=True):
        data = {key: value for key, value in goal.to_json().items() if key != "reference"}
        if str(typed).strip():
            data["reference"] = _number(typed, f"the reference of {goal.outcome}")
        made.append(objective_from_json(data))
    return made


def _number(typed: Any, what: str) -> float:
    try:
        value = float(str(typed).replace("−", "-"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadDefinition(f"Give {what} as a finite number, not {typed!r:.60}. Nothing was changed.")
    return value


def _lines(text: Any) -> list[str]:
    return [line.strip() for line in str(text).splitlines() if line.strip()]
