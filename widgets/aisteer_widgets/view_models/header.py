"""The board's head: what the campaign is, where it runs, what it has spent, who decides."""

from __future__ import annotations

from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.autonomy import autonomy
from aisteer_widgets.view_models.place import CHARGED, has_blocks, place
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import task_names, task_of

__all__ = ["header"]

Json = dict[str, Any]


def header(scene: Scene, task: str) -> Json:
    """The head as data. ``task`` is the one that the views show."""
    state = scene.state
    names = task_names(state)
    return {
        "name": fmt.clip(state.name, 60),
        "full_name": fmt.clip(state.name, 600),
        "objective": task_of(state, task).goal,
        "again": scene.again,
        "task": task,
        "tasks": [{"name": n, "label": fmt.label(n)} for n in names] if len(names) > 1 else [],
        "endpoints": _endpoints(scene, names),
        "budget": _budget(scene, names),
        "autonomy": autonomy(state.autonomy, scene.read_only),
        "action": _action(scene),
    }


def _endpoints(scene: Scene, names: list[str]) -> list[Json]:
    """One entry per endpoint address, however many tasks share it."""
    seen: dict[str, Json] = {}
    for name in names:
        address = task_of(scene.state, name).endpoint or "local"
        health = scene.health.get(name)
        if address not in seen:
            seen[address] = place(address, health, scene)
    return list(seen.values())


def _budget(scene: Scene, names: list[str]) -> Json | None:
    state = scene.state
    if state.budget is None:
        return None
    amount, unit = float(state.budget["amount"]), scene.unit
    reserved, left = state.reserved, state.remaining
    whole = max(amount, state.spent + reserved, 1e-12)
    blocks = any(has_blocks(task_of(state, name).endpoint or "") for name in names)
    counted = unit.removesuffix("s") if amount == 1 else unit
    counts = {
        "used": "used by runs",
        "charged": "charged (used by runs, where the endpoint reports no charge of its own)",
        "estimated": "estimated",
    }
    kind = counts.get(str(state.budget.get("counts", "used")), "used")
    return {
        "label": f"{_amount(state.spent, amount)} of {fmt.quantity(amount, counted)}",
        "amount": amount,
        "unit": unit,
        "spent": state.spent / whole,
        "reserved": max(reserved, 0.0) / whole,
        "low": left < 0.1 * amount,
        "title": (
            f"{fmt.cost(state.spent, unit)} {kind}, {fmt.cost(max(reserved, 0.0), unit)} reserved "
            f"by accepted runs, {fmt.cost(max(left, 0.0), unit)} left"
            + (f". {CHARGED}" if unit == "node-hours" and blocks else "")
        ),
    }


def _amount(spent: float, amount: float) -> str:
    """What is spent, to the precision that the whole budget deserves."""
    if not spent:
        return "0"
    return fmt.number(spent, 3) if spent >= amount / 1000 else f"<{fmt.number(amount / 1000, 1)}"


def _action(scene: Scene) -> Json:
    """The one large button: start, resume or pause."""
    state = scene.state
    begun = bool(state.runs or state.epoch)
    if state.active and scene.driver:
        return _button(
            "pause", "Pause campaign", scene.read_only, "No new proposal, no launch; live runs go on"
        )
    if state.active:
        return _button(
            "start",
            "Drive campaign",
            scene.read_only,
            "It is started but has no driver: nothing launches until a process drives it",
        )
    label = "Resume campaign" if begun else "Start campaign"
    why = "Proposals are made and accepted ones launch"
    return _button("start", label, scene.read_only, why)


def _button(verb: str, label: str, blocked: str, title: str) -> Json:
    return {"verb": verb, "label": label, "blocked": fmt.clip(blocked, 300), "title": title}
