"""Outcomes that were measured elsewhere, in the user's hands: added as a table, looked at, taken out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aisteer.campaign.preformatted import preformatted
from aisteer.errors import BadDefinition, BadParameters, UnknownName
from aisteer.journal import commands as cmd
from aisteer.journal.commands.data import same_data
from aisteer.journal.events import DataAdded
from aisteer.problem.frames import data_frame
from aisteer.problem.goals import Goals
from aisteer.problem.naming import did_you_mean
from aisteer.problem.pool import Pool
from aisteer.problem.pool_columns import scalar
from aisteer.problem.space import Space

if TYPE_CHECKING:
    import pandas as pd

    from aisteer.campaign.campaign import Campaign

__all__ = ["Data", "DataHandle", "add_data", "columns_of", "points_of"]

Json = dict[str, Any]
_ERRORS = ("{} error", "{}_error")
"""How a column of standard errors is called; the first is what ``campaign.runs.frame()`` says."""


class DataHandle:
    """Outcomes that were measured elsewhere: always as they stand now.

    Attributes:
        id: Its name, such as ``D1``; its rows are ``D1.0``, ``D1.1``, …
        left_out: Columns of the table that are neither parameters nor outcomes, and were not taken.
    """

    def __init__(self, campaign: Campaign, name: str, left_out: Sequence[str] = ()) -> None:
        self._campaign = campaign
        self.id = name
        self.left_out = tuple(left_out)

    @property
    def _now(self) -> Json:
        return self._campaign.state.added[self.id]

    @property
    def source(self) -> str:
        """Where it comes from."""
        return str(self._now["source"])

    @property
    def bad(self) -> list[int]:
        """Rows that were taken out of the fit."""
        return list(self._now["bad"])

    def __len__(self) -> int:
        return int(self._now["rows"])

    def mark_bad(self, rows: int | Iterable[int] | None = None, reason: str = "") -> DataHandle:
        """Take rows out of the fit, all of them if none are named; ``unmark`` puts them back."""
        return self._mark(rows, bad=True, reason=reason)

    def unmark(self, rows: int | Iterable[int] | None = None, reason: str = "") -> DataHandle:
        """Put rows back into the fit."""
        return self._mark(rows, bad=False, reason=reason)

    def _mark(self, rows: int | Iterable[int] | None, *, bad: bool, reason: str) -> DataHandle:
        listed = (
            None if rows is None else [int(rows)] if isinstance(rows, int) else [int(row) for row in rows]
        )
        self._campaign.submit(
            cmd.MarkData(actor=self._campaign.actor, data=self.id, bad=bad, rows=listed, reason=reason)
        )
        return self

    def frame(self) -> pd.DataFrame:
        """A table, one row per row, with whether it is in the fit.

        Raises:
            MissingExtra: pandas is not installed.
        """
        data = self._now
        errors = {_ERRORS[0].format(name): values for name, values in data["errors"].items()}
        bad = set(data["bad"])
        marks = {"bad": [row in bad for row in range(data["rows"])]}
        return data_frame({**data["parameters"], **data["outcomes"], **errors, **marks})

    def __repr__(self) -> str:
        data = self._now
        words = [f"{self.id}: {data['rows']:,} rows from {data['source']!r:.80}, by {data['by']}"]
        if data["bad"]:
            words.append(f"{len(data['bad']):,} of them taken out of the fit")
        if self.left_out:
            words.append(f"left out: {', '.join(self.left_out)}")
        return " · ".join(words)

    def _repr_html_(self) -> str:
        return preformatted(repr(self))


class Data(Mapping[str, DataHandle]):
    """All that was measured elsewhere, by name: ``campaign.data["D1"]``."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign

    def __getitem__(self, name: str) -> DataHandle:
        known = self._campaign.state.added
        if name not in known:
            words = (
                f"There is {', '.join(known)}."
                if known
                else "There is none: campaign.add_data(frame, source=…)."
            )
            raise UnknownName(f"There is no data {name!r}. {words}", name=name)
        return DataHandle(self._campaign, str(name))

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._campaign.state.added))

    def __len__(self) -> int:
        return len(self._campaign.state.added)

    def __repr__(self) -> str:
        return "\n".join(repr(one) for one in self.values()) or "<no data from elsewhere>"


