from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisteer.errors import BadDefinition, BadParameters
from aisteer.problem.constraints import parse_constraint
from aisteer.problem.parameters import Choice, Float, Int
from aisteer.problem.space import Space


def melt_space() -> Space:
    return Space(
        temperature=Float(300, 2000, unit="K"),
        x=Float(1e-3, 10, log=True),
        cells=Int(2, 8),
        method=Choice(["pbe", "hse", "r2scan"]),
        constraints=["temperature + 100*x <= 1500"],
    )


GOOD = {"temperature": 900, "x": 0.1, "cells": 4, "method": "pbe"}


def test_a_point_is_normalised_to_plain_python_values_in_the_order_of_the_space():
    point = melt_space().validate(
        {"method": "pbe", "cells": np.float64(4.0), "x": np.float32(0.5), "temperature": np.int64(900)}
    )
    assert point == {"temperature": 900.0, "x": 0.5, "cells": 4, "method": "pbe"}
    assert [type(v) for v in point.values()] == [float, float, int, str]
    assert json.loads(json.dumps(point)) == point


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temprature": 1}, "Did you mean 'temperature'"),
        ({"temperature": 2500}, "temperature = 2500 K is outside 300 to 2000 K"),
        ({"temperature": float("nan")}, "not a finite number"),
        ({"temperature": float("inf")}, "not a finite number"),
        ({"temperature": "1,000"}, "must be a number, not '1,000' \\(str\\). Write 1000, without quotes"),
        ({"temperature": "hot"}, "must be a number, not 'hot' \\(str\\).$"),
        ({"temperature": True}, "must be a number"),
        ({"temperature": None}, "must be a number"),
        ({"temperature": [900]}, "must be a number"),
        ({"temperature": 10**400}, "not a finite number"),
        ({"cells": 3.5}, "not a whole number"),
        ({"method": "b3lyp"}, "none of 'pbe', 'hse', 'r2scan'"),
        ({"temperature": 1400, "x": 5}, "does not meet the constraint temperature + 100*x <= 1500"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_wrong(change, words):
    with pytest.raises(BadParameters, match=words.replace("+", r"\+").replace("*", r"\*")):
        melt_space().validate({**GOOD, **change})


def test_missing_parameters_are_all_named():
    with pytest.raises(BadParameters, match="lacks x, method"):
        melt_space().validate({"temperature": 900, "cells": 4})


def test_options_keep_their_types_apart():
    choice = Choice([1, "1", True, 2.5])
    assert [choice.validate("c", v) for v in (1, "1", True, 2.5)] == [1, "1", True, 2.5]
    assert choice.validate("c", True) is True
    assert type(choice.validate("c", 1)) is int


def test_samples_meet_bounds_and_constraints_and_repeat_with_the_seed():
    space = melt_space()
    points = space.sample(200, 7)
    assert len(points) == 200
    assert all(space.validate(point) == point for point in points)
    assert points == space.sample(200, np.random.default_rng(7))
    assert {point["method"] for point in points} == {"pbe", "hse", "r2scan"}


def test_a_space_that_its_constraints_leave_empty_says_so():
    with pytest.raises(BadDefinition, match="No point within the bounds"):
        Space(x=Float(0, 1), constraints=["x >= 2"])
    crossed = Space(x=Float(0, 1), y=Float(0, 1), constraints=["x - y <= -0.1", "y - x <= -0.1"])
    with pytest.raises(BadDefinition, match="No point in"):
        crossed.sample(1, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x*y >= 2", "No point in"),
        ("sqrt(x, y) <= 1", "sqrt takes one number"),
        ("max(x) <= 1", "max takes two or more"),
        ("x.real <= 1", "may hold only"),
        ("x @ y <= 1", "may hold only"),
        ("sqrt(x, key=y) <= 1", "may hold only"),
        ("x**2 <= 1e400", "not finite"),
        ("sin(2) <= 1", "does not depend"),
        ("x**2 + m <= 1", "the choice 'm'"),
        ("+".join(["x*y"] * 200) + " <= 1", "too long"),
        ("x <= ", "cannot be read"),
        ("x == 1", "must use <= or >="),
        ("__import__('os').system('true') <= 1", "may hold only"),
        ("f(x) <= 1", "may hold only"),
        ("z <= 1", "names 'z'"),
        ("1 <= 2", "does not depend"),
        ("x / 0 <= 1", "divides by zero"),
        ("x <= 1e400", "not finite"),
        ("m <= 1", "the choice 'm'"),
        ("(" * 500 + "x" + ")" * 500 + " <= 1", "cannot be read"),
    ],
)
def test_a_constraint_that_cannot_be_met_or_is_no_inequality_of_formulas_is_refused(text, words):
    with pytest.raises(BadDefinition, match=words):
        Space(x=Float(0, 1), y=Float(0, 1), m=Choice(["a", "b"]), constraints=[text])


