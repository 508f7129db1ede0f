"""What can be asked of a run, and why not where it cannot."""

from __future__ import annotations

from typing import Any

from aisteer.journal.state import Control, Run
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Task
from aisteer_widgets.view_models.trace import Trace

__all__ = ["STUCK", "asked", "can_follow", "controls"]

Json = dict[str, Any]
STUCK = {"failed", "lost"}
"""Ends that offer another try."""


def asked(run: Run) -> str:
    """A control that has not been answered: it is asked, not done."""
    open_controls: list[Control] = [c for c in run.controls if not c.answer]
    if not open_controls or run.state == "ended":
        return ""
    last = open_controls[-1]
    return {
        "stop": "stop requested…",
        "pause": "pause requested…",
        "withdraw": "withdrawal requested…",
        "set": "change requested…",
    }.get(last.verb, f"{fmt.clip(last.verb, 20)} requested…")


def can_follow(run: Run) -> bool:
    """Whether something can be asked of a run that has ended."""
    return run.end in {"done", "partial", "failed", "lost"}


def controls(scene: Scene, task: Task, run: Run, trace: Trace | None = None) -> list[Json]:
    """What can be asked of a run; each says why where it cannot."""
    blocked = scene.read_only
    ended = run.state == "ended"
    waits = "It was asked already; the run has not answered yet." if asked(run) else ""
    checkpoint = (trace.checkpoint if trace else "") or next(
        (a.checkpoint for a in run.attempts if a.checkpoint), ""
    )
    none = "This simulation writes no checkpoints, so there is nothing to continue from."
    not_yet = f"{run.id} has written no checkpoint yet." if not checkpoint else ""
    made = []
    if ended:
        if run.end in STUCK:
            made.append(_control("retry", "Retry…", blocked))
        if task.checkpoint and run.end != "failed":
            made.append(_control("extend", "Extend…", blocked or not_yet))
            made.append(_control("branch", "Branch…", blocked or not_yet))
        if run.bad:
            made.append(_control("unmark", "Put back", blocked, "Its outcome is in the fit again"))
        elif run.outcome and run.end == "done":
            made.append(
                _control("mark", "Mark bad…", blocked, "Its outcome leaves the fit; it can be put back")
            )
        return made
    if run.state == "paused":
        made.append(_control("resume", "Resume", blocked))
        made.append(_control("stop", "Stop", blocked, "It ends with what it has so far."))
    else:
        stop = (
            ""
            if task.generator
            else "This simulation gives no control back while it runs; stop ends its process."
        )
        made.append(_control("stop", "Stop", blocked or waits, stop))
        made.append(_control("pause", "Pause", blocked or waits or ("" if task.checkpoint else none)))
    extend = (
        "" if task.controls else "It takes no new values while it runs: a simulation reads them from `yield`."
    )
    made.append(
        _control(
            "extend",
            "Extend…",
            blocked or (extend if run.live else "") or ("" if task.checkpoint or run.live else none),
        )
    )
    made.append(_control("branch", "Branch…", blocked or ("" if task.checkpoint else none) or not_yet))
    return made


def _control(verb: str, label: str, blocked: str, title: str = "") -> Json:
    return {"verb": verb, "label": label, "blocked": fmt.clip(blocked, 200), "title": title}
