"""The runs that no other run beats in all objectives, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aisteer.campaign.columns import spread
from aisteer.errors import NotSupported
from aisteer.problem.frames import data_frame
from aisteer.problem.goals import Goals

if TYPE_CHECKING:
    import pandas as pd

    from aisteer.campaign.campaign import Campaign

__all__ = ["pareto"]


def pareto(campaign: Campaign, task: str | None = None) -> pd.DataFrame:
    """One row for each run on the front: its outcomes, their errors and its parameters; see ``Campaign.pareto``."""
    from aisteer.steering.ledger import on_front

    name = campaign.task_named(task)
    campaign.journal.refresh()
    with campaign.journal.lock:
        state = campaign.journal.state
        goals = Goals.of(state.definition["tasks"][name])
        if not goals.several:
            raise NotSupported(
                f"The task {name!r} has one goal, to {goals.words}, so there is no front; "
                "campaign.runs.frame() has its runs. Give objective=[…] for several."
            )
        runs = [state.runs[run] for run in on_front(state, name)]
    rows: list[dict[str, Any]] = []
    for run in runs:
        row: dict[str, Any] = {"run": run.id}
        for outcome in goals.outcomes:
            value, error = run.outcome[outcome]
            spread(row, {outcome: value, f"{outcome} error": error or None})
        rows.append(spread(row, run.parameters))
    rows.sort(key=lambda row: -goals.first.worth(row[goals.first.outcome]))
    return data_frame(rows, index="run")
