"""The budget: set, and held against what is accepted."""

from __future__ import annotations

from dataclasses import dataclass

from aisteer.errors import BudgetExceeded, Refused
from aisteer.journal import events as ev
from aisteer.journal.commands.command import Command, handles
from aisteer.journal.events import Event, Json
from aisteer.journal.state import State
from aisteer.problem.resources import in_unit

__all__ = ["SetBudget", "budget_changed", "covered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBudget(Command):
    budget: Json | None
    reason: str = ""


@handles(SetBudget)
def _set_budget(state: State, command: SetBudget, now: float) -> list[Event]:
    return budget_changed(state, command.budget, command.reason)


def budget_changed(state: State, budget: Json | None, reason: str) -> list[Event]:
    """What setting the budget leads to; ``Refused`` where what was spent cannot be counted in its unit."""
    if budget == state.budget:
        return []
    unit = state.unit if budget is None else budget.get("unit", state.unit)
    if unit != state.unit and state.next_run > 1:
        ran = "one run" if state.next_run == 2 else f"{state.next_run - 1} runs"
        raise Refused(
            f"The budget cannot be in {unit}: the cost of {ran} is counted in {state.unit} already, and one "
            f"cannot be turned into the other. Nothing was changed. Give the budget in {state.unit}.",
            unit=state.unit,
        )
    return [ev.BudgetChanged(budget=budget, reason=reason)]


def covered(state: State, name: str, cost: float, left: float) -> float:
    """What is ``left`` once ``cost`` is set aside for a proposal; ``BudgetExceeded`` where that is too much."""
    if state.budget is not None and cost > left + 1e-9:
        counts, unit = state.budget.get("counts", "used"), state.unit
        raise BudgetExceeded(
            f"{name} needs {in_unit(cost, unit)}, and {max(left, 0.0):g} of {state.budget['amount']:g} are left "
            f"({state.spent:g} {counts}, {state.reserved:g} reserved by accepted runs). It was not accepted. Raise the "
            "budget (on the board, click on it; in a cell, campaign.budget = …), or reject something that waits.",
            proposal=name,
            cost=cost,
            left=left,
        )
    return left - cost
