"""What steering does to the settings of the AI."""

from __future__ import annotations

from aisteer.journal import events as ev
from aisteer.journal.events import Record
from aisteer.journal.state.fold import on
from aisteer.journal.state.state import State


@on(ev.Steered)
def _steered(state: State, record: Record, event: ev.Steered) -> None:
    settings = dict(state.steering.get(event.task, {}))
    said = dict(state.steered.get(event.task, {}))
    for name, value in event.change.items():
        said[name] = {
            "position": record.position,
            "time": record.time,
            "by": record.actor.name,
            "reason": event.reason,
            "before": settings.get(name),
        }
        settings.pop(name, None)
        if value is not None:
            settings[name] = value
    # Replaced, not changed: what was handed out before stays as it was.
    state.steering[event.task] = settings
    state.steered[event.task] = said
