"""The fold as the store does it: in order, once each, in little memory, and past what it does not know."""

from __future__ import annotations

from collections.abc import Iterable

from aisteer.journal import caches, log
from aisteer.journal.events import Record, Unknown
from aisteer.journal.state import State, apply

__all__ = ["fold"]

SETTLE_AT = 4_096


def fold(state: State, records: Iterable[Record], unknown: Unknown | None = None) -> Unknown | None:
    """Fold ``records`` into ``state``, in place; those folded already are left out.

    Args:
        state: A state whose proposals and runs are in pages.
        records: In order of position.
        unknown: The first event of a newer release that was met before, if any. From there on, records
            that speak of what only that release knows are left out.

    Returns:
        The first event of a newer release, if any.

    Raises:
        JournalDamaged: A record speaks of what the journal does not hold.
    """
    for record in records:
        if record.position <= state.position:
            continue
        if unknown is None and isinstance(record.event, Unknown):
            unknown = record.event
        try:
            apply(state, record)
        except LookupError as error:
            if unknown is None:
                what = f"Event {record.position} speaks of {error}, which the journal does not hold"
                raise log.damaged(what, record.position - 1) from error
    if sum(values.unsettled for values in caches.paged(state)) >= SETTLE_AT:
        caches.settle(state)
    return unknown
