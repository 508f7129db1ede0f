from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from gest_api.generator import Generator as Standard
from gest_api.vocs import VOCS, ContextualVariable, ContinuousVariable

from aisteer.steering import Generator

HILL = VOCS(
    variables={"x": [0.0, 1.0], "y": [0.0, 1.0]},
    objectives={"f": "MAXIMIZE"},
    constants={"alpha": 0.5},
    observables=["seconds"],
)


def hill(point):
    value = 10 - 40 * (point["x"] - 0.3) ** 2 - 40 * (point["y"] - 0.7) ** 2
    return {**point, "f": value, "seconds": 1.0}


def test_it_is_a_generator_of_the_standard_and_climbs():
    generator = Generator(HILL, seed=3)
    assert isinstance(generator, Standard)
    results = []
    for _ in range(5):
        points = generator.suggest(4)
        assert [set(point) for point in points] == [{"x", "y", "alpha"}] * 4
        results += [hill(point) for point in points]
        generator.ingest(results[-4:])
    generator.finalize()
    assert max(result["f"] for result in results) > 9.9
    (said,) = generator.predict([{"x": 0.3, "y": 0.7}])
    mean, std = said["f"]
    assert mean == pytest.approx(10, abs=0.2)
    assert 0 < std < 1


def test_the_same_seed_and_results_give_the_same_suggestions_also_from_a_copy_or_a_pickle():
    first, second = Generator(HILL, seed=5), Generator(HILL, seed=5)
    assert Generator(HILL, seed=6).suggest(2) != Generator(HILL, seed=5).suggest(2)
    for generator in (first, second):
        for _ in range(3):
            generator.ingest([hill(point) for point in generator.suggest(3)])
    copied, carried = copy.deepcopy(first), pickle.loads(pickle.dumps(first))
    wanted = second.suggest(2)
    assert [g.suggest(2) for g in (first, copied, carried)] == [wanted] * 3


def test_an_option_that_its_policy_does_not_take_is_refused_by_name():
    for options, words in (
        ({"acquisitoin": "ucb"}, r"no option 'acquisitoin'.*Did you mean 'acquisition'"),
        ({"acquisition": "best"}, "There is no acquisition 'best'"),
        ({"initial": 0}, "initial must be a whole number"),
        ({"trust_region": 7}, "trust region must be"),
        ({"surrogate": "forest"}, "There is no surrogate 'forest'"),
        ({"fixed": {"z": 1.0}}, "'z'"),
    ):
        with pytest.raises(ValueError, match=words):
            Generator(HILL, **options)
    with pytest.raises(TypeError):
        Generator(HILL, seed=1.5)


def test_its_policy_takes_the_options_that_it_takes_in_a_campaign():
    generator = Generator(HILL, seed=3, initial=3, acquisition="ucb", fixed={"y": 0.5}, trust_region=0.2)
    for _ in range(3):
        generator.ingest([hill(point) for point in generator.suggest(2)])
    assert {point["y"] for point in generator.suggest(2)} == {0.5}
    assert pickle.loads(pickle.dumps(generator)).suggest(1)[0]["y"] == 0.5


def test_without_a_number_it_suggests_one():
    assert len(Generator(HILL).suggest()) == 1


def test_what_is_under_way_is_not_suggested_again_until_and_after_it_comes_back():
    generator = Generator(VOCS(variables={"n": {1, 2, 3}, "c": {"a", "b"}}, objectives={"f": "MINIMIZE"}))
    first, rest = generator.suggest(2), generator.suggest(4)
    assert len({(point["n"], point["c"]) for point in [*first, *rest]}) == 6
    generator.ingest([{**point, "f": point["n"]} for point in rest])
    with pytest.raises(ValueError, match="0 are left"):
        generator.suggest(1)
    assert generator.suggest(None) == []


def test_a_result_is_known_again_after_it_went_through_single_precision():
    generator = Generator(HILL)
    (point,) = generator.suggest(1)
    rounded = {name: np.float32(value) for name, value in point.items()}
    generator.ingest([{**rounded, "f": np.float64(1.0)}])
    assert generator._pending == []
    assert generator._data[0].outcomes["f"] == (1.0, 0.0)


