"""A trust region is what the runs have earned: it grows, shrinks and begins anew as they say, whoever asks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scenes import SQUARE, known, task

from aisteer.errors import BadDefinition
from aisteer.problem.goals import Goals
from aisteer.problem.parameters import Choice, Float
from aisteer.problem.space import Space
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Evidence
from aisteer.steering.trust_region import Region, asked_for, earned, first_missing, trusted

OBJECTIVE = {"kind": "maximize", "outcome": "yield", "unit": "g"}
GOALS = Goals.of({"objective": OBJECTIVE})
CORNER = {"x": 0.1, "y": 0.1}
COLLAPSE = [3.0, *[1.0] * 28]
"""In two dimensions: a best run, and seven times four that were worse."""


def box(dimension: int) -> Space:
    return Space(**{f"x{i}": Float(0, 1) for i in range(dimension)})


def told(values: list[float], points=None, **more) -> Evidence:
    return known(points or [CORNER] * len(values), values, **more)


def region(values: list[float], dimension: int = 2, initial: int = 0) -> Region:
    space = SQUARE if dimension == 2 else box(dimension)
    return earned(told(values).data, GOALS, space, initial)


# --- its size ---------------------------------------------------------------------------------


def test_its_size_is_earned_by_the_runs_in_their_order():
    assert region([]).size == 0.8
    assert region([1.0, 2.0, 3.0]).size == 1.6
    assert region([3.0, 1.0, 1.0, 1.0, 1.0]).size == 0.4
    assert region([3.0, *[1.0] * 6], dimension=6).size == 0.4
    assert region([3.0, *[1.0] * 6], dimension=7).size == 0.8
    assert region(COLLAPSE).size == 0.8  # so small that it begins anew
    prior = tuple(replace(d, origin="prior") for d in told([1.0] * 9).data)
    assert earned(prior, GOALS, SQUARE).size == 0.8


def test_the_first_points_earn_nothing():
    assert region([1.0, 2.0, 3.0, 2.0], initial=4).size == 0.8
    assert region([1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 6.0], initial=4).size == 1.6


def test_what_counts_does_not_depend_on_the_unit_or_the_offset_of_the_outcome():
    rng = np.random.default_rng(2)
    values = list(np.maximum.accumulate(rng.normal(size=60)) + 0.2 * rng.normal(size=60))
    sizes = {region([a * v + b for v in values]).size for a, b in ((1, 0), (1e-6, 0), (1e3, -5e4), (1, 7e3))}
    assert len(sizes) == 1


def test_a_batch_counts_as_one_success_and_fails_only_as_a_whole():
    values = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0]
    alone = told(values).data
    together = tuple(replace(d, model=i // 4) for i, d in enumerate(alone))
    assert earned(alone, GOALS, SQUARE).size == 0.8
    assert earned(together, GOALS, SQUARE).size == 1.6


# --- beginning anew ---------------------------------------------------------------------------


def test_after_it_shrank_to_nothing_points_are_spread_over_the_whole_box_again():
    found = region(COLLAPSE, initial=0)
    assert (found.restarts, found.runs, found.given_up) == (1, [], [CORNER])
    evidence = told(COLLAPSE, steering={"trust_region": True})
    assert first_missing(SQUARE, evidence, GOALS, 4) == 0  # the first four did not count: not yet
    evidence = told([*COLLAPSE, *[1.0] * 4], steering={"trust_region": True})
    assert first_missing(SQUARE, evidence, GOALS, 4) == 4
    drafts = BayesianBox(SQUARE, OBJECTIVE, initial=4).propose(evidence, 4).drafts
    assert [d.reasons[-1]["kind"] for d in drafts] == ["initial"] * 4
    away = [max(abs(d.parameters[n] - CORNER[n]) for n in "xy") for d in drafts]
    assert max(away) > 0.4


def test_what_was_under_way_where_it_was_given_up_is_no_part_of_the_new_region():
    values = [*COLLAPSE, *[1.0] * 4]
    far = [{"x": 0.9, "y": 0.8}, {"x": 0.5, "y": 0.6}]
    late = told([*values, 2.9, 0.5, 0.7], points=[*[CORNER] * len(values), {"x": 0.11, "y": 0.1}, *far])
    found = earned(late.data, GOALS, SQUARE, 4)
    assert [d.parameters for d in found.runs] == far
    assert found.missing == 2
    pending = replace(late, steering={"trust_region": True}, pending=({"x": 0.3, "y": 0.7},))
    assert first_missing(SQUARE, pending, GOALS, 4) == 1


def test_the_new_region_lies_around_the_best_of_its_own_runs():
    values = [*COLLAPSE, *[1.0] * 4]
    far = [{"x": 0.9, "y": 0.9}, {"x": 0.85, "y": 0.9}, {"x": 0.9, "y": 0.85}, {"x": 0.86, "y": 0.86}]
    evidence = told(
        [*values, 0.5, 0.7, 0.4, 0.3],
        points=[*[CORNER] * len(values), *far],
        steering={"trust_region": True},
    )
    leading = SQUARE.encode([CORNER, *far])
    space, around = trusted(SQUARE, evidence, leading, None, GOALS, initial=4)
    assert SQUARE.encode([CORNER])[0].tolist() not in around.tolist()
    assert (space.low > 0.4).all()
    assert (space.high == 1.0).all()


# --- its shape --------------------------------------------------------------------------------


def test_it_is_longer_where_the_outcome_changes_less_and_leaves_choices_free():
    space = Space(x=Float(0, 1), kind=Choice(["a", "b", "c"]), y=Float(0, 1))
    evidence = known([{"x": 0.5, "kind": "b", "y": 0.5}], [1.0], steering={"trust_region": 0.2})
    for scales in (np.array([0.5, 2.0]), np.array([0.5, 9.0, 2.0])):
        around, _ = trusted(space, evidence, np.array([[0.5, 0.5, 0.5]]), scales, GOALS)
        assert np.allclose(around.high - around.low, [0.1, 1.0, 0.4])
        assert {p["kind"] for p in around.decode_uniform(np.random.default_rng(0).random((64, 3)))} == set(
            "abc"
        )


# --- how it is asked for ----------------------------------------------------------------------


def test_the_policy_s_option_holds_until_steering_says_otherwise():
    definition = task() | {"policy": {"name": "bayesian", "options": {"trust_region": "adaptive"}}}
    evidence = replace(told([1.0, 2.0]), definition=definition)
    assert asked_for(evidence) is True
    assert asked_for(replace(evidence, steering={"trust_region": 0.2})) == 0.2
    assert asked_for(replace(evidence, steering={"trust_region": False})) is False
    assert asked_for(told([1.0])) is False
    policy(definition, SQUARE)
    with pytest.raises(BadDefinition, match="trust region must be"):
        policy(task() | {"policy": {"name": "bayesian", "options": {"trust_region": 3}}}, SQUARE)


def test_the_same_runs_give_the_same_proposals_to_whoever_comes_later():
    rng = np.random.default_rng(1)
    points = [{"x": float(a), "y": float(b)} for a, b in rng.random((30, 2))]
    evidence = known(points, [-((p["x"] - 0.7) ** 2) for p in points], steering={"trust_region": True})
    first = BayesianBox(SQUARE, OBJECTIVE, initial=4)
    for n in (10, 20, 30):
        mine = first.propose(replace(evidence, data=evidence.data[:n]), 2)
    again = BayesianBox(SQUARE, OBJECTIVE, initial=4).propose(evidence, 2)
    assert [d.parameters for d in mine.drafts] == [d.parameters for d in again.drafts]
