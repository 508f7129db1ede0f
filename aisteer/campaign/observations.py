"""What a run wrote while it ran, in the user's hands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aisteer.campaign.columns import observation_row
from aisteer.problem.frames import data_frame

if TYPE_CHECKING:
    import pandas as pd

    from aisteer.campaign.campaign import Campaign

__all__ = ["Observations"]

Json = dict[str, Any]


class Observations:
    """What a run wrote while it ran; attempts follow each other."""

    def __init__(self, campaign: Campaign, name: str) -> None:
        self._campaign = campaign
        self._name = name

    def __iter__(self) -> Iterator[Json]:
        """Each observation as ``{"attempt", "seq", "t", "values"}``, in order."""
        mirror = self._campaign.opened.mirror
        for attempt in self._campaign.state.runs[self._name].attempts:
            for line in mirror.observations(self._name, attempt.number):
                yield {"attempt": attempt.number, **line}

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def last(self) -> Json | None:
        """The values of the latest observation."""
        run = self._campaign.state.runs[self._name]
        for attempt in reversed(run.attempts):
            found = self._campaign.opened.mirror.last(self._name, attempt.number, at_most=1)
            if found:
                return dict(found[-1].get("values") or {})
        return None

    def frame(self) -> pd.DataFrame:
        """A table, one row per observation.

        Raises:
            MissingExtra: pandas is not installed.
        """
        rows = [observation_row(line["attempt"], line) for line in self]
        return data_frame(rows or {"attempt": [], "seq": [], "time": []})

    def __repr__(self) -> str:
        return f"<{len(self)} observations of {self._name}; the latest: {self.last}>"
