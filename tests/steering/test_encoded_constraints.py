"""Constraints as the search takes them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from aisteer.problem.parameters import Choice, Float, Int
from aisteer.problem.space import Space
from aisteer.steering.box_search import maximise
from aisteer.steering.encoded_constraints import encoded_constraints

MIXED = Space(
    a=Float(1, 1000, log=True),
    n=Int(2, 9),
    c=Choice(["u", "v"]),
    b=Float(-2, 3),
    constraints=["sqrt(a) * b <= min(n, 5) + exp(-b)", "a + n <= 800", "b**2 - max(b, sin(a), 0.1) <= 4"],
)


def test_they_hold_where_the_space_says_so_and_their_slopes_are_right():
    free = Space(**MIXED.parameters)
    points = free.sample(60, 0)
    x = free.encode(points)
    found = encoded_constraints(MIXED, x[:4])
    assert len(found) == 3
    for row, point in zip(x, points, strict=True):
        assert all(c.fun(row) <= 1e-9 for c in found) == MIXED.feasible(point)
    for constraint in found:
        slope = constraint.jac(x[7])
        np.testing.assert_allclose(slope, approx_fprime(x[7], constraint.fun, 1e-7), atol=1e-4)


def test_a_search_ends_on_a_curved_edge_where_the_best_point_is():
    disc = Space(x=Float(0, 1), y=Float(0, 1), constraints=["x**2 + y**2 <= 0.5"])
    raw = disc.encode(disc.sample(32, 0))
    point = maximise(
        disc,
        lambda x: x[:, 0] + 2 * x[:, 1],
        raw=raw,
        incumbents=raw[:2],
        rng=np.random.default_rng(0),
        allowed=disc.feasible,
    )
    assert point is not None
    assert point["x"] + 2 * point["y"] == pytest.approx(np.sqrt(0.5 * 5), abs=1e-4)
