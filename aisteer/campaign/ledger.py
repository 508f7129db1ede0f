"""The ledger as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aisteer.campaign.columns import decision_row
from aisteer.problem.frames import data_frame

if TYPE_CHECKING:
    import pandas as pd

    from aisteer.campaign.campaign import Campaign

__all__ = ["Ledger"]


class Ledger:
    """Every decision beside what came of it: the AI's choice and prediction, the human's, the outcome."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign

    def rows(self, task: str | None = None) -> list[dict[str, Any]]:
        """One mapping per proposal (``aisteer.steering.ledger``)."""
        from aisteer.steering.ledger import ledger

        self._campaign.journal.refresh()
        with self._campaign.journal.lock:
            return ledger(self._campaign.journal.state, task)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def frame(self, task: str | None = None) -> pd.DataFrame:
        """A table, one row per proposal.

        Raises:
            MissingExtra: pandas is not installed.
        """
        return data_frame([decision_row(row) for row in self.rows(task)], index="proposal")

    def __repr__(self) -> str:
        rows = self.rows()
        decided = sum(1 for row in rows if row["decision"])
        return f"<ledger: {len(rows)} proposals, {decided} decided>"
