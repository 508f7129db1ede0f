"""Outcomes that were measured elsewhere."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from aisteer.journal.events.kinds import Event, event

__all__ = ["DataAdded", "DataMarked"]


@event("data.added")
class DataAdded(Event):
    """Outcomes of points that did not run here: they are fitted on, and are no runs.

    Attributes:
        data: Its name (``D1``), given by the journal and never reused. Its rows are ``D1.0``, ``D1.1``, …
        task: The task that they inform.
        source: Where they come from.
        parameters: Parameter to its values, one for each row.
        outcomes: Outcome to its values, one for each row; ``None`` where it was not measured.
        errors: Outcome to standard errors, one for each row, 0 where not known; absent where no row has one.
        digest: Of all that; equal for equal data.
    """

    data: str
    task: str
    source: str
    parameters: dict[str, list[Any]]
    outcomes: dict[str, list[float | None]]
    errors: dict[str, list[float]] = field(default_factory=dict)
    digest: str = ""
    reason: str = ""


@event("data.marked")
class DataMarked(Event):
    """A human took rows out of the fit (``bad``), or put them back; ``rows`` is ``None`` for all of them."""

    data: str
    bad: bool
    rows: list[int] | None = None
    reason: str = ""
