"""What decisions brought: how often the AI was followed, how predictions held, each edit beside what it replaced."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from aisteer.steering.hindsight import Followed, hindsight
from aisteer.surrogates.calibration import LEVEL, Coverage
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.points import change
from aisteer_widgets.view_models.rates import rate
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import Task, task_of

__all__ = ["looked_back", "made_of"]

Json = dict[str, Any]
EDITS = 12
"""Edits that are listed, the latest first."""


def looked_back(scene: Scene, wishes: Wishes) -> Json:
    """The analysis of the ledger; empty while nobody has it open, since all of the ledger is read for it."""
    task = task_of(scene.state, wishes.task)
    if not wishes.hindsight or task.objective is None:
        return {}
    found = hindsight(scene.state, task.name)
    rates = [
        _followed("Humans took the AI's proposals as they were", found.by_humans),
        _followed("Rules took the AI's proposals as they were", found.by_rules),
        _held("Predictions held where the AI chose", found.ai),
        _held("Predictions held where humans chose", found.humans),
    ]
    edits = found.edits[: -EDITS - 1 : -1]
    return {
        "rates": [rate for rate in rates if rate is not None],
        "outcome": fmt.label(found.outcome, task.objective.unit),
        "edits": [_edit(task, edit) for edit in edits],
        "more": f"the latest {EDITS} of {len(found.edits):,} edits" if len(found.edits) > EDITS else "",
        "effect": fmt.clip(found.words[-1], 300) if found.edits and found.words else "",
        "empty": "" if any(rates) else "Nothing has been decided on the AI's proposals of this task yet.",
    }


def made_of(scene: Scene, wishes: Wishes) -> Hashable:
    """What it is made of, in short: it is not made anew before something of that has changed."""
    state = scene.state
    fitted = state.models.get(wishes.task)
    decided = state.next_proposal, len(state.waiting), fitted.model if fitted else -1
    counted = scene.tally.version, scene.tally.behind, id(state.definition)
    return (wishes.hindsight, wishes.task, *decided, *counted)


def _followed(term: str, told: Followed) -> Json | None:
    if told.rate is None:
        return None
    of = told.accepted + told.edited + told.rejected
    more = f"{told.edited:,} edited, {told.rejected:,} rejected"
    return rate(term, told.accepted, of, (told.low, told.high), None) | {"more": more}


def _held(term: str, told: Coverage) -> Json | None:
    if not told.of:
        return None
    said = "over-confident" if told.high < LEVEL else "too cautious" if told.low > LEVEL else ""
    return rate(term, told.inside, told.of, (told.low, told.high), LEVEL) | {"more": said}


def _edit(task: Task, edit: Json) -> Json:
    """The AI's pick and the human's, each predicted and, where it ran, actual."""
    assert task.objective is not None
    drawn = "drawn by chance to run beside it" if edit["drawn"] else ""
    return {
        "id": edit["proposal"],
        "parent": edit["parent"],
        "by": fmt.clip(edit["by"] or "", 40),
        "reason": fmt.clip(edit["reason"] or "", 120),
        "changed": _changed(task, edit["ai_parameters"], edit["parameters"]),
        "ai_predicted": _estimate(edit["ai_mean"], edit["ai_std"]),
        "predicted": _estimate(edit["predicted_mean"], edit["predicted_std"]),
        "outcome": _estimate(edit["outcome"], edit["standard_error"]),
        "run": edit["run"] or "",
        "ai_outcome": _estimate(edit["ai_outcome"], edit["ai_error"]),
        "ai_run": edit["ai_run"] or "",
        "drawn": drawn,
    }


def _estimate(value: float | None, error: float | None) -> str:
    return "" if value is None else fmt.estimate(float(value), float(error or 0.0))


def _changed(task: Task, old: Json, new: Json) -> str:
    """What the human changed: ``temperature 1,640 K → 1,200 K``."""
    changes = ((name, *change(task, name, old.get(name), value)) for name, value in new.items())
    parts = [f"{fmt.label(name)} {before} → {after}" for name, before, after in changes if before]
    return fmt.clip(", ".join(parts[:4]), 160)
