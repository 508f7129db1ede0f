"""What the board asks of the AI itself, carried out by the calls that a cell would make; each answers in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aisteer.errors import Refused
from aisteer_widgets import minds, problems
from aisteer_widgets.ordered import text_of
from aisteer_widgets.taking import take
from aisteer_widgets.view_models.autonomy import earned, rule_named

__all__ = ["STEERING"]


def _autonomy(campaign: Any, order: Mapping[str, Any]) -> str:
    rule = rule_named(text_of(order, "value"))
    campaign.autonomy = rule
    return f"From now on: {rule}."


def _steer(campaign: Any, order: Mapping[str, Any]) -> str:
    change = order.get("change")
    if not isinstance(change, Mapping) or not change:
        raise Refused("Nothing was given to steer by. Nothing was changed.")
    steering = campaign.steer(text_of(order, "task") or None, reason=text_of(order, "reason"), **dict(change))
    return f"The AI is steered{_withdrawn(steering)}."


def _pin(campaign: Any, order: Mapping[str, Any]) -> str:
    """Pin further parameters, or release those whose value is ``None``; others stay pinned."""
    given = order.get("pins")
    pins = dict(given) if isinstance(given, Mapping) else {}
    task = text_of(order, "task") or None
    now = {**(campaign.steering(task).settings.get("pinned") or {}), **pins}
    kept = {name: value for name, value in now.items() if value is not None}
    steering = campaign.steer(task, reason=text_of(order, "reason"), pinned=kept or None)
    words = ", ".join(f"{name} {value}" for name, value in kept.items()) or "nothing"
    return f"Pinned: {words}{_withdrawn(steering)}."


def _unsteer(campaign: Any, order: Mapping[str, Any]) -> str:
    steering = campaign.steering(text_of(order, "task") or None).undo(text_of(order, "reason"))
    return f"The last steering is taken back{_withdrawn(steering)}."


def _withdrawn(steering: Any) -> str:
    names = ", ".join(steering.withdrawn[:8])
    return f"; withdrawn, as it leaves them out: {names}" if names else ""


def _mark(campaign: Any, order: Mapping[str, Any]) -> str:
    run = campaign.runs[text_of(order, "run")]
    if order.get("bad"):
        run.mark_bad(text_of(order, "reason"))
        return f"{run.id} is marked bad: it leaves the fit, and can be put back."
    run.unmark(text_of(order, "reason"))
    return f"{run.id} is in the fit again."


def _mark_data(campaign: Any, order: Mapping[str, Any]) -> str:
    data = campaign.data[text_of(order, "data")]
    if order.get("bad"):
        data.mark_bad(reason=text_of(order, "reason"))
        return f"{data.id} leaves the fit, and can be put back."
    data.unmark(reason=text_of(order, "reason"))
    return f"{data.id} is in the fit again."


def _rule(campaign: Any, order: Mapping[str, Any]) -> str:
    rule = earned(order)
    campaign.autonomy = rule
    return f"From now on: {rule}."


def _budget(campaign: Any, order: Mapping[str, Any]) -> str:
    """Another amount; its unit and what counts stay."""
    now, amount = campaign.budget, order.get("amount")
    if now is None:
        raise Refused(
            "The campaign has no budget that could be changed. Give it one in a cell: campaign.budget = …"
        )
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise Refused(f"Give an amount in {now.unit}. Nothing was changed.")
    words = campaign.redefine(reason=text_of(order, "reason"), budget=type(now)(amount, now.counts))
    return f"{'; '.join(words)}." if words else "That is how it stood before."


def _oversee(campaign: Any, order: Mapping[str, Any]) -> str:
    """What the AI is tested by, and when it proposes the end; a rule that is empty is none."""
    given = order.get("finish")
    finish = {
        n: v
        for n, v in (given if isinstance(given, Mapping) else {}).items()
        if (v is False if n == "failing" else v not in (None, "", False))
    }
    shares = {n: order[n] for n in ("audit", "counterfactual", "early_stopping") if order.get(n) is not None}
    task = text_of(order, "task") or None
    words = campaign.redefine(task=task, reason=text_of(order, "reason"), finish=finish or None, **shares)
    return f"{'; '.join(words)}." if words else "That is how it stood before."


STEERING: dict[str, Callable[[Any, Mapping[str, Any]], str]] = {
    "autonomy": _autonomy,
    "rule": _rule,
    "budget": _budget,
    "oversee": _oversee,
    "steer": _steer,
    "pin": _pin,
    "unsteer": _unsteer,
    "mark": _mark,
    "unmark": _mark,
    "mark_data": _mark_data,
    "mind": minds.choose,
    "unmind": minds.put_back,
    "take": take,
    "problem": problems.change,
    "unproblem": problems.put_back,
}
"""Verb to what does it, given the campaign and the order."""
