"""What is expected of a proposal: each outcome's mean and band, beside the best so far and what it was edited from."""

from __future__ import annotations

from typing import Any

from aisteer.journal.events import STARTS
from aisteer.journal.state import Proposal
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.origin import aside
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Objective, Task, baselines

__all__ = ["expected"]

Json = dict[str, Any]


def expected(scene: Scene, task: Task, proposal: Proposal, parent: Proposal | None) -> Json | None:
    """The objective's prediction with what it is seen beside, or why there is none; nothing where nothing would run."""
    objective = task.objective
    if objective is None or proposal.action not in STARTS:
        return None
    guess = proposal.predicted.get(objective.outcome)
    if not guess:
        return {"term": "Expected", "text": _no_prediction(scene, proposal, task), "pending": True}
    mean, std = float(guess[0]), float(guess[1]) if len(guess) > 1 else 0.0
    best = scene.tally.best(proposal.task)
    unit = objective.shown_unit
    return {
        "term": fmt.label(objective.outcome) if len(proposal.predicted) > 1 else "Expected",
        "text": fmt.estimate(mean, std, unit),
        "band": fmt.band95(mean, std),
        "mean": mean,
        "half": fmt.Z95 * std,
        "others": _others(task, proposal),
        "best": best.value if best else None,
        "best_text": _best_so_far(scene, proposal.task, unit, std),
        "parent": _parent(objective, parent),
        "pending": False,
        **_axis(mean, std, best.value if best else None, _guess(objective, parent)),
    }


def _others(task: Task, proposal: Proposal) -> list[Json]:
    """What is predicted of the other outcomes, each with its 95 % band."""
    assert task.objective is not None
    found = []
    for name, guess in list(proposal.predicted.items())[:8]:
        if name == task.objective.outcome or len(guess) < 2:
            continue
        goal = next((g for g in task.objectives if g.outcome == name), None)
        unit = goal.shown_unit if goal else fmt.clip(task.unit_of(name), 24)
        mean, std = float(guess[0]), float(guess[1])
        found.append(
            {"term": fmt.label(name), "text": fmt.estimate(mean, std, unit), "band": fmt.band95(mean, std)}
        )
    return found


def _best_so_far(scene: Scene, task: str, unit: str, std: float) -> str:
    """To the digits of the prediction that it is seen beside."""
    best = scene.tally.best(task)
    if best is None:
        return ""
    where = ", ".join([best.run, *filter(None, [aside(scene, task)])])
    return f"best so far {fmt.moving(best.value, (0.0, std), unit)} ({where})"


def _no_prediction(scene: Scene, proposal: Proposal, task: Task) -> str:
    """Why there is none, and whether one will come."""
    if task.policy == "random":
        return "the random policy predicts nothing"
    if proposal.task not in scene.state.models:
        return (
            f"no prediction yet: the surrogate is fitted when three runs have ended{_so_few(scene, proposal)}"
        )
    return "prediction on its way…" if scene.driver else "no prediction yet: the campaign has no driver"


def _so_few(scene: Scene, proposal: Proposal) -> str:
    """How many have, where more runs are done than count."""
    counted = len(scene.tally.of(proposal.task))
    drawn = sum(len(scene.tally.of(task)) for task in baselines(scene.state) if task != proposal.task)
    if not drawn:
        return ""
    have = "none has" if not counted else f"{counted} {'has' if counted == 1 else 'have'}"
    arm = f"the {fmt.count(drawn, 'run')} of the random arm {'does' if drawn == 1 else 'do'} not count"
    return f"; {have} so far, as {arm}"


def _guess(objective: Objective, parent: Proposal | None) -> tuple[float, float] | None:
    guess = parent.predicted.get(objective.outcome) if parent is not None else None
    return (float(guess[0]), float(guess[1])) if guess and len(guess) > 1 else None


def _parent(objective: Objective, parent: Proposal | None) -> str:
    guess = _guess(objective, parent)
    whose = "the AI's point" if parent is not None and parent.origin == "ai" else "before the edit"
    return f"{whose} {fmt.estimate(*guess)}" if guess else ""


def _axis(mean: float, std: float, best: float | None, parent: tuple[float, float] | None) -> Json:
    """Where the small picture of the 95 % band begins and ends."""
    ends = [mean - fmt.Z95 * std, mean + fmt.Z95 * std]
    ends += [best] if best is not None else []
    ends += [parent[0] - parent[1], parent[0] + parent[1]] if parent else []
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or abs(high) * 0.05 or 1.0
    return {"low": low - room, "high": high + room}
