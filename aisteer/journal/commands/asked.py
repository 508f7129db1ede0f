"""What the AI's proposals answer, and whether that is still asked: thoughts take time, and a human may be faster."""

from __future__ import annotations

from aisteer.journal.events import Json
from aisteer.journal.state import State

__all__ = ["no_longer_asked", "otherwise"]

_ASKED = {
    "goal": ("objective", "objectives", "feasible"),
    "policy": ("policy",),
    "space": ("space",),
}
"""By what it is called, the keys of a task."""


def otherwise(old: Json, new: Json, action: str = "start") -> list[str]:
    """What a task asks otherwise than it did, in words; empty where a proposal for ``old`` still answers ``new``.

    Args:
        old: The task's definition that was answered.
        new: The one that holds.
        action: Of the proposal.
    """
    changed = [word for word, keys in _ASKED.items() if any(old.get(key) != new.get(key) for key in keys)]
    if action == "finish" and old.get("finish") != new.get("finish"):
        changed.append("rule for the end")
    return changed


def no_longer_asked(state: State, task: str, asked: Json | None, action: str = "start") -> bool:
    """Whether a thought about a task comes too late: the task is gone, or asks something else by now.

    Args:
        state: The state at the head of the journal.
        task: The task.
        asked: Its definition when the thought began; ``None`` where nobody says.
        action: Of what is proposed.
    """
    if asked is None:
        return False
    now = state.definition.get("tasks", {}).get(task)
    return now is None or (now is not asked and bool(otherwise(asked, now, action)))
