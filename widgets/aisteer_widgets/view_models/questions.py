"""What a viewer wants to know of the surrogate, as questions that the mind can be asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aisteer.journal.state import State
from aisteer_widgets.view_models.asked import At, Question
from aisteer_widgets.view_models.scene import Wishes
from aisteer_widgets.view_models.tasks import Parameter, Task, task_of

__all__ = ["axes_of", "best_waiting", "place_of", "questions", "view_of", "views_of"]

Json = dict[str, Any]


def views_of(state: State, task: Task, *, tested: bool) -> list[Json]:
    """The views of a task's surrogate, by name and label.

    Args:
        state: The campaign.
        task: The task.
        tested: Whether an outcome has come that had been predicted.
    """
    found: list[tuple[str, str]] = []
    fitted = task.name in state.models
    if fitted and task.pool:
        found.append(("pool", "All candidates"))
    elif fitted:
        found += [("map", "Map")] if len(task.parameters) > 1 else []
        found += [("slices", "Slices"), ("drives", "What drives it")]
    if fitted or tested:
        found.append(("tested", "Predicted and measured"))
    if tested:
        found.append(("calibration", "Calibration"))
    if len(task.objectives) > 1:
        found.append(("front", "Trade-off"))
    return [{"name": name, "label": label} for name, label in found]


def view_of(state: State, wishes: Wishes, *, tested: bool = True) -> str:
    """The view that is shown: the wished one where the task has it, else the first."""
    names = [v["name"] for v in views_of(state, task_of(state, wishes.task), tested=tested)]
    return wishes.belief if wishes.belief in names else (names[0] if names else "")


def axes_of(task: Task, wishes: Wishes) -> tuple[str, str]:
    """The parameters along a map's axes: as wished, else the first two numbers, else the first two."""
    numbers = [p.name for p in task.parameters.values() if p.kind in {"float", "int"}]
    order = [*numbers, *(n for n in task.parameters if n not in numbers)]
    x = wishes.belief_x if wishes.belief_x in task.parameters else order[0]
    others = [n for n in order if n != x]
    y = wishes.belief_y if wishes.belief_y in others else others[0]
    return x, y


def place_of(task: Task, wishes: Wishes, without: Iterable[str] = ()) -> At:
    """Where the viewer has put the parameters; what is no value of one is left out."""
    left_out = set(without)
    found = []
    for name, parameter in task.parameters.items():
        value = _held(parameter, wishes.belief_at.get(name))
        if value is not None and name not in left_out:
            found.append((name, value))
    return tuple(found)


def _held(parameter: Parameter, value: Any) -> Any:
    """A value within the parameter's bounds; none where it is no value of it."""
    if parameter.kind == "choice":
        return next(
            (o for o in parameter.choices if o == value and isinstance(o, bool) == isinstance(value, bool)),
            None,
        )
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or parameter.low is None
        or parameter.high is None
    ):
        return None
    held = min(max(float(value), parameter.low), parameter.high)
    return round(held) if parameter.kind == "int" else held


def questions(state: State, wishes: Wishes, shows: Iterable[str], *, tested: bool) -> list[Question]:
    """What is needed for a picture, the most urgent first."""
    shown, found = set(shows), []
    if "belief" in shown or "review" in shown:
        found += _of_own(state, wishes)
    if "belief" in shown:
        found += _of_view(state, wishes, view_of(state, wishes, tested=tested))
    if "review" in shown:
        found += _of_next(state, wishes)
    return found


def _of_view(state: State, wishes: Wishes, view: str) -> list[Question]:
    task = task_of(state, wishes.task)
    if task.name not in state.models:
        return []
    if view == "map":
        names = axes_of(task, wishes)
        return [Question(task.name, "map", names, place_of(task, wishes, names))]
    if view == "slices":
        return [Question(task.name, "slices", (), place_of(task, wishes))]
    return [Question(task.name, view)] if view in {"drives", "tested", "pool"} else []


def _of_own(state: State, wishes: Wishes) -> list[Question]:
    """The candidate that the viewer is about to propose, once all of its values are there."""
    name, values = wishes.own_task or wishes.task, wishes.own
    task = task_of(state, name)
    wanted = [task.key] if task.pool else list(task.parameters)
    if not wanted or name not in state.models or any(values.get(n) in (None, "") for n in wanted):
        return []
    best = best_waiting(state, name)
    return [Question(name, "own", (), tuple((n, values[n]) for n in wanted), (best,) if best else ())]


def best_waiting(state: State, task: str) -> str:
    """The AI's own proposal of a task that waits and that it ranks first; empty where none waits."""
    mine = [state.proposals[n] for n in state.waiting]
    mine = [
        p for p in mine if p.task == task and p.origin == "ai" and p.action == "start" and p.parent is None
    ]
    told = [p for p in mine if p.predicted] or mine
    best = min(told, key=lambda p: (p.rank or 10**9, int(p.id[1:])), default=None)
    return best.id if best is not None else ""


def _of_next(state: State, wishes: Wishes) -> list[Question]:
    """What would come if the proposal that is looked at were rejected; anew where others wait or run by then."""
    proposal = state.proposals.get(wishes.looked)
    if (
        proposal is None
        or proposal.state != "waiting"
        or proposal.origin != "ai"
        or proposal.action != "start"
    ):
        return []
    if proposal.task not in state.models:
        return []
    beside = [n for n in (*state.waiting, *state.accepted) if state.proposals[n].task == proposal.task]
    return [
        Question(proposal.task, "next", (), (), (proposal.id, *beside[:40], f"of {len(state.runs)} runs"))
    ]