def test_a_constraint_may_be_curved_and_points_and_samples_keep_it():
    ring = Space(x=Float(-1, 1), y=Float(-1, 1), constraints=["0.25 <= x**2 + y**2 <= 1", "abs(x) <= exp(y)"])
    assert not ring.linear
    assert len(ring.nonlinear) == 3
    assert ring.feasible({"x": 0.6, "y": 0.6})
    for point in ring.sample(50, 0):
        assert 0.25 <= point["x"] ** 2 + point["y"] ** 2 <= 1
        assert abs(point["x"]) <= np.exp(point["y"])
    with pytest.raises(BadParameters, match=r"x = 0.1, y = 0 does not meet the constraint 0.25"):
        ring.validate({"x": 0.1, "y": 0.0})
    assert Space.from_json(json.loads(json.dumps(ring.to_json()))) == ring


def test_a_formula_that_has_no_value_somewhere_excludes_that_point_and_never_runs_away():
    space = Space(x=Float(-1, 1), n=Int(1, 9), constraints=["log(x) <= 1", "9**9**n / 1e300 <= 1e300"])
    assert not space.feasible({"x": -0.5, "n": 1})
    assert not space.feasible({"x": 0.5, "n": 9})
    assert space.feasible({"x": 0.5, "n": 1})


@given(x=st.floats(0.01, 3), y=st.floats(-3, 3))
def test_formulas_mean_what_they_say(x, y):
    (constraint,) = parse_constraint(
        "sqrt(x)*y - max(x, y, 1)/2 + sin(x)**2 <= min(2*x, tan(0.1) + log(x)) + cos(y)"
    )
    left = np.sqrt(x) * y - max(x, y, 1) / 2 + np.sin(x) ** 2
    right = min(2 * x, np.tan(0.1) + np.log(x)) + np.cos(y)
    assert constraint.excess({"x": x, "y": y}) == pytest.approx(left - right)
    if abs(left - right) > 1e-6:
        assert constraint.holds({"x": x, "y": y}) == (left <= right)


def test_constraints_are_read_with_brackets_division_and_chains():
    low, high = parse_constraint("0.5 <= 2*(x - y)/4 + 1 < 3")
    assert low.coefficients == {"x": -0.5, "y": 0.5}
    assert low.bound == pytest.approx(0.5)
    assert high.coefficients == {"x": 0.5, "y": -0.5}
    assert high.bound == pytest.approx(2.0)


@given(
    a=st.floats(-100, 100).filter(lambda v: abs(v) > 1e-3),
    b=st.floats(-100, 100).filter(lambda v: abs(v) > 1e-3),
    x=st.floats(-10, 10),
    y=st.floats(-10, 10),
)
def test_constraints_mean_what_they_say(a, b, x, y):
    (constraint,) = parse_constraint(f"{a}*x + {b}*y <= 3 - x")
    left, right = a * x + b * y, 3 - x
    if abs(left - right) > 1e-6:
        assert constraint.holds({"x": x, "y": y}) == (left <= right)


def test_encoding_and_decoding_give_the_point_back():
    space = melt_space()
    points = space.sample(50, 1)
    unit = space.encode(points)
    assert unit.shape == (50, 4)
    assert unit.min() >= 0
    assert unit.max() <= 1
    back = space.decode(unit)
    assert [p["cells"] for p in back] == [p["cells"] for p in points]
    assert [p["method"] for p in back] == [p["method"] for p in points]
    assert np.allclose(
        [[p["temperature"], p["x"]] for p in back], [[p["temperature"], p["x"]] for p in points]
    )
    assert space.encode([]).shape == (0, 4)
    assert space.categorical == (3,)
    assert space.discrete[2] == tuple(i / 6 for i in range(7))


def test_the_unit_cube_constraints_agree_with_the_real_ones():
    space = Space(x=Float(-3, 5), n=Int(1, 9), constraints=["2*x + n <= 9", "x >= -2"])
    free = Space(x=Float(-3, 5), n=Int(1, 9))
    matrix, bound = space.encoded_constraints()
    points = free.sample(300, 3)
    inside = (free.encode(points) @ matrix.T <= bound + 1e-9).all(axis=1)
    assert inside.tolist() == [space.feasible(p) for p in points]
    assert melt_space().encoded_constraints() is None  # x is on a logarithmic scale


def test_a_space_survives_the_journal():
    space = melt_space()
    again = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert again.sample(5, 0) == space.sample(5, 0)


def test_a_parameter_of_a_campaign_that_is_stored_may_be_called_at():
    space = Space(at=Float(0, 1))
    assert Space.from_json(json.loads(json.dumps(space.to_json()))) == space


@pytest.mark.parametrize(
    "make",
    [
        lambda: Float(2, 1),
        lambda: Float(0, float("inf")),
        lambda: Float(-1, 1, log=True),
        lambda: Float("0", 1),
        lambda: Int(0.5, 3),
        lambda: Choice(["only"]),
        lambda: Choice("abc"),
        lambda: Choice(["a", "a"]),
        lambda: Choice([object(), 1]),
        Space,
        lambda: Space(x=(0, 1)),
        lambda: Space(restart=Float(0, 1)),
        lambda: Space(reason=Float(0, 1)),
        lambda: Space(**{"class": Float(0, 1)}),
        lambda: Space(**{"a b": Float(0, 1)}),
    ],
)
def test_a_definition_that_cannot_work_is_refused_when_it_is_made(make):
    with pytest.raises(BadDefinition):
        make()
