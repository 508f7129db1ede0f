"""The budget: set, and held against what is accepted."""

from __future__ import annotations

from dataclasses import dataclass

from aisteer.errors import BudgetExceeded, Refused
from aisteer.journal import events as ev
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.events import Event, Json
from aisteer.journal.state import State

__all__ = ["SetBudget", "covered"]

_UNIT = "node-hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBudget(Command):
    budget: Json | None
    reason: str = ""


@handles(SetBudget)
def _set_budget(state: State, command: SetBudget, now: float) -> list[Event]:
    if command.budget == state.budget:
        return []
    unit, before = (
        budget.get("unit", _UNIT) if budget else None for budget in (command.budget, state.budget)
    )
    if unit is not None and unit != (before or _UNIT) and state.next_run > 1:
        raise Refused(
            f"The budget stays in {before or _UNIT}: {state.next_run - 1} runs are counted in it already. "
            f"Give the new budget in {before or _UNIT}, or take it away with campaign.budget = None.",
        )
    return [ev.BudgetChanged(budget=command.budget, reason=command.reason)]


def covered(state: State, name: str, cost: float, left: float) -> float:
    """What is ``left`` once ``cost`` is set aside for a proposal; ``BudgetExceeded`` where that is too much."""
    if state.budget is not None and cost > left + 1e-9:
        unit = state.budget.get("unit", "node-hours")
        raise BudgetExceeded(
            f"{name} needs {cost:g} {unit}, and {max(left, 0.0):g} of {state.budget['amount']:g} are left "
            f"({state.spent:g} spent, {state.totals.reserved:g} reserved by accepted runs). "
            "It was not accepted. Raise the budget with campaign.budget = …, or reject something that waits.",
            proposal=name,
            cost=cost,
            left=left,
        )
    return left - cost