@pytest.mark.parametrize(
    "broken",
    [
        {"f": math.nan},
        {"f": math.inf},
        {},
        {"f": 1e9, "xopt_error": True},
        {"f": None},
        {"f": "diverged"},
    ],
)
def test_a_failed_result_is_a_failure_and_no_data(broken):
    generator = Generator(HILL)
    points = generator.suggest(4)
    generator.ingest([hill(point) for point in points[1:]])
    generator.ingest([{**points[0], **broken}])
    assert [d.outcomes["f"][0] for d in generator._data] == [hill(p)["f"] for p in points[1:]]
    assert len(generator._failed) == 1
    assert points[0] not in generator.suggest(3)


def test_a_result_without_its_variables_is_refused_with_all_that_came_with_it():
    generator = Generator(HILL)
    good = hill(generator.suggest(1)[0])
    with pytest.raises(ValueError, match="lacks y"):
        generator.ingest([good, {"x": 0.1, "f": 1.0}])
    assert generator._data == []


def test_results_of_others_teach_it_also_from_beyond_the_bounds():
    generator = Generator(HILL, initial=1)
    grid = [(x / 4, y / 4) for x in range(-1, 6) for y in range(5)]
    generator.ingest([hill({"x": x, "y": y}) for x, y in grid])
    (point,) = generator.suggest(1)
    assert 0.2 < point["x"] < 0.4
    assert 0.55 < point["y"] < 0.85


def test_variables_keep_their_names_kinds_and_the_values_that_they_can_only_have():
    vocs = VOCS(
        variables={
            "QUAD:K1": [0.0, 5.0],
            "lambda": [1.0, 2.0],
            "seed": {1, 2, 3},
            "pressure": {0.1, 1.0, 10.0},
            "gas": {"Ar", "He"},
            "cells": ContinuousVariable(domain=[1, 8], dtype=int),
            "mode": {"fast"},
        },
        objectives={"BPM:X": "MINIMIZE"},
        constants={"alpha": 1},
    )
    generator = Generator(vocs)
    points = generator.suggest(6)
    for point in points:
        assert list(point) == [*vocs.variables, "alpha"]
        assert 0 <= point["QUAD:K1"] <= 5
        assert point["seed"] in {1, 2, 3}
        assert point["pressure"] in {0.1, 1.0, 10.0}
        assert point["gas"] in {"Ar", "He"}
        assert isinstance(point["cells"], int)
        assert point["mode"] == "fast"
    generator.ingest([{**point, "BPM:X": point["QUAD:K1"]} for point in points])
    assert set(generator.predict(points)[0]) == {"BPM:X"}


@pytest.mark.parametrize(
    ("vocs", "words"),
    [
        (VOCS(variables={}, objectives={"f": "MINIMIZE"}), "no variables"),
        (VOCS(variables={"x": [0, 1]}), "no objectives"),
        (VOCS(variables={"x": [0, 1], "t": "contextual"}, objectives={"f": "MINIMIZE"}), "has no bounds"),
        (
            VOCS(variables={"t": ContextualVariable(domain=[0, 1])}, objectives={"f": "MINIMIZE"}),
            "nothing to choose",
        ),
        (VOCS(variables={"x": {1}}, objectives={"f": "MINIMIZE"}), "one value only"),
        (VOCS(variables={"x": [0, 1]}, objectives={"f": "EXPLORE", "g": "MINIMIZE"}), "stand beside"),
        (VOCS(variables={"x": [0, 1]}, objectives=dict.fromkeys("fghi", "MINIMIZE")), "objectives"),
        (
            VOCS(
                variables={"x": ContinuousVariable(domain=[0, 1], dtype=(float, (3,)))},
                objectives={"f": "MINIMIZE"},
            ),
            "array",
        ),
    ],
)
def test_a_problem_that_it_cannot_take_is_refused_when_it_is_made(vocs, words):
    with pytest.raises(ValueError, match=words):
        Generator(vocs)


