"""A table as text, pasted from a spreadsheet or out of a file: its cells, its heads with their units, its numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from aisteer.errors import BadParameters

__all__ = ["Sheet", "folded", "is_missing", "number", "same_unit", "sheet", "without_unit"]

LONGEST = 5_000_000
"""Characters that are read."""
MOST = 50_000
"""Rows that are read."""
_MISSING = frozenset({"", "-", "–", "na", "n/a", "nan", "none", "null"})
_UNIT = re.compile(r"^(?P<name>.*?\S)\s*[(\[]\s*(?P<unit>[^()\[\]]+?)\s*[)\]]$")
_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹µ−", "-0123456789μ-", " ·*^\u00a0\u202f")
_SPACES = str.maketrans("−", "-", "\u00a0\u202f ")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it was written.

    Attributes:
        heads: Of its columns.
        rows: Its cells, as text without blanks around it, one for each head.
        lines: Where each row stands, as a spreadsheet or an editor counts.
        ragged: Line to how many cells it has, where these are not as many as there are heads.
        comma: Whether numbers are written with a comma for a point, as where semicolons part the columns.
    """

    heads: list[str]
    rows: list[list[str]]
    lines: list[int]
    ragged: dict[int, int]
    comma: bool


def sheet(text: str) -> Sheet:
    """Read a table whose first line names its columns; tabs, semicolons or commas part them.

    Raises:
        BadParameters: There are no rows, or it is no text table.
    """
    if len(text) > LONGEST:
        raise BadParameters(
            f"The table has more than {LONGEST:,} characters. Add it in a cell: campaign.add_data(…)."
        )
    text = text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    mark = next((mark for mark in "\t;," if mark in first), ",")
    heads, rows, lines, ragged = list[str](), list[list[str]](), list[int](), dict[int, int]()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        for written in reader:
            cells = [cell.strip() for cell in written]
            if not any(cells):
                continue
            if not heads:
                heads = _heads(cells)
                continue
            while len(cells) > len(heads) and not cells[-1]:
                cells.pop()
            if len(cells) != len(heads):
                ragged[reader.line_num] = len(cells)
            rows.append((cells + [""] * len(heads))[: len(heads)])
            lines.append(reader.line_num)
            if len(rows) > MOST:
                raise BadParameters(
                    f"The table has more than {MOST:,} rows. Add it in a cell: campaign.add_data(…)."
                )
    except csv.Error as error:
        raise BadParameters(f"Line {reader.line_num} cannot be read as a row of a table: {error}.") from error
    if not rows:
        raise BadParameters(
            "The first line names the columns, and a line for each row follows; no row was found."
        )
    return Sheet(heads, rows, lines, ragged, mark == ";")


def _heads(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.casefold() in _MISSING


def number(cell: str, *, comma: bool = False) -> float:
    """A number as people write it: with a true minus, with a comma for a point where that is how the table is written.

    Raises:
        ValueError: It is none, or may be read in two ways; the message says so.
    """
    plain = cell.translate(_SPACES)
    if comma and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        found = float(plain)
    except ValueError:
        hint = " Write it without a comma." if "," in plain else ""
        raise ValueError(f"“{cell[:40]}” is no number.{hint}") from None
    if found in {float("inf"), float("-inf")}:
        raise ValueError(f"“{cell[:40]}” is not finite.")
    return found


def without_unit(head: str) -> tuple[str, str]:
    """A head and the unit that stands behind it in brackets: ``temperature (K)``; empty where none does."""
    found = _UNIT.match(head)
    return (found["name"], found["unit"]) if found else (head, "")


def same_unit(one: str, other: str) -> bool:
    """Whether two units are one, however it is written: ``g/cm³`` and ``g/cm^3``. Nothing is converted."""
    return one.translate(_RAISED) == other.translate(_RAISED)


def folded(name: str) -> str:
    """A name without what people write in more than one way: capitals, blanks and underscores."""
    return re.sub(r"[\s_\-]+", "_", name.strip()).casefold()


def twice(names: Sequence[str]) -> str:
    """The first name that stands twice; empty where none does."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""
