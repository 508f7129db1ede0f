"""The ledger as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aisteer.campaign.columns import decision_row, spread
from aisteer.campaign.preformatted import in_lines, preformatted
from aisteer.problem.frames import data_frame

if TYPE_CHECKING:
    import pandas as pd

    from aisteer.campaign.campaign import Campaign
    from aisteer.steering.hindsight import Hindsight

__all__ = ["Analysis", "Ledger"]


class Analysis:
    """What decisions brought (``aisteer.steering.hindsight``), in words when it is shown.

    Attributes:
        found: The numbers.
    """

    def __init__(self, found: Hindsight) -> None:
        self.found = found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.found, name)

    def frame(self) -> pd.DataFrame:
        """A table, one row per edit: the AI's pick and the human's, predicted and actual.

        Raises:
            MissingExtra: pandas is not installed.
        """
        rows = []
        for edit in self.found.edits:
            flat = {key: value for key, value in edit.items() if key not in {"parameters", "ai_parameters"}}
            spread(flat, edit["parameters"])
            rows.append(spread(flat, {f"ai {name}": value for name, value in edit["ai_parameters"].items()}))
        return data_frame(rows, index="proposal")

    def __repr__(self) -> str:
        return "\n".join(self.found.words)

    def __str__(self) -> str:
        return in_lines(repr(self))

    def _repr_html_(self) -> str:
        return preformatted(repr(self))


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

    def analysis(self, task: str | None = None) -> Analysis:
        """What decisions brought: how often the AI was followed, how its picks and the humans' came out.

        It describes; it claims a cause only from edits whose original was run beside them, drawn by chance
        (``counterfactual=`` of the campaign).

        Args:
            task: The task, where there are several.
        """
        from aisteer.steering.hindsight import hindsight

        name = self._campaign.task_named(task)
        self._campaign.journal.refresh()
        with self._campaign.journal.lock:
            return Analysis(hindsight(self._campaign.journal.state, name))

    def __repr__(self) -> str:
        rows = self.rows()
        decided = sum(1 for row in rows if row["decision"])
        return f"<ledger: {len(rows)} proposals, {decided} decided>"
