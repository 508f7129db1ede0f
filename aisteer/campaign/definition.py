"""From what a user hands over to the definition in the journal, and what belongs beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aisteer.campaign.connect import Connection
from aisteer.campaign.stated import budget_json, rule_json, seconds, whole
from aisteer.campaign.tasks import ARM, RandomArm, Rule, Task, arm_json
from aisteer.errors import BadDefinition
from aisteer.problem.pool import Pool
from aisteer.problem.resources import Budget
from aisteer.problem.shipping import Shipment
from aisteer.steering.foreign_generators import ForeignMind

__all__ = ["MAIN", "Wanted", "add_arm", "define", "plain"]

Json = dict[str, Any]
MAIN = "main"
"""The name of the one task that the shorthand makes."""


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
    autonomy: Rule | None,
    budget: Budget | None,
    seed: int,
    hold: float,
) -> Wanted:
    """The definition of a new campaign.

    Raises:
        BadDefinition: A part of it cannot work.
    """
    seconds("hold", hold)
    whole("seed", seed, 0)
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
        add_arm(wanted, baseline)
    wanted.definition = plain(wanted.definition)
    return wanted


def add_arm(wanted: Wanted, arm: RandomArm) -> None:
    """Let a random arm stand beside the one task.

    Raises:
        BadDefinition: There are several, or one has its name.
    """
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


def opening(autonomy: Rule | None, budget: Budget | None) -> Json:
    """The autonomy and the budget that the campaign was opened with; later ones stand in the journal."""
    return {"autonomy": rule_json(autonomy), "budget": budget_json(budget)}


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
