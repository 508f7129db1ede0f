"""What runs reported while they ran."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from aisteer.errors import UnknownName
from aisteer.figures.source import Source
from aisteer.figures.spec import Axis, Line, Panel

if TYPE_CHECKING:
    from aisteer.journal.state import Run

__all__ = ["observations"]

SHOWN = 8


def observations(
    source: Source,
    *,
    runs: Sequence[str] | str | None = None,
    x: str = "step",
    y: Sequence[str] | str | None = None,
    relative: bool = False,
    series: Sequence[int] | None = None,
) -> tuple[list[Panel], list[str], list[str]]:
    """Curves of runs, one panel for each quantity.

    Args:
        source: The campaign.
        runs: Names of runs; the live ones, else the eight that ended last, if not given.
        x: The quantity that goes along the x axis; the number of the observation where a run has none such.
        y: Quantities; all that the runs reported if not given.
        relative: Draw each curve's change since its start, where runs differ more than each of them moves.
        series: Which of the eight colours each run has, from 1; in their order if not given.

    Raises:
        UnknownName: A run or quantity that there is not.
    """
    chosen = _chosen(source, runs)
    rows = {name: list(_values(source, run)) for name, run in chosen.items()}
    reported = list(dict.fromkeys(key for seen in rows.values() for row in seen for key in row if key != x))
    wanted = [y] if isinstance(y, str) else list(y or reported)
    for name in wanted:
        if name not in reported and reported:
            raise UnknownName(
                f"No run reported {name!r}; they reported {', '.join(reported)}. Nothing was drawn.",
                name=name,
            )
    along = Axis(x, source.unit(x))
    colours = dict(zip(chosen, series or range(1, len(chosen) + 1), strict=False))
    panels = [
        _panel(rows, along, Axis(name, source.unit(name)), colours, relative=relative) for name in wanted
    ]
    empty = Panel(along, Axis("observations"), note="No observation has arrived yet.")
    return panels or [empty], [source.task], list(chosen)


def _chosen(source: Source, runs: Sequence[str] | str | None) -> dict[str, Run]:
    if runs is None:
        return source.runs([run.id for run in source.live] or source.latest(SHOWN))
    return source.runs([runs] if isinstance(runs, str) else [str(name) for name in runs])


def _values(source: Source, run: Run) -> Iterator[dict[str, float]]:
    from aisteer.execution.mirror import Mirror

    mirror = Mirror(source.campaign.folder)
    for attempt in run.attempts:
        for line in mirror.observations(run.id, attempt.number):
            values = line.get("values")
            if isinstance(values, dict):
                yield {str(k): float(v) for k, v in values.items() if isinstance(v, Real)}


def _panel(
    rows: dict[str, list[dict[str, float]]], x: Axis, y: Axis, colours: dict[str, int], *, relative: bool
) -> Panel:
    lines: list[Line] = []
    for name, seen in rows.items():
        along = [row.get(x.label, number) for number, row in enumerate(seen, 1) if y.label in row]
        up = [row[y.label] for row in seen if y.label in row]
        if up:
            values = np.array(up) - (up[0] if relative else 0.0)
            lines.append(Line(name, "live", np.array(along), values, series=colours.get(name, 1)))
    shown = Axis(f"{y.label}, change since the start", y.unit) if relative else y
    return Panel(x, shown, lines)