def add_data(campaign: Campaign, frame: Any, source: Any, task: str | None, reason: str) -> DataHandle:
    """See ``Campaign.add_data``."""
    if not isinstance(source, str) or not source.strip():
        raise BadParameters("Say where the data comes from, as text: source='smith2021'. Nothing was added.")
    name = campaign.task_named(task)
    definition, space = campaign.definition["tasks"][name], campaign.space(name)
    columns = columns_of(frame)
    points = points_of(space, columns)
    outcomes, errors, left_out = _outcomes(columns, space, Goals.of(definition).outcomes)
    receipt = campaign.submit(
        cmd.AddData(
            actor=campaign.actor,
            task=name,
            source=source,
            parameters={parameter: [point[parameter] for point in points] for parameter in space.names},
            outcomes=outcomes,
            errors=errors,
            reason=reason,
        )
    )
    made = [r.event.data for r in receipt.events if isinstance(r.event, DataAdded)]
    return DataHandle(campaign, made[0] if made else str(same_data(campaign.state, name, source)), left_out)


def columns_of(table: Any) -> dict[str, list[Any]]:
    """Column name to values of a DataFrame or a mapping, all of one length.

    Raises:
        BadParameters: It is neither, is empty, or its columns differ in length.
    """
    names = getattr(table, "columns", table if isinstance(table, Mapping) else None)
    if names is None:
        raise BadParameters(f"A table is a DataFrame, or a mapping of columns, not {type(table).__name__}.")
    if len(set(names)) < len(list(names)):
        raise BadParameters("Two columns of the table have the same name.")
    columns = {str(name): list(table[name]) for name in names}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or not lengths.pop():
        raise BadParameters("The table has no rows, or its columns differ in length.")
    return columns


def points_of(space: Space | Pool, columns: Mapping[str, Sequence[Any]]) -> list[Json]:
    """The rows of a table as points of a space; in a pool the key is enough.

    Raises:
        BadParameters: A column is missing, or a row does not fit; the message names it.
    """
    needed = (space.key,) if isinstance(space, Pool) else space.names
    for name in needed:
        if name not in columns:
            raise BadParameters(f"The table has no column {name!r}.{did_you_mean(name, columns)}", name=name)
    given = [[_item(value) for value in columns[name]] for name in needed]
    found = []
    for row, values in enumerate(zip(*given, strict=True)):
        try:
            found.append(space.validate(dict(zip(needed, values, strict=True))))
        except (BadParameters, UnknownName) as error:
            raise BadParameters(f"Row {row} does not fit, and nothing was added: {error}", row=row) from error
    return found


def _outcomes(
    columns: Mapping[str, Sequence[Any]], space: Space | Pool, names: Sequence[str]
) -> tuple[dict[str, list[float | None]], dict[str, list[float]], list[str]]:
    """Outcomes and standard errors by name, and the columns that are neither."""
    outcomes = {
        name: [_number(name, row, v) for row, v in enumerate(columns[name])]
        for name in names
        if name in columns
    }
    if not outcomes:
        raise BadParameters(
            f"The table has no column of an outcome ({', '.join(names)}).{did_you_mean(names[0], columns)}"
        )
    for row, values in enumerate(zip(*outcomes.values(), strict=True)):
        if all(value is None for value in values):
            raise BadParameters(
                f"Row {row} has no outcome ({', '.join(outcomes)}), and nothing was added.", row=row
            )
    errors: dict[str, list[float]] = {}
    called: dict[str, str] = {}
    for name in outcomes:
        column = next((c for c in (text.format(name) for text in _ERRORS) if c in columns), None)
        if column is not None:
            errors[name], called[column] = (
                [_error(column, row, v) for row, v in enumerate(columns[column])],
                name,
            )
    known = {*space.names, *outcomes, *called}
    return outcomes, errors, [column for column in columns if column not in known]


def _item(value: Any) -> Any:
    """A plain value; what is no number, text or truth value stays, and fails where it is checked."""
    try:
        return scalar(value)
    except (TypeError, ValueError, BadDefinition):
        return value


def _number(name: str, row: int, given: Any) -> float | None:
    value = _item(given)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadParameters(
            f"Row {row}: {name} = {value!r:.80} is no finite number. Nothing was added.", row=row
        )
    return float(value)


def _error(name: str, row: int, value: Any) -> float:
    found = _number(name, row, value)
    if found is not None and found < 0:
        raise BadParameters(f"Row {row}: {name} = {value!r} is negative. Nothing was added.", row=row)
    return found or 0.0
