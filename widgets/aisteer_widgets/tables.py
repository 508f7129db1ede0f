"""A table of one's own, held against its task before anything is done with it: what fits, what does not, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aisteer.errors import BadParameters, UnknownName
from aisteer.problem.goals import Goals
from aisteer.problem.parameters import Choice
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer_widgets.reading import Sheet, folded, is_missing, number, same_unit, sheet, twice, without_unit
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.tasks import Task, task_of

__all__ = ["POINTS", "RESULTS", "Checked", "Column", "check"]

Json = dict[str, Any]
RESULTS, POINTS = "results", "points"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table, and what the campaign takes it for.

    Attributes:
        head: As it is written.
        place: Among the columns.
        name: As calls know it; empty where it is not taken.
        role: ``parameter``, ``outcome``, ``error`` or empty.
        words: What is said of it.
    """

    head: str
    place: int
    name: str = ""
    role: str = ""
    words: str = ""


@dataclass(slots=True)
class Checked:
    """A table that was held against a task.

    Attributes:
        columns: All of them, as written.
        values: Values by name, one for each row; ``None`` where there is none or it does not fit.
        lines: Where each row stands.
        faults: Line to what is wrong with the row, whatever the table is for.
        unmeasured: Line to why it is no result.
        wrong: What is wrong with the table as a whole; empty when nothing is.
    """

    columns: list[Column] = field(default_factory=list)
    values: dict[str, list[Any]] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)
    unmeasured: dict[int, str] = field(default_factory=dict)
    wrong: str = ""

    def named(self, *roles: str) -> list[Column]:
        """The columns that have one of these roles."""
        return [c for c in self.columns if c.role in roles]

    def against(self, purpose: str) -> dict[int, str]:
        """Line to why a row cannot be taken for that."""
        return self.faults if purpose == POINTS else {**self.unmeasured, **self.faults}

    def fitting(self, purpose: str, *roles: str) -> dict[str, list[Any]]:
        """The columns of these roles, of the rows that fit."""
        out = self.against(purpose)
        kept = [i for i, line in enumerate(self.lines) if line not in out]
        return {c.name: [self.values[c.name][i] for i in kept] for c in self.named(*roles)}


def check(campaign: Any, task: str, text: str) -> Checked:
    """Hold a table against a task. Whatever is wrong is in what it answers; nothing is raised."""
    made = Checked()
    try:
        state, space = campaign.state, campaign.space(task)
        found = sheet(text)
        goals = Goals.of(state.definition["tasks"][task])
        made.lines = found.lines
        made.columns = _columns(found, space, goals.outcomes, task_of(state, task))
        _complete(made, space)
    except (BadParameters, UnknownName) as error:
        made.wrong = str(error)
        return made
    for line, cells in found.ragged.items():
        made.faults[line] = f"it has {fmt.count(cells, 'cell')}, and there are {len(found.heads)} columns"
    _read(made, found, space)
    _fit(made, space)
    return made


# --- columns --------------------------------------------------------------------------------------


def _columns(found: Sheet, space: Space | Pool, outcomes: tuple[str, ...], task: Task) -> list[Column]:
    known: dict[str, tuple[str, str, str]] = {}
    for outcome in outcomes:
        unit = task.unit_of(outcome)
        known[outcome] = (outcome, "outcome", unit)
        known[f"{outcome} error"] = (f"{outcome} error", "error", unit)
    known |= {name: (name, "parameter", task.parameter(name).unit) for name in space.names}
    by_fold = {folded(name): what for name, what in known.items()}
    made = [_column(head, place, known, by_fold) for place, head in enumerate(found.heads)]
    again = twice([c.name for c in made if c.name])
    if again:
        raise BadParameters(f"Two columns say {again}. Take one of them out.")
    return made


