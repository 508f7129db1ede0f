"""Drawing a specification with matplotlib, without its global state."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from aisteer.errors import MissingExtra
from aisteer.figures.spec import Band, Layer, Line, Marks, Panel, Spec, Surface
from aisteer.figures.style import LINE_HEIGHT, LOOKS, PANEL_HEIGHT, PANEL_WIDTH, SERIES, SETTINGS
from aisteer.figures.tables import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "print_style"]

_one_at_a_time = threading.RLock()
_SHORT, _LONG = 16, 26
"""Letters of a label, of which three, two or one fit into the width of a panel."""
_WIDE = 42
"""Letters of a title that fit there."""
_BESIDE_AXES = 0.6
"""Inches of a panel's width that its numbers and its label take."""
_MANY = 30
"""Points beyond which their bars grow lighter: all of them in full would be one dark mass."""


@contextmanager
def print_style() -> Iterator[None]:
    """Our settings instead of the user's, for the time of drawing and writing; others wait."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        message = (
            "Figures are drawn with matplotlib, which is not installed in this environment; nothing of the "
            'campaign is touched. Install it with `pip install "aisteer[notebook]"` and draw again.'
        )
        raise MissingExtra(message, extra="notebook") from error
    with _one_at_a_time, mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(cast("Any", SETTINGS))
        # A name may hold signs that the font lacks; the data beside the figure has them.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        yield


def draw(spec: Spec) -> Figure:
    """A matplotlib figure of the specification; call it inside ``print_style``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(spec.columns, len(spec.panels))
    rows = ceil(len(spec.panels) / columns)
    figure = Figure(figsize=(PANEL_WIDTH * columns, PANEL_HEIGHT * rows), layout="constrained")
    FigureCanvasAgg(figure)
    drawn = [figure.add_subplot(rows, columns, number) for number in range(1, len(spec.panels) + 1)]
    for axes, panel in zip(drawn, spec.panels, strict=True):
        _panel(figure, axes, panel)
    lines = _keys(figure, drawn, [_folded(_text(panel.title)) for panel in spec.panels], columns)
    figure.set_figheight(PANEL_HEIGHT * rows + LINE_HEIGHT * lines)
    return figure


def _panel(figure: Figure, axes: Axes, panel: Panel) -> None:
    axes.set_xlabel(_text(panel.x.text))
    axes.set_ylabel(_text(panel.y.text))
    for axis, name in ((panel.x, "x"), (panel.y, "y")):
        if axis.options:
            shown = [_text(option) for option in axis.options]
            axes.set(**{f"{name}ticks": range(len(shown)), f"{name}ticklabels": shown})
        elif axis.scale == "log":
            _logarithmic(axes, name)
    over_surface = any(isinstance(layer, Surface) for layer in panel.layers)
    for order, layer in enumerate(panel.layers):
        _layer(figure, axes, layer, order, over_surface=over_surface)
    if panel.note:
        centre: dict[str, Any] = {"ha": "center", "va": "center", "wrap": True, "color": "#555555"}
        axes.text(0.5, 0.5, _text(panel.note), transform=axes.transAxes, **centre)


def _logarithmic(axes: Axes, name: str) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.set(**{f"{name}scale": "log"})
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_formatter(NullFormatter())


def _keys(figure: Figure, drawn: list[Axes], titles: list[str], columns: int) -> int:
    """Legends: one for all panels where one of them has all that the others have, else one above each panel.

    Returns:
        The lines that they take beyond the one that there is room for.
    """
    named = [axes.get_legend_handles_labels()[1] for axes in drawn]
    rows = ceil(len(drawn) / columns)
    fullest = max(range(len(drawn)), key=lambda place: len(named[place]))
    if len(drawn) == 1 or not all(named) or any(set(one) - set(named[fullest]) for one in named):
        beside = [_key(axes, title) for axes, title in zip(drawn, titles, strict=True)]
        tall = [
            title.count("\n") + ceil(len(one) / side_by_side) - 1
            for one, title, side_by_side in zip(named, titles, beside, strict=True)
        ]
        return rows * max(0, *tall)
    for axes, title in zip(drawn, titles, strict=True):
        axes.set_title(title, loc="left")
    handles, labels = drawn[fullest].get_legend_handles_labels()
    whole = columns * _beside(labels)
    figure.legend(handles, labels, loc="outside upper left", ncols=whole, columnspacing=1.2)
    return ceil(len(labels) / whole) - 1 + rows * max(title.count("\n") for title in titles)


