from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from stories import Story, shown

from aisteer_widgets.view_models.trace import MAX_POINTS, Curve, Trace


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5000))
def test_a_curve_of_any_length_keeps_its_extremes_and_its_last_point(values):
    curve = Curve()
    for i, y in enumerate(values):
        curve.add(float(i), y)
    points = curve.points()
    assert len(points) <= MAX_POINTS
    assert min(y for _, y in points) == min(values)
    assert max(y for _, y in points) == max(values)
    assert points[-1] == (len(values) - 1, values[-1])
    assert [x for x, _ in points] == sorted(x for x, _ in points)


def test_a_million_observations_keep_a_spike():
    curve = Curve()
    for i in range(1_000_000):
        curve.add(float(i), 50.0 if i == 654_321 else 0.0)
    assert (654_321.0, 50.0) in curve.points()
    assert len(curve.points(60)) <= 61


def test_what_is_not_a_number_is_a_gap():
    trace = Trace()
    trace.feed(
        [
            {"step": 0, "e": 1.0},
            {"step": 1, "e": math.nan},
            {"step": 2, "e": 3.0, "words": "no"},
            {"step": 3, "flag": True},
        ]
    )
    assert trace.curves["e"].points() == [(0.0, 1.0), (2.0, 3.0)]
    assert list(trace.curves) == ["e"]


def test_observations_without_a_step_are_counted():
    trace = Trace()
    trace.feed([{"force": 0.5}, {"force": 0.25}])
    assert trace.curves["force"].points() == [(0.0, 0.5), (1.0, 0.25)]
    assert trace.clock == ""


def test_the_plot_shows_the_selected_run_first_and_one_quantity():
    story = Story().start()
    a = story.live({"temperature": 900.0, "density": 8.0}, 50)
    b = story.live({"temperature": 950.0, "density": 8.0}, 50)
    live = shown(story, selected=(b,), quantity="msd")["live"]
    assert [c["run"] for c in live["curves"]] == [b, a]
    assert (live["y_label"], live["x_label"]) == ("msd", "step")
    assert {q["name"] for q in live["quantities"]} == {"energy", "msd"}
    assert live["clock"] == "step"


def test_many_live_runs_share_the_points_of_one_plot():
    story = Story().start()
    for i in range(12):
        story.live({"temperature": 900.0 + i, "density": 8.0}, 3000)
    live = shown(story)["live"]
    assert len(live["curves"]) == 8
    assert sum(len(c["x"]) for c in live["curves"]) <= 1300
