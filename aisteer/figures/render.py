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
from aisteer.figures.style import LOOKS, PANEL_HEIGHT, PANEL_WIDTH, SERIES, SETTINGS
from aisteer.figures.tables import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "print_style"]

_one_at_a_time = threading.RLock()


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
    for number, panel in enumerate(spec.panels, 1):
        _panel(figure, figure.add_subplot(rows, columns, number), panel)
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
    _key(axes, _text(panel.title))


def _logarithmic(axes: Axes, name: str) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.set(**{f"{name}scale": "log"})
    axis = getattr(axes, f"{name}axis")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_formatter(NullFormatter())


def _key(axes: Axes, title: str) -> None:
    """The legend, above the panel: inside it would hide points."""
    labels = axes.get_legend_handles_labels()[1]
    if not labels:
        axes.set_title(title, loc="left")
        return
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderaxespad": 0.2}
    columns = 3 if max(map(len, labels)) < 16 else 2
    axes.legend(title=title or None, alignment="left", ncols=columns, columnspacing=1.2, **place)


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
    edge = "white" if over_surface and filled != "none" and look.marker not in {"x", "+"} else look.colour
    options: dict[str, Any] = {
        "linestyle": "none",
        "marker": look.marker or "o",
        "color": look.colour,
        "markerfacecolor": filled,
        "elinewidth": 0.7,
        "markeredgewidth": 0.8,
        "markeredgecolor": edge,
        "label": _text(marks.label),
        "alpha": 0.35 if marks.faint else 1.0,
    }
    errors = {"xerr": _shown(marks.x_error), "yerr": _shown(marks.y_error)}
    axes.errorbar(marks.x, marks.y, zorder=order + 3, **errors, **options)


def _shown(errors: Any) -> Any:
    return errors if errors is not None and np.any(errors > 0) else None


def _text(text: str) -> str:
    """Text that matplotlib prints as it is: a dollar sign is no formula, an underscore no hidden label."""
    line = shortened(text).replace("$", r"\$")
    return f"\u200b{line}" if line.startswith("_") else line
