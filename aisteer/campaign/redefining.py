"""From a definition and what a user changes of it to the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aisteer.campaign.connect import connect
from aisteer.campaign.definition import Wanted, add_arm, define, plain
from aisteer.campaign.differences import differences
from aisteer.campaign.oversight import OVERSIGHT, check_end, oversight_json
from aisteer.campaign.proposers import policy_json
from aisteer.campaign.stated import (
    SETTINGS,
    budget_json,
    context_json,
    instance,
    rule_json,
    seconds,
    setting,
    whole,
)
from aisteer.campaign.tasks import ARM, RandomArm, Task
from aisteer.errors import BadDefinition
from aisteer.journal import commands as cmd
from aisteer.problem.fidelity import WEIGHED, weighed_json
from aisteer.problem.goals import Goals
from aisteer.problem.naming import did_you_mean
from aisteer.problem.pool import Pool
from aisteer.problem.shipping import ship
from aisteer.problem.simulation import Simulation
from aisteer.problem.space import Space
from aisteer.steering.policies import check_options

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign

__all__ = ["change", "redefine", "told_besides"]

Json = dict[str, Any]
_SHORTHAND = tuple(Task.__dataclass_fields__)
_WHOLE = ("tasks", "baseline", "autonomy", "budget", "seed", "hold")
"""Arguments that speak of the campaign, not of a task."""
_LAST = "initial"
"""An option of the policy, which may be another one now."""


def change(campaign: Campaign, task: str | None, changes: Mapping[str, Any], reason: str) -> list[str]:
    """Change a campaign's definition; what changed, in words. See ``Campaign.redefine``."""
    also, before = told_besides(changes), campaign.definition
    wanted = redefine(before, changes, None if task is None else campaign.task_named(task))
    wanted.save(campaign.folder)  # first: what the journal names has to be there
    words = differences(before, wanted.definition, campaign.folder)
    if words or also:
        definition = wanted.definition if words else before
        campaign.submit(
            cmd.Redefine(
                actor=campaign.actor,
                definition=definition,
                changes=words,
                reason=reason,
                also=also,
                before=before,
            )
        )
    campaign.opened.connections.update(wanted.connections)
    campaign.opened.minds.update(wanted.minds)
    return words


def redefine(old: Json, changes: Mapping[str, Any], task: str | None = None) -> Wanted:
    """The definition ``old`` with ``changes``: arguments of ``ai.Campaign`` by name, as far as they change.

    Args:
        old: The definition.
        changes: What changes.
        task: The task that they speak of, where there are several.

    Raises:
        BadDefinition: An unknown name, or parts that no longer fit together.
    """
    known = (*_SHORTHAND, *_WHOLE)
    for name in changes:
        if name not in known:
            raise BadDefinition(f"A campaign has no {name!r}.{did_you_mean(name, known)}")
    if "hold" in changes:
        seconds("hold", changes["hold"])
    if "seed" in changes:
        whole("seed", changes["seed"], 0)
    wanted = Wanted(plain(old))
    arm = wanted.definition["tasks"].pop(ARM, None) if _has_arm(old) else None
    if "tasks" in changes:
        seed = changes.get("seed", old.get("seed", 0))
        fresh = define(changes["tasks"], baseline=None, autonomy=_Kept(), budget=None, seed=seed, hold=0.0)
        wanted = Wanted({**wanted.definition, "tasks": fresh.definition["tasks"]})
        wanted.shipments, wanted.pools, wanted.connections = fresh.shipments, fresh.pools, fresh.connections
        wanted.minds = fresh.minds
    elif "seed" in changes:
        _reseed(wanted.definition["tasks"], old.get("seed", 0), changes["seed"])
    for_task = {name: value for name, value in changes.items() if name not in _WHOLE}
    if for_task:
        _change_task(wanted, for_task, task)
    baseline = changes.get("baseline", RandomArm(runs=arm["runs"], seed=arm["seed"]) if arm else None)
    if baseline is not None:
        add_arm(wanted, baseline)
    wanted.definition |= {name: changes[name] for name in ("seed", "hold") if name in changes}
    if told := told_besides(changes):
        wanted.definition["opening"] = {**wanted.definition.get("opening", {}), **told}
    wanted.definition = plain(wanted.definition)
    return wanted


def told_besides(changes: Mapping[str, Any]) -> Json:
    """Autonomy and budget as data, as far as they change: they hold beside the definition.

    Raises:
        BadDefinition: They are none.
    """
    as_data: dict[str, Callable[[Any], Any]] = {"budget": budget_json, "autonomy": rule_json}
    return {name: make(changes[name]) for name, make in as_data.items() if name in changes}


def _reseed(tasks: Json, old: int, new: int) -> None:
    """Tasks that draw by the campaign's seed do so by its new one; those with one of their own keep it."""
    for task in tasks.values():
        if task.get("seed", old) == old:
            task["seed"] = new


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
    for key in sorted(changes, key=_LAST.__eq__):
        value = changes[key]
        if key in SETTINGS:
            setting(key, value)
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
        elif key == _LAST:
            task["policy"] = policy_json(task["policy"], value)
        elif key == "space":
            instance("space", value, (Space, Pool), "ai.Space(…) or ai.Pool(…)")
            task[key] = value.to_json()
            wanted.pools += [value] if isinstance(value, Pool) else []
        else:
            task[key] = value.to_json() if hasattr(value, "to_json") else value
    _check_fit(task)
    _weigh(task, weighed)
    check_end(task.get("finish") or {}, Goals.of(task))
    check_options(task, Space.from_json(task["space"]) if task["space"]["kind"] == Space.kind else None)


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
