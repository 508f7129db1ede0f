"""Steering the AI while it runs: which settings there are, and what they may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aisteer.errors import BadParameters, Refused, UnknownName
from aisteer.journal import events as ev
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.events import Event, Json
from aisteer.journal.state import Proposal, State
from aisteer.problem.goals import Goals
from aisteer.problem.naming import did_you_mean
from aisteer.problem.regions import check_room, plain_boxes, plain_pins, ruled_out
from aisteer.problem.space import Space
from aisteer.problem.surrogate_names import surrogates_of

__all__ = ["SETTINGS", "Steer", "Unsteer", "checked", "objectives", "rules_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steer(Command):
    """Change settings of a task's AI; see ``events.Steered``.

    ``ruled_out`` are waiting proposals that the caller knows to be ruled out: the gate sees only for boxes which
    they are, as a pool's candidates lie outside the journal.
    """

    task: str
    change: Json
    reason: str = ""
    ruled_out: Sequence[str] = ()


@handles(Steer)
def _steer(state: State, command: Steer, now: float) -> list[Event]:
    space = space_of(state, command.task)
    change = command.change if space is None else checked(space, _task(state, command.task), command.change)
    settings = state.steering.get(command.task, {})
    change = {k: v for k, v in change.items() if settings.get(k) != v}
    if not change:
        return []
    steered = ev.Steered(task=command.task, change=change, reason=command.reason)
    return [steered, *_ruled_out(state, steered, command.ruled_out, space)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsteer(Command):
    """Take back the steering that stands at ``position``; refused once a later one changed the same settings."""

    task: str
    position: int
    reason: str = ""
    ruled_out: Sequence[str] = ()


@handles(Unsteer)
def _unsteer(state: State, command: Unsteer, now: float) -> list[Event]:
    _task(state, command.task)
    said = state.steered.get(command.task, {})
    change = {name: what["before"] for name, what in said.items() if what["position"] == command.position}
    if not change:
        raise Refused(
            "There is nothing of that steering to take back: what it set was changed since, or it is taken back "
            "already. Look at campaign.steering(), and set what you want with campaign.steer(…).",
            position=command.position,
        )
    steered = ev.Steered(task=command.task, change=change, reason=command.reason, undoes=command.position)
    return [steered, *_ruled_out(state, steered, command.ruled_out, space_of(state, command.task))]


def _ruled_out(state: State, steered: ev.Steered, named: Sequence[str], space: Space | None) -> list[Event]:
    """What takes waiting proposals of the AI back that the new settings leave no room for.

    Raises:
        BadParameters: They leave no room for anything.
    """
    settings = {**state.steering.get(steered.task, {}), **steered.change}
    if space is not None:
        check_room(space, settings)
    made: list[Event] = []
    for name in state.waiting:
        proposal = state.proposals[name]
        if proposal.task != steered.task or not _of_the_ai(proposal.origin, proposal.action):
            continue
        why = ruled_out(space, settings, proposal.parameters) if space is not None else ""
        if why or name in named:
            words = why or "the steering leaves it out"
            made.append(ev.ProposalWithdrawn(proposal=name, reason=words, rule="steering"))
    return made


def _of_the_ai(origin: str, action: str) -> bool:
    return origin in {"ai", "random"} and action == "start"


def rules_out(state: State, task: str) -> Callable[[Proposal | Any], bool]:
    """Whether the steering of a box leaves a draft of the AI out; thoughts take time, and it may be newer than they."""
    settings = state.steering.get(task, {})
    space = space_of(state, task) if {"pinned", "forbidden"} & settings.keys() else None
    if space is None:
        return lambda _: False
    return lambda draft: (
        _of_the_ai(draft.origin, draft.action) and bool(ruled_out(space, settings, draft.parameters))
    )


def _task(state: State, task: str) -> Json:
    tasks: Json = state.definition.get("tasks", {})
    if task not in tasks:
        raise UnknownName(
            f"There is no task {task!r} in {state.name!r}; there are {', '.join(tasks)}.", name=task
        )
    found: Json = tasks[task]
    return found


def space_of(state: State, task: str) -> Space | None:
    """The space of a task, where the definition holds all of it: it does for a box, not for a pool."""
    data = _task(state, task).get("space") or {}
    return Space.from_json(data) if data.get("kind") == Space.kind else None


# --- settings ---------------------------------------------------------------------------------


def checked(space: Any, definition: Json, change: Json) -> Json:
    """Settings as plain data; ``None`` stays, as it takes one back.

    Args:
        space: The space or pool.
        definition: The task's definition.
        change: Setting to value.

    Raises:
        BadParameters: There is no such setting, or it cannot have that value.
    """
    for name in change:
        if name not in SETTINGS:
            near = did_you_mean(str(name), SETTINGS)
            raise BadParameters(f"The AI has no setting {name!r} ({', '.join(SETTINGS)}).{near}", name=name)
    return {
        name: None if value is None else SETTINGS[name](space, definition, value)
        for name, value in change.items()
    }


def _bad(name: str, wanted: str, value: Any) -> BadParameters:
    return BadParameters(f"{name} must be {wanted}, not {value!r:.100}. Nothing was changed.", name=name)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _batch(space: Any, definition: Json, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 10_000:
        raise _bad("batch", "a whole number from 1 on: proposals that wait for a decision at once", value)
    return value


def _exploration(space: Any, definition: Json, value: Any) -> float:
    if not _finite(value) or value < 0:
        raise _bad("exploration", "a number from 0 (only what the mean promises) on; 1 is usual", value)
    return float(value)


def _trust_region(space: Any, definition: Json, value: Any) -> bool | float:
    if isinstance(value, bool) or value == "adaptive":
        return bool(value)
    if not _finite(value) or not 0 < value <= 1:
        raise _bad(
            "trust_region",
            'True or "adaptive", False, or its size as a share of each side, above 0 and at most 1',
            value,
        )
    return float(value)


def objectives(definition: Json) -> list[Json]:
    """All goals of a task, the first in front."""
    first = definition.get("objective")
    return list(definition.get("objectives") or ([first] if first else []))


def _weights(space: Any, definition: Json, value: Any) -> Json:
    names = [str(goal.get("outcome")) for goal in objectives(definition)]
    if not isinstance(value, dict) or not value:
        raise _bad("weights", "a number for each objective by its outcome", value)
    for name, weight in value.items():
        if name not in names:
            near = did_you_mean(str(name), names)
            raise BadParameters(
                f"No objective has the outcome {name!r} ({', '.join(names)}).{near}", name=name
            )
        if not _finite(weight) or weight < 0:
            raise _bad(f"The weight of {name}", "a finite number that is not negative", weight)
    if not any(value.get(name, 1) for name in names):
        raise _bad("weights", "above 0 for at least one objective", value)
    return {name: float(weight) for name, weight in value.items()}


def _acquisition(space: Any, definition: Json, value: Any) -> str:
    known = Goals.of(definition).acquisitions if definition.get("objective") else (value,)
    if not isinstance(value, str) or value not in known:
        near = did_you_mean(value, known) if isinstance(value, str) else ""
        raise BadParameters(
            f"acquisition must be one of {', '.join(map(str, known))} for this goal, not {value!r:.100}. "
            f"Nothing was changed.{near}",
            name="acquisition",
        )
    return value


def _surrogate(space: Any, definition: Json, value: Any) -> str:
    there = surrogates_of(definition)
    if value not in there:
        raise BadParameters(
            f"surrogate must be one of {', '.join(there)}, not {value!r:.100}. Nothing was changed. One of your own is "
            "code, so it comes with the definition: campaign.redefine(policy={'name': 'bayesian', 'options': "
            "{'surrogate': 'module:name'}}).",
            name="surrogate",
        )
    return str(value)


def _pinned(space: Any, definition: Json, value: Any) -> Json:
    return plain_pins(space, value)


def _boxes(what: str) -> Callable[[Any, Json, Any], list[Json]]:
    return lambda space, _, value: plain_boxes(space, value, what)


SETTINGS: dict[str, Callable[[Any, Json, Any], Any]] = {
    "batch": _batch,
    "acquisition": _acquisition,
    "surrogate": _surrogate,
    "exploration": _exploration,
    "trust_region": _trust_region,
    "weights": _weights,
    "pinned": _pinned,
    "forbidden": _boxes("forbidden"),
    "favoured": _boxes("favoured"),
}
"""Setting to what makes plain data of its value, given the space, the task's definition and the value."""
