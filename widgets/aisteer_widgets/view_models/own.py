"""What is expected of a candidate before it is proposed, beside the AI's best that waits."""

from __future__ import annotations

from typing import Any

from aisteer.steering.rank import ranked
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.questions import questions
from aisteer_widgets.view_models.reasons import words_of
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import Task, task_of

__all__ = ["own"]

Json = dict[str, Any]


def own(scene: Scene, wishes: Wishes) -> Json:
    """The preview of what is typed: empty while nothing is; words while it is not known."""
    if not wishes.own:
        return {}
    name = wishes.own_task or wishes.task
    values = {k: v for k, v in wishes.own.items() if v not in (None, "")}
    told: Json = {"values": values, "task": name, "columns": [], "words": "", "busy": False}
    asked = [q for q in questions(scene.state, wishes, ("review",), tested=True) if q.view == "own"]
    if not asked:
        return told | {"words": _why_not(scene, name)}
    known = scene.beliefs.get(asked[0])
    if known is None:
        driven = bool(scene.driver and scene.health)
        return told | {
            "busy": driven,
            "words": "" if driven else "The surrogate lives in the process that drives the campaign.",
        }
    if "refused" in known:
        return told | {"words": fmt.clip(known["refused"], 300), "bad": True}
    task = task_of(scene.state, name)
    heads = ["Your candidate", *(f"{n}, the AI’s best that waits" for n in known["about"])]
    return told | {"columns": [_column(task, h, t) for h, t in zip(heads, known["told"], strict=True)]}


def _why_not(scene: Scene, task: str) -> str:
    if task not in scene.state.models:
        return "Nothing is predicted yet: the surrogate is fitted when three runs have ended."
    return "Give all of its values to see what is expected."


def _column(task: Task, head: str, told: Json) -> Json:
    words = words_of(told.get("reasons") or (), task)
    rows = []
    for goal in task.objectives:
        guess = (told.get("predicted") or {}).get(goal.outcome)
        if guess:
            mean, std = float(guess[0]), float(guess[1])
            rows.append(
                {
                    "term": fmt.label(goal.outcome),
                    "text": fmt.estimate(mean, std, goal.shown_unit),
                    "more": fmt.band95(mean, std),
                }
            )
    rows += [{"term": r["term"], "text": r["text"], "more": ""} for r in words.risks]
    if words.acquisition:
        parts = "{} exploit + {} explore".format(*words.split["parts"]) if words.split else ""
        rows.append({"term": "Acquisition", "text": words.acquisition, "more": parts})
    noun = "candidate" if task.pool else "sampled candidate"
    if place := ranked(told.get("rank"), told.get("of"), noun):
        rows.append({"term": "Rank", "text": place, "more": ""})
    return {"head": head, "rows": rows, "nearest": words.nearest, "warnings": words.warnings}
