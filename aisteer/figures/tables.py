"""The data of a figure as a table, and text that is safe wherever it is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

from aisteer.figures.spec import Array, Axis, Band, Layer, Line, Marks, Panel, Spec, Surface

__all__ = ["cell", "shortened", "to_csv"]

COLUMNS = (
    "panel", "x_axis", "x_unit", "y_axis", "y_unit", "layer", "label", "who",
    "name", "x", "x_error", "y", "y_error", "low", "high", "z_axis", "z_unit", "z",
)  # fmt: skip
LONGEST = 60
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Row = dict[str, str]


def cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula: those that could be get an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def shortened(text: str) -> str:
    """Text on one line, of at most 60 characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def to_csv(spec: Spec) -> str:
    """Everything that the figure draws: one row for each point of each layer of each panel.

    Numbers are written in full, so that reading them back gives the same.
    """
    out = io.StringIO()
    rows = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    rows.writeheader()
    for number, panel in enumerate(spec.panels, 1):
        for layer in panel.layers:
            frame = _frame(number, panel, layer)
            rows.writerows({**frame, **row} for row in _points(layer))
    return out.getvalue()


def _frame(number: int, panel: Panel, layer: Layer) -> Row:
    frame = {
        "panel": str(number),
        "x_axis": cell(_axis(panel.x)),
        "x_unit": cell(panel.x.unit),
        "y_axis": cell(_axis(panel.y)),
        "y_unit": cell(panel.y.unit),
        "layer": type(layer).__name__.lower(),
    }
    if isinstance(layer, Surface):
        return frame | {"z_axis": cell(layer.axis.label), "z_unit": cell(layer.axis.unit)}
    return frame | {"label": cell(layer.label), "who": layer.who}


def _axis(axis: Axis) -> str:
    """Its label; and where it has places, what each of them is."""
    places = ", ".join(f"{place} = {option}" for place, option in enumerate(axis.options))
    return f"{axis.label} ({places})" if places else axis.label


def _points(layer: Layer) -> Iterator[Row]:
    if isinstance(layer, Surface):
        for row, y in zip(layer.z, layer.y, strict=True):
            for z, x in zip(row, layer.x, strict=True):
                yield {"x": _number(x), "y": _number(y), "z": _number(z)}
    elif isinstance(layer, Band):
        for x, low, high in zip(layer.x, layer.low, layer.high, strict=True):
            yield {"x": _number(x), "low": _number(low), "high": _number(high)}
    else:
        yield from _named(layer)


def _named(layer: Marks | Line) -> Iterator[Row]:
    names: Sequence[str] = layer.names or [""] * len(layer.x)
    x_error = layer.x_error if isinstance(layer, Marks) else None
    y_error = layer.y_error if isinstance(layer, Marks) else None
    for i, name in enumerate(names):
        row = {"name": cell(str(name)), "x": _number(layer.x[i]), "y": _number(layer.y[i])}
        yield row | {"x_error": _at(x_error, i), "y_error": _at(y_error, i)}


def _at(values: Array | None, i: int) -> str:
    return "" if values is None else _number(values[i])


def _number(value: np.floating | float) -> str:
    return "" if np.isnan(value) else repr(float(value))
