"""What a definition means where it says nothing: that of an older release lacks the keys that came later."""

from __future__ import annotations

from typing import Any

from aisteer.problem.resources import Resources
from aisteer.steering.thought import BATCH

__all__ = ["HOLD", "completed"]

Json = dict[str, Any]
HOLD = 3.0
"""Seconds that a human acceptance waits before it launches."""


def completed(definition: Json) -> Json:
    """The same definition with each key that it lacks as it is when nobody says anything.

    Keys that are empty (none, false, no text, no items) when nobody says anything may stay absent.
    """
    from aisteer.steering.rules import Ask

    seed = definition.get("seed", 0)
    opening = {"autonomy": Ask().to_json(), "budget": None, **(definition.get("opening") or {})}
    tasks = {name: _task(task, seed) for name, task in definition.get("tasks", {}).items()}
    return _with(definition, seed=seed, hold=HOLD) | {"opening": opening, "tasks": tasks}


def _task(task: Json, seed: int) -> Json:
    whole = _with(task, batch=BATCH, retries={"lost": 2}, seed=seed)
    whole["policy"] = _with(task.get("policy") or {}, name="bayesian", options={})
    whole["resources"] = _with(task.get("resources") or {}, **Resources().to_json())
    if task["simulation"].get("kind") == "command":
        whole["simulation"] = _with(task["simulation"], generator=True, stop_signal="TERM")
    return whole


def _with(said: Json, **usual: Any) -> Json:
    """What was said, in its order, and then what was not."""
    return {**said, **{key: value for key, value in usual.items() if key not in said}}
