"""Outcomes that would drown all others."""

from __future__ import annotations

import numpy as np
import pytest

from aisteer.steering.domains import Box
from aisteer.steering.fitting import Fitter
from aisteer.steering.outliers import tamed
from tests.steering.scenes import SQUARE, known

MAXIMIZE = {"kind": "maximize", "outcome": "yield", "unit": "g"}


def names(n: int) -> list[str]:
    return [f"R{i + 1}" for i in range(n)]


def test_an_outcome_of_a_million_spreads_is_moved_next_to_the_others_and_named():
    values = np.array([1.0, 2.0, 1.5, 1.2, 1e6, 1.8])
    moved, words = tamed(values, names(6))
    assert moved[:4].tolist() == values[:4].tolist()
    assert 2.0 < moved[4] < 4.0
    assert "R5" in words
    assert "Mark it bad" in words


def test_outliers_keep_their_side_and_their_order():
    values = np.concatenate([np.linspace(0, 1, 60), [1e6, 1e8, -1e7]])
    moved, words = tamed(values, names(63))
    assert moved[61] > moved[60] > 1.0
    assert moved[62] < 0.0
    assert "R61" in words


@pytest.mark.parametrize(
    "values",
    [
        np.concatenate(
            [np.full(40, 0.398) + 1e-6 * np.arange(40), [3.0, 50.0, 300.0]]
        ),  # gathered near an optimum
        10.0 ** np.arange(12),  # many orders of magnitude: none stands alone
        np.array([0.0, 1e9, 2.0]),  # too few to say
        np.ones(10),
    ],
)
def test_what_a_search_or_a_steep_function_gives_is_left_alone(values):
    moved, words = tamed(values, names(len(values)))
    assert moved is values
    assert not words


def test_a_surrogate_goes_on_to_see_the_others_beside_an_outlier():
    points = SQUARE.sample(20, 0)
    values = [p["x"] for p in points]
    values[7] = -1e6
    belief = Fitter(Box(SQUARE), MAXIMIZE).belief(known(points, values))
    assert belief is not None
    assert belief.y[7] == -1e6
    mean, _ = belief.first.predict(SQUARE.encode([{"x": 0.1, "y": 0.5}, {"x": 0.9, "y": 0.5}]))
    assert mean[1] - mean[0] > 0.4
    assert "R8" in belief.summary(SQUARE.names)["words"]
