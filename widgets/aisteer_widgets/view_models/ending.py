"""A proposal to end: each rule's evidence in numbers with units, and what either answer would do."""

from __future__ import annotations

from typing import Any

from aisteer.journal.events import STARTS
from aisteer.journal.state import Proposal, State
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.autonomy import words_of_rule
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Task, baselines, task_names

__all__ = ["ending", "held_back"]

Json = dict[str, Any]


def ending(scene: Scene, task: Task, proposal: Proposal) -> Json | None:
    """The card of a proposal to end; nothing for any other."""
    if proposal.action != "finish":
        return None
    rows = [row for reason in proposal.reasons if (row := _row(scene, task, reason)) is not None]
    return {
        "rows": rows,
        "best": _best(scene, task),
        "accept": "End the task" if _others_go_on(scene.state, proposal.task) else "End the campaign",
        "reject": "Go on\u2026",
        "words": _words(scene, proposal),
    }


def _row(scene: Scene, task: Task, reason: Json) -> Json | None:
    """What a rule saw: ``term``, ``text`` in numbers, and ``asked``: the rule itself."""
    made = _ROWS.get(str(reason.get("rule", "")))
    row = made(scene, task, reason) if made is not None else None
    if row is not None:
        return row
    words = fmt.clip(reason.get("words") or "", 300)
    return {"term": "Because", "text": words, "asked": ""} if words else None


def _stagnation(scene: Scene, task: Task, reason: Json) -> Json | None:
    del scene, task
    since, bound, best = reason.get("since"), reason.get("bound"), reason.get("best_run")
    if not isinstance(since, int) or not isinstance(bound, int):
        return None
    whose = f" than {fmt.clip(best, 12)}" if best else ""
    return {
        "term": "Stagnation",
        "text": f"the last {fmt.count(since, 'run')} no better{whose}, beyond their standard errors",
        "asked": f"you asked to be told from {bound:,} on",
    }


def _gain(scene: Scene, task: Task, reason: Json) -> Json | None:
    per, bound = reason.get("per_cost"), reason.get("bound")
    gain, cost = reason.get("gain"), reason.get("cost")
    numbers = (per, bound, gain, cost)
    if not all(isinstance(n, int | float) for n in numbers) or task.objective is None:
        return None
    per, bound, gain, cost = (float(n) for n in numbers if isinstance(n, int | float))
    counted = str(reason.get("unit") or "unit of cost").removesuffix("s")
    if counted == "run":
        text = f"at most {_of(task, gain)} from another run"
    else:
        text = f"at best {_of(task, per)} per {counted}: {_of(task, gain)} from a run of {fmt.cost(cost, scene.unit)}"
    return {
        "term": "Expected gain",
        "text": text,
        "asked": f"you asked to be told below {_of(task, bound)} per {counted}",
    }


def _of(task: Task, value: float) -> str:
    """A gain with its unit; of several objectives it is of the hypervolume, whose unit nobody reads."""
    unit = task.objective.unit if task.objective is not None and len(task.objectives) == 1 else ""
    return fmt.quantity(value, f"× {unit}" if unit[:1].isdigit() else unit, 2)


def _budget(scene: Scene, task: Task, reason: Json) -> Json | None:
    del task
    left, cost = reason.get("left"), reason.get("cost")
    if not isinstance(left, int | float) or not isinstance(cost, int | float):
        return None
    return {
        "term": "Budget",
        "text": f"{fmt.cost(left, scene.unit)} left; a run is estimated at {fmt.cost(cost, scene.unit)}",
        "asked": "you asked to be told when it covers no further run",
    }


_ROWS = {"stagnation": _stagnation, "gain_below": _gain, "budget": _budget}


def _best(scene: Scene, task: Task) -> str:
    """What the campaign would end with."""
    best = scene.tally.best(task.name) if task.has_best else None
    if best is None or task.objective is None:
        return ""
    ended = fmt.count(len(scene.tally.of(task.name)), "run")
    return f"{fmt.estimate(best.value, best.error, task.objective.shown_unit)} in {best.run}, of {ended}"


def _others_go_on(state: State, task: str) -> bool:
    """Whether other tasks would go on."""
    return any(name not in {task, *state.finished} for name in task_names(state))


def _words(scene: Scene, proposal: Proposal) -> str:
    """What happens meanwhile, and by either answer."""
    state = scene.state
    live = sum(1 for name in state.live if state.runs[name].task == proposal.task)
    runs = f"{fmt.count(live, 'live run')} {'goes' if live == 1 else 'go'} on. " if live else ""
    meanwhile = "Until you decide, no rule begins another run. " if _rules(state, proposal.task) else ""
    arm = " and the random arm" if baselines(state) else ""
    done = (
        "this task proposes no more"
        if _others_go_on(state, proposal.task)
        else f"the campaign{arm} is paused and can be started again"
    )
    return f"{runs}{meanwhile}End it, and {done}; go on, and you are asked again only after more runs."


def _rules(state: State, task: str) -> bool:
    """Whether some rule could decide without a human."""
    rule = state.definition.get("tasks", {}).get(task, {}).get("autonomy") or state.autonomy
    return bool(rule) and words_of_rule(rule) != "ask"


def held_back(state: State, proposal: Proposal) -> list[str]:
    """Why no rule accepts a proposal now, where that is since another one proposes the end."""
    name = state.ending(proposal.task) if proposal.action in STARTS else ""
    if not name or not _rules(state, proposal.task):
        return []
    return [f"no rule accepts it before you have decided on {name}, which proposes the end"]
