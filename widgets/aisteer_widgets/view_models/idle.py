"""Why no proposal waits, and what will change that."""

from __future__ import annotations

from typing import Any

from aisteer.journal.state import State
from aisteer.steering.thought import still_to_propose
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.status import NO_DRIVER, how_to_drive
from aisteer_widgets.view_models.tasks import task_names

__all__ = ["nothing_to_review"]

Json = dict[str, Any]
MANUAL = "manual"
OWN = "Press n to propose your own."


def nothing_to_review(scene: Scene) -> Json:
    """Why there is nothing to review, and what will change that."""
    state = scene.state
    if not state.active:
        begun = bool(state.runs or state.epoch)
        title = "The campaign is paused" if begun else "Ready to start"
        text = (
            "Live runs go on; nothing new is proposed or launched until you resume."
            if begun
            else "Start the campaign and the first proposals appear here for your decision. "
            "Nothing runs that was not accepted."
        )
        return {"title": title, "text": fmt.clip(state.pause_reason, 160) or text, "start": True}
    if not scene.driver:
        return {
            "title": "The campaign has no driver",
            "text": f"{NO_DRIVER} until {how_to_drive(state.name)}. Nothing is lost meanwhile.",
            "start": True,
        }
    if any(source.startswith("proposals of ") for source in state.troubles):
        return {"title": "The AI cannot propose now", "text": "The reason stands above.", "start": False}
    if state.budget is not None and state.remaining <= 0:
        return {
            "title": "The budget is spent",
            "text": "Raise it (click on it above; in a cell, campaign.budget = …), or propose nothing more: what is "
            "done is kept.",
            "start": False,
        }
    title, text = _decided(state)
    return {"title": title, "text": f"{text} {OWN}", "start": False}


def _decided(state: State) -> tuple[str, str]:
    """Where all is as it should be: what the AI waits for, or why it proposes no more."""
    tasks = state.definition.get("tasks", {})
    proposed = {n: tasks[n].get("runs") for n in task_names(state) if _policy(tasks[n]) != MANUAL}
    live = len(state.live) + len(state.accepted)
    coming = f"{fmt.count(live, 'run')} on the way"
    if not proposed:
        return "All decided", "Nobody proposes here but you."
    if all(_used_up(state, name, limit) for name, limit in proposed.items()):
        title = f"All {fmt.count(sum(proposed.values()), 'run')} are used"
        more = "runs=…" if len(task_names(state)) == 1 else "tasks=…"
        still = f"{coming} {'goes' if live == 1 else 'go'} on. " if live else ""
        return title, f"{still}The AI may propose no more; raise the limit with campaign.redefine({more})."
    if live:
        return "All decided", f"The AI proposes again as {coming} {'ends' if live == 1 else 'end'}."
    return "All decided", "The AI is looking at what is known; its proposals appear here."


def _policy(task: Json) -> str:
    return str((task.get("policy") or {}).get("name", ""))


def _used_up(state: State, task: str, limit: int | None) -> bool:
    """Whether a task's own limit of runs is reached; looks at the runs only when there are enough of them."""
    if limit is None or state.next_run + len(state.accepted) <= limit:
        return False
    return still_to_propose(state, task) == 0