def _folded(title: str) -> str:
    """A title that is too long for a panel, on several lines."""
    lines: list[str] = []
    for part in title.split(", "):
        if lines and len(lines[-1]) + len(part) < _WIDE:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return ",\n".join(lines)


def _key(axes: Axes, title: str) -> int:
    """The legend, above the panel: inside it would hide points.

    Returns:
        How many of its labels stand side by side: as many as there is room for beside the axis' own labels.
    """
    labels = axes.get_legend_handles_labels()[1]
    if not labels:
        axes.set_title(title, loc="left")
        return 1
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderaxespad": 0.2}
    figure = cast("Figure", axes.get_figure(root=True))
    for beside in range(_beside(labels), 0, -1):
        key = axes.legend(title=title or None, alignment="left", ncols=beside, columnspacing=1.2, **place)
        wide = key.get_window_extent(figure.canvas.get_renderer()).width / figure.dpi  # type: ignore[attr-defined]
        if wide <= PANEL_WIDTH - _BESIDE_AXES:
            break
    return beside


def _beside(labels: list[str]) -> int:
    """How many of a legend's labels stand side by side in the width of a panel, which a longer row would narrow."""
    longest = max(map(len, labels), default=0)
    return 3 if longest < _SHORT else 2 if longest < _LONG else 1


def _layer(figure: Figure, axes: Axes, layer: Layer, order: int, *, over_surface: bool) -> None:
    if isinstance(layer, Surface):
        mesh = axes.pcolormesh(layer.x, layer.y, layer.z, shading="nearest", rasterized=True)
        figure.colorbar(mesh, ax=axes, label=_text(layer.axis.text))
    elif isinstance(layer, Band):
        colour = LOOKS[layer.who].colour
        options: dict[str, Any] = {"alpha": 0.2, "linewidth": 0, "label": _text(layer.label), "zorder": order}
        axes.fill_between(layer.x, layer.low, layer.high, color=colour, **options)
    elif isinstance(layer, Line):
        _line(axes, layer, order)
    else:
        _marks(axes, layer, order, over_surface=over_surface)


def _line(axes: Axes, line: Line, order: int) -> None:
    look = LOOKS[line.who]
    colour, dashes = SERIES[(line.series - 1) % len(SERIES)] if line.series else (look.colour, look.dashes)
    style = {"drawstyle": "steps-post"} if line.stepped else {}
    options: dict[str, Any] = {"color": colour, "linestyle": dashes, "label": _text(line.label)} | style
    axes.plot(line.x, line.y, zorder=order + 2, **options)


def _marks(axes: Axes, marks: Marks, order: int, *, over_surface: bool) -> None:
    if not len(marks.x):
        return
    look = LOOKS[marks.who]
    filled = "none" if look.hollow or marks.empty else look.colour
    many = len(marks.x) > _MANY
    edge = "white" if over_surface and filled != "none" and look.marker not in {"x", "+"} else look.colour
    options: dict[str, Any] = {
        "linestyle": "none",
        "marker": look.marker or "o",
        "color": look.colour,
        "markerfacecolor": filled,
        "elinewidth": 0.4 if many else 0.7,
        "markeredgewidth": 0.8,
        "markeredgecolor": edge,
        "label": _text(marks.label),
        "alpha": 0.35 if marks.faint else 1.0,
    }
    errors = {"xerr": _shown(marks.x_error), "yerr": _shown(marks.y_error)}
    drawn = axes.errorbar(marks.x, marks.y, zorder=order + 3, **errors, **options)
    if many:
        for bars in drawn.lines[2]:
            bars.set(alpha=max(0.12, _MANY / len(marks.x)) * options["alpha"], zorder=order + 2.5)


def _shown(errors: Any) -> Any:
    return errors if errors is not None and np.any(errors > 0) else None


def _text(text: str) -> str:
    """Text that matplotlib prints as it is: a dollar sign is no formula, an underscore no hidden label."""
    line = shortened(text).replace("$", r"\$")
    return f"\u200b{line}" if line.startswith("_") else line
