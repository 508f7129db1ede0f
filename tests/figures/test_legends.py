"""Keys and titles leave the panels their room."""

from __future__ import annotations

import numpy as np
import pytest

from aisteer.figures.render import draw, print_style
from aisteer.figures.spec import Axis, Line, Marks, Panel, Spec
from aisteer.figures.style import PANEL_HEIGHT, PANEL_WIDTH

X = np.linspace(0.0, 1.0, 5)
LONG = ("measured elsewhere, off the slice", "random runs, off the slice", "AI's runs, off the slice")


def panel(*labels, title="at temperature = 1234 K, density = 8.765 g/cm³, strain = 4.321 %"):
    marks = [Marks(label, "ai", X, X) for label in labels]
    return Panel(Axis("x"), Axis("y"), [Line("predicted mean", "belief", X, X), *marks], title=title)


@pytest.mark.parametrize("panels", [1, 4], ids=["alone", "several"])
def test_long_labels_and_titles_take_no_room_from_panels(panels):
    with print_style():
        figure = draw(Spec("slices", [panel(*LONG) for _ in range(panels)]))
        figure.canvas.draw()
        wide, high = figure.get_size_inches()
        for axes in figure.axes:
            box = axes.get_position()
            assert box.width * wide > 0.7 * PANEL_WIDTH
            assert box.height * high > 0.6 * PANEL_HEIGHT
            title = axes.title.get_window_extent()
            assert title.x1 <= figure.bbox.x1


def test_panels_that_show_the_same_share_one_legend_and_others_have_their_own():
    with print_style():
        same = draw(Spec("slices", [panel(*LONG), panel(*LONG[:1])]))
        other = draw(Spec("calibration", [panel("calibrated"), panel("claimed")]))
    assert len(same.legends) == 1
    assert all(axes.get_legend() is None for axes in same.axes)
    assert not other.legends
    assert all(axes.get_legend() is not None for axes in other.axes)


def test_no_legend_is_cut_at_the_edge_of_the_figure():
    left = panel("AI's proposals", "own and edited", title="ionisation energy (bars: 95 %)")
    right = panel("95 % interval", "357 outcomes", title="")
    with print_style():
        figure = draw(Spec("calibration", [left, right, panel("of the last 20", "claimed", title="")]))
        figure.canvas.draw()
        for axes in figure.axes:
            assert axes.get_legend().get_window_extent().x1 <= figure.bbox.x1


def test_bars_of_many_points_are_lighter_than_the_points():
    x = np.linspace(0.0, 1.0, 300)
    with print_style():
        figure = draw(
            Spec("calibration", [Panel(Axis("x"), Axis("y"), [Marks("runs", "ai", x, x, 0.1 + 0 * x)])])
        )
    (bars,) = figure.axes[0].collections
    (points,) = figure.axes[0].lines
    assert bars.get_alpha() < 0.2
    assert points.get_alpha() == 1.0
    assert bars.get_zorder() < points.get_zorder()
