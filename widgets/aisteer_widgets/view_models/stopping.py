"""A proposal to stop a run: its curve so far, where that leads, what it has to beat, and how such sayings held."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

from aisteer.journal.state import Proposal
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.tasks import Task

__all__ = ["stopping"]

Json = dict[str, Any]
_POINTS = 64


def stopping(task: Task, proposal: Proposal) -> Json | None:
    """The card of a stop that the AI proposes; nothing for any other proposal."""
    reason = next((r for r in proposal.reasons if r.get("kind") == "early_stop"), None)
    objective = task.objective
    if proposal.action != "stop" or reason is None or objective is None:
        return None
    end = _end(reason, objective.shown_unit)
    return {
        "accept": f"Stop {proposal.run}",
        "reject": "Let it go on\u2026",
        "end": end,
        "curve": _curve(reason, end, objective.outcome),
        "rows": _rows(reason, objective.outcome),
    }


def _end(reason: Json, unit: str) -> Json | None:
    """Where it leads: the predicted final outcome, beside the best run."""
    final = reason.get("final") or []
    if len(final) != 2 or not all(_is_number(value) for value in final):
        return None
    mean, std = (float(value) for value in final)
    best = float(reason["best"]) if _is_number(reason.get("best")) else None
    ends = [mean - fmt.Z95 * std, mean + fmt.Z95 * std, *([] if best is None else [best])]
    room = 0.06 * (max(ends) - min(ends)) or abs(mean) * 0.05 or 1.0
    run = fmt.clip(reason.get("best_run") or "", 24)
    return {
        "text": fmt.estimate(mean, std, unit),
        "band": fmt.band95(mean, std),
        "mean": mean,
        "half": fmt.Z95 * std,
        "best": best,
        "best_text": f"{_best(reason)} {fmt.quantity(best, unit)} ({run})"
        if best is not None and run
        else "",
        "low": min(ends) - room,
        "high": max(ends) + room,
    }


def _best(reason: Json) -> str:
    return "best so far, by the surrogate," if reason.get("believed") else "best so far"


def _curve(reason: Json, end: Json | None, outcome: str) -> Json | None:
    """What it has shown; its end and the best stand beside it where they are of the same quantity."""
    points = [
        p for p in (reason.get("curve") or [])[:_POINTS] if len(p) == 2 and all(_is_number(v) for v in p)
    ]
    if len(points) < 2:
        return None
    shown = str(reason.get("shown") or "")
    same = shown == outcome and end is not None
    count, length = int(reason.get("count") or 0), int(reason.get("length") or 0)
    return {
        "points": points,
        "length": max(length, count),
        "name": fmt.label(shown),
        "end": end if same else None,
        "label": f"{fmt.label(shown)} over {count} observations of about {length}",
    }


def _rows(reason: Json, outcome: str) -> list[Json]:
    chance, bound = reason.get("chance"), reason.get("bound")
    rows: list[Json] = []
    if _is_number(chance) and _is_number(bound):
        run = fmt.clip(reason.get("best_run") or "", 24)
        what = f"that it beats {run}" if run else "that it adds to the front"
        told = f"below {_percent(0.001)}" if chance < 0.001 else _percent(chance)
        rows.append({"term": "Chance", "text": f"{told} {what}; a stop is proposed below {_percent(bound)}"})
    learned, observed = reason.get("learned"), str(reason.get("observed") or "")
    if learned:
        read = (
            f"the {fmt.label(observed)} seen so far"
            if observed
            else f"what was predicted of {fmt.label(outcome)}"
        )
        rows.append(
            {
                "term": "Learned from",
                "text": f"how {fmt.count(int(learned), 'finished run')} went on, by {read}",
            }
        )
    held = fmt.clip((reason.get("held") or {}).get("words") or "", 400)
    return [*rows, *([{"term": "Has held", "text": held}] if held else [])]


def _percent(share: float) -> str:
    """With a digit where it is small: rules compare chances of a hundredth."""
    return f"{fmt.number(100 * share, 2)}{fmt.NARROW}%"


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
