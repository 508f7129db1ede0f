"""What happens to outcomes that were measured elsewhere: added, taken out, put back."""

from __future__ import annotations

from dataclasses import asdict

from aisteer.journal import events as ev
from aisteer.journal.events import Json, Record
from aisteer.journal.state.fold import on
from aisteer.journal.state.state import State


@on(ev.DataAdded)
def _added(state: State, record: Record, event: ev.DataAdded) -> None:
    state.added[event.data] = {
        **asdict(event),
        "rows": rows_in(event.parameters),
        "by": record.actor.name,
        "time": record.time,
        "revision": record.position,
        "bad": [],
    }


@on(ev.DataMarked)
def _marked(state: State, record: Record, event: ev.DataMarked) -> None:
    old = state.added[event.data]
    rows = range(old["rows"]) if event.rows is None else event.rows
    bad = {*old["bad"], *rows} if event.bad else {*old["bad"]}.difference(rows)
    # Replaced, not changed: what was handed out before stays as it was.
    state.added[event.data] = {**old, "bad": sorted(bad), "revision": record.position}


def rows_in(columns: Json) -> int:
    """How many rows there are in columns of equal length."""
    return max((len(values) for values in columns.values()), default=0)
