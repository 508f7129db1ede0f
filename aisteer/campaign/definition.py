"""From what a user hands over to the definition in the journal, and what belongs beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aisteer.campaign.connect import Connection, connect
from aisteer.campaign.tasks import (
    ARM,
    OVERSIGHT,
    RandomArm,
    Rule,
    Task,
    arm_json,
    context_json,
    oversight_json,
    policy_json,
)
from aisteer.errors import BadDefinition
from aisteer.problem.fidelity import WEIGHED, weighed_json
from aisteer.problem.goals import Goals
from aisteer.problem.parameters import is_finite_number
from aisteer.problem.pool import Pool
from aisteer.problem.resources import Budget
from aisteer.problem.shipping import Shipment, ship
from aisteer.problem.simulation import Simulation
from aisteer.problem.space import Space, did_you_mean
from aisteer.steering.foreign_generators import ForeignMind

__all__ = ["MAIN", "SHORTHAND", "Wanted", "define", "redefine"]

Json = dict[str, Any]
MAIN = "main"
"""The name of the one task that the shorthand makes."""
SHORTHAND = tuple(Task.__dataclass_fields__)
_WHOLE = ("tasks", "baseline", "autonomy", "budget", "seed", "hold")
"""Arguments that speak of the campaign, not of a task."""


@dataclass(slots=True)
class Wanted:
    """A definition, and the artefacts and connections that it speaks of.

    Attributes:
        definition: As it goes into the journal.
        shipments: Code to be kept in the campaign's folder.
        pools: Pools to be kept there.
        connections: Task name to where it runs.
        minds: Task name to a mind that lives in this process alone.
    """

    definition: Json
    shipments: list[Shipment] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    connections: dict[str, Connection] = field(default_factory=dict)
    minds: dict[str, Any] = field(default_factory=dict)

    def take_mind(self, task: str, policy: object) -> None:
        """What a policy has beside its data, where it is a mind of somebody else's: code, or the object itself."""
        if isinstance(policy, ForeignMind):
            if policy.shipment is not None:
                self.shipments.append(policy.shipment)
            if policy.live is not None:
                self.minds[task] = policy.live

    def save(self, folder: Path) -> None:
        """Keep the artefacts in the campaign's folder."""
        for shipment in self.shipments:
            shipment.save(folder)
        for pool in self.pools:
            pool.save(folder)

    def save_if_possible(self, folder: Path) -> None:
        """The same, for a comparison only: a folder that cannot be written is no obstacle to that."""
        with suppress(OSError):
            self.save(folder)


def define(
    tasks: Mapping[str, Task],
    *,
    baseline: RandomArm | None,
    autonomy: Rule,
    budget: Budget | None,
    seed: int,
    hold: float,
) -> Wanted:
    """The definition of a new campaign.

    Raises:
        BadDefinition: A part of it cannot work.
    """
    if not (is_finite_number(hold) and hold >= 0):
        raise BadDefinition(f"hold must be a number of seconds that is not negative, not {hold!r}.")
    if type(seed) is not int or seed < 0:
        raise BadDefinition(f"seed must be a whole number that is not negative, not {seed!r}.")
    if not tasks:
        raise BadDefinition("A campaign needs a task: give simulation=, space= and objective=, or tasks={…}.")
    wanted = Wanted({"tasks": {}, "seed": seed, "hold": float(hold), "opening": opening(autonomy, budget)})
    for name, task in tasks.items():
        given: tuple[object, object] = (name, task)
        if not isinstance(given[0], str) or not given[0].strip() or not isinstance(given[1], Task):
            raise BadDefinition(f"tasks maps a name to ai.Task(…); {name!r:.80} is {type(task).__name__}.")
        shipment = task.ship()
        if shipment is not None:
            wanted.shipments.append(shipment)
        if isinstance(task.space, Pool):
            wanted.pools.append(task.space)
        wanted.connections[name] = task.connection
        wanted.take_mind(name, task.policy)
        data = wanted.definition["tasks"][name] = task.to_json(shipment)
        data["seed"] = seed if task.seed is None else task.seed
    if baseline is not None:
        _add_arm(wanted, baseline)
    wanted.definition = plain(wanted.definition)
    return wanted


def _add_arm(wanted: Wanted, arm: RandomArm) -> None:
    tasks = wanted.definition["tasks"]
    names = [name for name, task in tasks.items() if not task.get("baseline")]
    if len(names) != 1:
        raise BadDefinition(
            f"A random arm stands beside one task, and there are {len(names)}: {', '.join(names)}."
        )
    if ARM in tasks and not tasks[ARM].get("baseline"):
        raise BadDefinition(f"{ARM!r} is the name of the baseline; call the task something else.")
    tasks[ARM] = arm_json(tasks[names[0]], arm)
    if names[0] in wanted.connections:
        wanted.connections[ARM] = wanted.connections[names[0]]


def opening(autonomy: Rule, budget: Budget | None) -> Json:
    """The autonomy and the budget that the campaign was opened with; later ones stand in the journal."""
    if not hasattr(autonomy, "to_json"):
        raise BadDefinition(f"autonomy must be a rule such as ai.Ask(), not {autonomy!r:.100}.")
    if budget is not None and not isinstance(budget, Budget):
        raise BadDefinition(f"budget must be ai.NodeHours(…) or ai.Runs(…), not {budget!r:.100}.")
    return {"autonomy": autonomy.to_json(), "budget": None if budget is None else budget.to_json()}