def test_two_objectives_and_bounds_on_outcomes_are_sought_together():
    vocs = VOCS(
        variables={"x": [0.0, 1.0], "y": [0.0, 1.0]},
        objectives={"cost": "MINIMIZE", "gain (eV)": "MAXIMIZE"},
        constraints={"sum": ["BOUNDS", 0.2, 1.5], "x only": ["LESS_THAN", 0.8]},
    )
    generator = Generator(vocs, seed=2, initial=4)
    for n in (4, 2):
        points = generator.suggest(n)
        assert all(set(point) == {"x", "y"} for point in points)
        generator.ingest(
            [
                {**p, "cost": p["x"], "gain (eV)": p["y"], "sum": p["x"] + p["y"], "x only": p["x"]}
                for p in points
            ]
        )
    (said,) = generator.predict([{"x": 0.1, "y": 0.9}])
    assert set(said) == {"cost", "gain (eV)", "sum", "x only"}
    generator.ingest([{"x": 0.5, "y": 0.5, "cost": 0.5, "gain (eV)": 0.5, "sum": 1.0}])  # lacks a constraint
    assert len(generator._failed) == 1


def test_what_is_observed_is_not_suggested_and_suggestions_are_for_where_it_was_last():
    vocs = VOCS(
        variables={"x": [0.0, 1.0], "beam": ContextualVariable(domain=[0, 1])}, objectives={"f": "MINIMIZE"}
    )
    generator = Generator(vocs, seed=1, initial=4)
    for i in range(14):
        (point,) = generator.suggest(1)
        assert set(point) == {"x"}
        beam = i % 3 / 4
        generator.ingest([{**point, "beam": beam, "f": (point["x"] - 0.2 - beam) ** 2}])
        assert generator._pending == []
    for beam in (0.1, 0.5):
        generator.ingest([{"x": 0.9, "beam": beam, "f": (0.7 - beam) ** 2}])
        (point,) = generator.suggest(1)
        assert abs(point["x"] - 0.2 - beam) < 0.15


def test_to_explore_is_to_learn():
    generator = Generator(VOCS(variables={"x": [0, 1]}, objectives={"f": "EXPLORE"}), initial=3)
    for _ in range(3):
        generator.ingest([{**point, "f": point["x"] ** 2} for point in generator.suggest(2)])
    xs = sorted(result["x"] for result in generator._results)
    assert max(right - left for left, right in zip([0.0, *xs], [*xs, 1.0], strict=True)) < 0.4


def test_a_frame_can_be_added_and_set_as_xopt_does():
    generator = Generator(HILL)
    assert generator.data is None
    results = [hill(point) for point in generator.suggest(3)]
    generator.add_data(pd.DataFrame(results))
    assert list(generator.data["f"]) == [result["f"] for result in results]
    generator.data = pd.DataFrame(results[:1])
    assert len(generator._data) == 1


@pytest.mark.parametrize(
    "values",
    [[], [math.nan] * 5, [1.0] * 5, [0.0, 1e6, 0.1, math.nan, -math.inf], [1e-12, 2e-12, 3e-12, 0.0, 1e-12]],
)
def test_whatever_comes_back_new_points_within_the_bounds_are_suggested(values):
    generator = Generator(HILL, initial=2)
    generator.ingest([{"x": i / 7, "y": 0.5, "f": f} for i, f in enumerate(values)])
    points = generator.suggest(3)
    assert len({(p["x"], p["y"]) for p in points} - {(i / 7, 0.5) for i in range(5)}) == 3
    assert all(0 <= p["x"] <= 1 and 0 <= p["y"] <= 1 for p in points)


def test_without_gest_api_it_is_said_what_to_install_and_the_rest_imports():
    code = """
import sys
sys.modules["gest_api"] = None
import aisteer.steering
try:
    aisteer.steering.Generator
except ImportError as error:
    assert type(error).__name__ == "MissingExtra", error
    assert "pip install 'aisteer[gest,steer]'" in str(error), error
else:
    sys.exit("imported")
sys.exit(bool({"torch", "pandas", "pydantic"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