def _column(
    head: str,
    place: int,
    known: Mapping[str, tuple[str, str, str]],
    by_fold: Mapping[str, tuple[str, str, str]],
) -> Column:
    bare, written = (head, "") if head in known else without_unit(head)
    what = known.get(bare) or by_fold.get(folded(bare))
    if what is None:
        return Column(head, place, words="not taken: no parameter and no outcome")
    name, role, unit = what
    if written and unit and not same_unit(written, unit):
        raise BadParameters(
            f"{fmt.label(name)} is in {written} here and in {unit} in the campaign. Convert the column, and its head. "
            "Nothing was added."
        )
    said = {"parameter": "parameter", "outcome": "outcome", "error": "standard error"}[role]
    if unit and not written:
        said += f", taken as {unit}"
    elif written and not unit:
        said += f"; the campaign states no unit, so {written} is not checked"
    return Column(head, place, name, role, said)


def _complete(made: Checked, space: Space | Pool) -> None:
    """Raises what is missing of the parameters."""
    needed = (space.key,) if isinstance(space, Pool) else space.names
    there = {c.name for c in made.named("parameter")}
    missing = [name for name in needed if name not in there]
    if missing:
        more = f" There is {', '.join(c.head[:40] for c in made.columns[:12])}." if made.columns else ""
        raise BadParameters(
            f"The table has no column {' and no column '.join(map(repr, missing[:6]))}. The first line names the "
            f"columns.{more}"
        )


# --- values ---------------------------------------------------------------------------------------


def _read(made: Checked, found: Sheet, space: Space | Pool) -> None:
    """Fill in values, and note the cells that cannot be read."""
    for column in made.named("parameter", "outcome", "error"):
        reader = _reader(column, space, comma=found.comma)
        values: list[Any] = []
        for line, cells in zip(found.lines, found.rows, strict=True):
            cell, value = cells[column.place], None
            if not is_missing(cell) or column.role == "parameter":
                try:
                    value = reader(cell)
                except ValueError as error:
                    where = made.faults if column.role == "parameter" else made.unmeasured
                    where.setdefault(line, f"{fmt.label(column.name)}: {error}")
            values.append(value)
        made.values[column.name] = values


def _reader(column: Column, space: Space | Pool, *, comma: bool) -> Callable[[str], Any]:
    """What makes a value of a cell."""
    if column.role == "error":
        return lambda cell: _not_negative(number(cell, comma=comma), cell)
    if column.role == "outcome":
        return lambda cell: number(cell, comma=comma)
    if isinstance(space, Pool):
        by_text = {str(value): value for value in space.columns[column.name]}
        return lambda cell: by_text.get(cell, cell)
    parameter = space.parameters[column.name]
    if isinstance(parameter, Choice):
        options = {str(option): option for option in parameter.options}
        by_fold = {text.casefold(): option for text, option in options.items()}

        def chosen(cell: str) -> Any:
            if cell in options:
                return options[cell]
            return by_fold.get(cell.casefold(), _option_of_number(cell, parameter, comma=comma))

        return chosen

    def read(cell: str) -> float:
        if is_missing(cell):
            raise ValueError("no value is given.")
        return number(cell, comma=comma)

    return read


def _not_negative(value: float, cell: str) -> float:
    if value < 0:
        raise ValueError(f"“{cell[:40]}” is negative.")
    return value


def _option_of_number(cell: str, parameter: Choice, *, comma: bool) -> Any:
    """The option that a number means, however it is written; the cell itself where there is none."""
    try:
        value = number(cell, comma=comma)
    except ValueError:
        return cell
    return next((o for o in parameter.options if not isinstance(o, bool) and o == value), cell)


def _fit(made: Checked, space: Space | Pool) -> None:
    """Hold each row against the space, and the outcomes of it."""
    columns = made.named("parameter")
    if isinstance(space, Pool):
        columns = [c for c in columns if c.name == space.key] or columns
    outcomes = made.named("outcome")
    for i, line in enumerate(made.lines):
        if line not in made.faults:
            try:
                space.validate({c.name: made.values[c.name][i] for c in columns})
            except (BadParameters, UnknownName) as error:
                made.faults[line] = fmt.clip(error, 240)
        if outcomes and all(made.values[c.name][i] is None for c in outcomes):
            made.unmeasured.setdefault(line, "no outcome is given")