def plain(definition: Json) -> Json:
    """As it reads back from the journal.

    Raises:
        BadDefinition: A part of it is no data.
    """
    try:
        found: Json = json.loads(json.dumps(definition, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise BadDefinition(
            f"The definition holds something that cannot stand in the journal: {error}."
        ) from error
    return found


# --- changing one -----------------------------------------------------------------------------


def redefine(old: Json, changes: Mapping[str, Any], task: str | None = None) -> Wanted:
    """The definition ``old`` with ``changes``: arguments of ``ai.Campaign`` by name, as far as they change.

    Args:
        old: The definition.
        changes: What changes.
        task: The task that they speak of, where there are several.

    Raises:
        BadDefinition: An unknown name, or parts that no longer fit together.
    """
    known = (*SHORTHAND, *_WHOLE)
    for name in changes:
        if name not in known:
            raise BadDefinition(f"A campaign has no {name!r}.{did_you_mean(name, known)}")
    wanted = Wanted(plain(old))
    arm = wanted.definition["tasks"].pop(ARM, None) if _has_arm(old) else None
    if "tasks" in changes:
        fresh = define(changes["tasks"], baseline=None, autonomy=_Kept(), budget=None, seed=0, hold=0.0)
        wanted = Wanted({**wanted.definition, "tasks": fresh.definition["tasks"]})
        wanted.shipments, wanted.pools, wanted.connections = fresh.shipments, fresh.pools, fresh.connections
        wanted.minds = fresh.minds
    for_task = {name: value for name, value in changes.items() if name not in _WHOLE}
    if for_task:
        _change_task(wanted, for_task, task)
    baseline = changes.get("baseline", RandomArm(runs=arm["runs"], seed=arm["seed"]) if arm else None)
    if baseline is not None:
        _add_arm(wanted, baseline)
    wanted.definition |= {name: changes[name] for name in ("seed", "hold") if name in changes}
    for name in ("autonomy", "budget"):
        if name in changes:
            value = changes[name]
            wanted.definition.setdefault("opening", {})[name] = None if value is None else value.to_json()
    wanted.definition = plain(wanted.definition)
    return wanted


def _has_arm(definition: Json) -> bool:
    return bool(definition["tasks"].get(ARM, {}).get("baseline"))


@dataclass(frozen=True, slots=True)
class _Kept:
    """Stands where the old rule stays."""

    def to_json(self) -> Json:
        return {}


def _the_task(wanted: Wanted, named: str | None) -> str:
    """The task that changes: the one that is named, or the only one that is no baseline."""
    own: list[str] = [n for n, task in wanted.definition["tasks"].items() if not task.get("baseline")]
    found = own if named is None else [name for name in own if name == named]
    if len(found) != 1:
        raise BadDefinition(
            f"The campaign has the tasks {', '.join(own)}; say which one changes: redefine(task=…)."
        )
    return found[0]


def _change_task(wanted: Wanted, changes: Mapping[str, Any], named: str | None) -> None:
    name = _the_task(wanted, named)
    task = wanted.definition["tasks"][name]
    weighed = {key: task.get(key) for key in WEIGHED if key in task}
    weighed["cost"] = dict(task.get("costs") or ()) or task.get("cost")
    for key, value in changes.items():
        if key == "simulation":
            _change_simulation(wanted, task, value)
        elif key == "endpoint":
            connection = wanted.connections[name] = connect(value)
            task["endpoint"] = connection.address
            task.pop("kernel_bound", None)
            if not connection.stored:
                task["kernel_bound"] = connection.address
        elif key in {"objective", "feasible"}:
            _change_goals(task, key, value)
        elif key == "policy":
            task[key] = policy_json(value)
            wanted.take_mind(name, value)
        elif key in OVERSIGHT:
            task.pop(key, None)
            task |= oversight_json(**{key: value})
        elif key in WEIGHED:
            weighed[key] = value
        elif key == "initial":
            task["policy"] = policy_json(task["policy"], value)
        else:
            task[key] = value.to_json() if hasattr(value, "to_json") else value
        if isinstance(value, Pool):
            wanted.pools.append(value)
    _check_fit(task)
    _weigh(task, weighed)


def _weigh(task: Json, weighed: Mapping[str, Any]) -> None:
    """What is said of costs and fidelities, as far as it suits the rest of the task; the other keys stay."""
    for key in ("fidelity", "cost_aware", "costs"):
        task.pop(key, None)
    space = Space.from_json(task["space"]) if task["space"]["kind"] == Space.kind else None
    task |= weighed_json(weighed, space, Goals.of(task), task.get("context") or ())


def _change_goals(task: Json, key: str, value: Any) -> None:
    """One of the keys that speak of goals as the user gives it; the others stay."""
    goals = Goals.of(task)
    objectives, texts = goals.objectives, [one.text for one in goals.feasible]
    goals = Goals.read(value, texts) if key == "objective" else Goals.read(objectives, value)
    for name in ("objectives", "feasible"):
        task.pop(name, None)
    task |= goals.to_json()


def _change_simulation(wanted: Wanted, task: Json, simulation: Any) -> None:
    shipment = ship(simulation) if isinstance(simulation, Simulation) else None
    data = simulation.to_json()
    if shipment is not None:
        data.update(shipment.to_json())
        wanted.shipments.append(shipment)
    task["simulation"] = data


def _check_fit(task: Json) -> None:
    space = task["space"]
    names = list(space["parameters"])
    simulation = task["simulation"]
    missing = [name for name in simulation.get("required", []) if name not in names]
    takes = simulation.get("parameters")
    unknown = [] if takes is None else [name for name in names if name not in takes]
    if missing or unknown:
        raise BadDefinition(
            f"The simulation {simulation['name']!r} and the space do not fit: "
            f"missing {', '.join(missing) or 'nothing'}, unknown {', '.join(unknown) or 'nothing'}.",
            missing=missing,
            unknown=unknown,
        )
    context = context_json(task.pop("context", None) or (), names)
    if context:
        task["context"] = context
