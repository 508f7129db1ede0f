"""What becomes of a table of one's own: shown first, then results for the AI, or points to decide on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aisteer.errors import BadParameters
from aisteer_widgets.ordered import text_of
from aisteer_widgets.tables import POINTS, RESULTS, Checked, Column, check
from aisteer_widgets.view_models import format as fmt

__all__ = ["preview", "take"]

Json = dict[str, Any]
SAMPLE = 5
"""Rows that the preview shows."""
FAULTS = 12
"""Rows that do not fit that it names."""


def preview(campaign: Any, task: str, text: str) -> Json:
    """What would become of a table, as the board shows it."""
    made = check(campaign, task, text)
    if made.wrong:
        return {"wrong": fmt.clip(made.wrong, 500)}
    purpose = RESULTS if made.named("outcome") else POINTS
    return {
        "wrong": "",
        "rows": len(made.lines),
        "columns": [_column(made, column) for column in made.columns],
        "sample": [_shown(made, i) for i in range(min(SAMPLE, len(made.lines)))],
        "purpose": purpose,
        "no_results": "" if made.named("outcome") else "The table has no column of an outcome.",
        RESULTS: _told(made, RESULTS),
        POINTS: _told(made, POINTS),
    }


def _column(made: Checked, column: Column) -> Json:
    values = made.values.get(column.name, []) if column.role else []
    numbers = any(isinstance(v, float | int) for v in values)
    return {
        "head": fmt.clip(column.head, 48),
        "words": column.words,
        "taken": bool(column.role),
        "number": numbers,
    }


def _told(made: Checked, purpose: str) -> Json:
    out = made.against(purpose)
    shown = [{"line": line, "words": out[line]} for line in sorted(out)[:FAULTS]]
    more = len(out) - len(shown)
    return {
        "fit": len(made.lines) - len(out),
        "out": len(out),
        "faults": shown,
        "more": f"and {fmt.count(more, 'more row')}" if more > 0 else "",
    }


def _shown(made: Checked, row: int) -> list[str]:
    cells = []
    for column in made.columns:
        value = made.values.get(column.name, [None] * len(made.lines))[row] if column.role else None
        cells.append("" if value is None else fmt.number(value, 6))
    return cells


class _Columns(dict[str, list[Any]]):
    """Columns by name, as a call takes a table."""

    @property
    def columns(self) -> list[str]:
        return list(self)


def take(campaign: Any, order: Mapping[str, Any]) -> str:
    """Add a table's results, or propose its points; in words what became of it.

    Args:
        campaign: The campaign.
        order: ``task``, ``text``, ``purpose``, ``source`` and ``reason``; ``leave_out`` where rows that do not fit are
            to be left out.

    Raises:
        BadParameters: Something does not fit, and nothing was done.
    """
    task, purpose = campaign.task_named(text_of(order, "task") or None), str(order.get("purpose"))
    made = check(campaign, task, str(order.get("text") or ""))
    if made.wrong:
        raise BadParameters(made.wrong)
    out = made.against(purpose)
    if out and not order.get("leave_out"):
        line = min(out)
        raise BadParameters(f"Line {line} does not fit, and nothing was added: {out[line]}")
    if len(out) == len(made.lines):
        raise BadParameters("No row fits, and nothing was added.")
    reason = text_of(order, "reason")
    left = f"; {fmt.count(len(out), 'row')} left out" if out else ""
    if purpose == RESULTS:
        columns = made.fitting(RESULTS, "parameter", "outcome", "error")
        data = campaign.add_data(columns, source=text_of(order, "source"), task=task, reason=reason)
        return f"{fmt.count(len(data), 'result')} from {fmt.clip(data.source, 60)} inform the AI as {data.id}{left}."
    first = campaign.state.next_proposal
    handles = campaign.propose(_Columns(made.fitting(POINTS, "parameter")), task=task, reason=reason)
    new = {h.id for h in handles if int(h.id[1:]) >= first}
    known = len(handles) - len(new)
    again = f"; {fmt.count(known, 'row')} had been proposed before" if known else ""
    return f"{fmt.count(len(new), 'candidate')} of yours {'waits' if len(new) == 1 else 'wait'}{again}{left}."
