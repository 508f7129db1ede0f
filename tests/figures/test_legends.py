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
