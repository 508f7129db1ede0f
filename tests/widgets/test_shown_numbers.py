from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aisteer as ai
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.tasks import Parameter


@pytest.mark.parametrize(
    ("mean", "error", "shown"),
    [
        (4.2134, 0.3812, "4.21 ± 0.38"),
        (3.1, 1.4, "3.1 ± 1.4"),
        (-1234.5, 67.8, "−1,234 ± 68"),
        (12345.6, 789.0, "12,350 ± 790"),
        (4.2e-9, 3.1e-10, "(4.20 ± 0.31)×10⁻⁹"),
        (8.75, 0.0, "8.75"),
        (8.75, math.nan, "8.75"),
    ],
)
def test_a_value_is_shown_to_the_digits_that_its_error_allows(mean, error, shown):
    assert fmt.estimate(mean, error) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1384.973, "1,385"),
        (7.9213, "7.921"),
        (2000.0, "2,000"),
        (0.0, "0"),
        (-0.5, "−0.5"),
        (1.5e-7, "1.5×10⁻⁷"),
    ],
)
def test_a_number_is_shown_to_four_digits(value, shown):
    assert fmt.number(value) == shown


def test_a_unit_that_is_a_factor_is_written_as_one():
    assert fmt.estimate(4.21, 0.38, "10⁻⁹ m²/s") == "(4.21 ± 0.38)×10⁻⁹ m²/s"
    assert fmt.quantity(8.75, "eV") == "8.75\u00a0eV"


@given(st.floats(), st.floats())
def test_any_number_can_be_shown(mean, error):
    assert fmt.estimate(mean, error)
    assert fmt.number(mean)
    assert "e" not in fmt.number(mean).replace("not a number", "")


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_a_shown_estimate_is_within_its_last_digit(mean, error):
    text = fmt.estimate(mean, error)
    if "×" in text:
        return
    value = float(text.split(" ± ")[0].replace(",", ""))
    assert abs(value - mean) <= 0.06 * error


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(2.9, "2 s"), (245, "4 min"), (4320, "1 h 12 min"), (7200, "2 h"), (183600, "2 d 3 h")],
)
def test_durations_are_short(seconds, shown):
    assert fmt.duration(seconds).replace("\u202f", " ").replace("\u00a0", " ") == shown


@given(st.text(max_size=3000))
def test_a_clipped_text_is_one_line_and_short(text):
    shown = fmt.clip(text, 50)
    assert len(shown) <= 50
    assert "\n" not in shown


def test_of_many_parts_as_many_stand_as_fit_and_it_is_said_that_there_are_more():
    parts = ["623.6 K", "122.8 min", "3", "DMF"]
    assert fmt.some(parts, 34) == "623.6 K · 122.8 min · 3 · DMF"
    assert fmt.some([*parts, "12 h"], 34) == "623.6 K · 122.8 min · 3 · DMF · …"
    assert fmt.some(parts, 20) == "623.6 K · …"
    assert fmt.some(["a" * 50], 20) == fmt.clip("a" * 50, 20)
    assert fmt.some([], 20) == ""


def test_values_stand_under_each_other_with_the_digits_that_the_finest_needs():
    places = fmt.decimals([8.042, 8.73, 10.82])
    assert [fmt.fixed(v, places) for v in (8.042, 8.73, 10.82)] == ["8.042", "8.730", "10.820"]
    assert fmt.decimals([8.042, 4.2e-9]) is None
    assert fmt.fixed(4.2e-9, None) == "4.2×10⁻⁹"
    assert fmt.decimals([]) is None


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (-1013.9127, -1013.95, -1013.0, "−1,013.91"),
        (-3.4, -3.4, -3.2, "−3.4"),
        (900.2, 300.0, 2000.0, "900.2"),
        (5.0, 5.0, 5.0, "5"),
    ],
)
def test_what_moves_is_shown_to_the_digits_in_which_it_moves(value, low, high, shown):
    assert fmt.moving(value, [low, high]) == shown


def test_a_value_that_rounding_took_off_a_bound_reads_as_the_bound():
    palladium = Parameter("palladium", low=0.0, high=1.0)
    assert [palladium.show(v) for v in (5e-15, 1 - 1e-12, 1e-6, 0.5)] == ["0", "1", "1×10⁻⁶", "0.5"]
    pressure = Parameter("pressure", unit="Pa", low=1e-9, high=1e5, log=True)
    assert pressure.show(3e-9).replace("\u00a0", " ") == "3×10⁻⁹ Pa"
    assert ai.Float(0, 1).from_unit(5e-15) == 0.0
    assert ai.Float(1e-9, 1e5, log=True).from_unit(1 - 1e-14) == 1e5
