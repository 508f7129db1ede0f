"""What constraints leave so little of that draws miss it is walked along; where they leave nothing, it is said."""

from __future__ import annotations

import numpy as np
import pytest

from aisteer.errors import BadDefinition
from aisteer.problem.parameters import Float, Int
from aisteer.problem.space import Space


def box(*constraints: str) -> Space:
    return Space(constraints=list(constraints), x=Float(0, 1), y=Float(0, 1))


LONGER = [pytest.param(c, marks=pytest.mark.full) for c in ("x + y <= 0.001", "x**2 + y**2 >= 1.999")]


@pytest.mark.parametrize("constraint", ["abs(x - y) <= 1e-5", *LONGER])
def test_a_thin_region_is_sampled_all_over(constraint: str) -> None:
    space = box(constraint)
    points = space.sample(300, 0)
    assert len(points) == 300
    assert all(space.feasible(point) for point in points)
    assert len({tuple(point.values()) for point in points}) > 200
    x = space.encode(points)
    size = {"x + y <= 0.001": 1e-3, "abs(x - y) <= 1e-5": 1.0}.get(constraint, 5e-4)
    assert (np.ptp(x, axis=0) > 0.5 * size).all()
    assert [p["x"] for p in points[:5]] == [p["x"] for p in space.sample(300, 0)[:5]], "it is seeded"


@pytest.mark.full
def test_of_a_few_points_all_are_found_and_repeated() -> None:
    points = Space(constraints=["n + m <= 3"], n=Int(1, 3000), m=Int(1, 3000)).sample(100, 0)
    assert len(points) == 100
    assert {tuple(p.values()) for p in points} == {(1, 1), (1, 2), (2, 1)}


def test_constraints_that_leave_nothing_are_said() -> None:
    with pytest.raises(BadDefinition, match="loosen a constraint"):
        box("x + y <= 0.2", "x - y >= 0.9").sample(10, 0)
