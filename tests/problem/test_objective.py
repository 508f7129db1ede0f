from __future__ import annotations

import math

import numpy as np
import pytest

from aisteer.errors import BadDefinition, BadOutcome
from aisteer.problem.objective import Estimate, Maximize, Minimize, objective_from_json, read_outcome
from aisteer.problem.resources import NodeHours, Resources, Runs, budget_from_json


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (3.9712, 0.113, "3.97 ± 0.11"),
        (3.9712, 0.0, "3.9712 ± 0"),
        (1234.5, 45.6, "1234 ± 46"),
        (12345.6, 456.0, "12345.6 ± 4.6e+02"),
        (-0.5, 1e-12, "-0.5 ± 1e-12"),
    ],
)
def test_an_estimate_shows_two_digits_of_its_error(value, error, words):
    assert repr(Estimate(value, error)) == words


def test_an_estimate_is_a_number_where_one_is_needed():
    assert float(Estimate(2, 0.1)) == 2.0
    assert math.sqrt(Estimate(4, 0.1)) == 2.0
    assert type(Estimate(np.float32(1), np.float64(0)).value) is float


@pytest.mark.parametrize(
    ("value", "error"), [(math.nan, 1), (1, math.inf), (1, -0.1), ("1", 0), (True, 0), (None, 0)]
)
def test_an_estimate_that_says_nothing_is_refused(value, error):
    with pytest.raises(BadOutcome):
        Estimate(value, error)


def test_an_outcome_without_the_objective_is_refused_by_name():
    with pytest.raises(BadOutcome, match=r"has no 'diffusion'.*it has energy"):
        read_outcome({"energy": 1.0}, Maximize("diffusion"))
    assert read_outcome({"d": Estimate(1, 0.5), "e": 2}) == {"d": (1.0, 0.5), "e": (2.0, 0.0)}


@pytest.mark.parametrize("outcome", [None, 3.0, [1], {"d": "high"}, {"d": math.nan}, {"d": [1, 2]}])
def test_an_outcome_that_is_no_dict_of_finite_numbers_is_refused(outcome):
    with pytest.raises(BadOutcome):
        read_outcome(outcome)


def test_objectives_and_budgets_survive_the_journal():
    assert objective_from_json(Maximize("d", unit="Å²/ps").to_json()) == Maximize("d", unit="Å²/ps")
    assert isinstance(objective_from_json(Minimize("d").to_json()), Minimize)
    assert Maximize("d") != Minimize("d")
    assert Minimize("d").better(1.0, 2.0)
    for budget in (NodeHours(50, counts="charged"), Runs(60)):
        assert budget_from_json(budget.to_json()) == budget
    assert NodeHours(50).to_json() == {"amount": 50.0, "unit": "node-hours", "counts": "used"}
    assert budget_from_json(None) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: NodeHours(-1),
        lambda: NodeHours(math.inf),
        lambda: Runs(5, counts="spent"),
        lambda: Runs(True),
        lambda: Resources(nodes=0),
        lambda: Resources(cpus=1.5),
        lambda: Resources(walltime=0),
        lambda: Maximize(""),
        lambda: Maximize(3),
    ],
)
def test_budgets_resources_and_objectives_that_mean_nothing_are_refused(make):
    with pytest.raises(BadDefinition):
        make()


def test_resources_cost_node_hours():
    resources = Resources(nodes=4, walltime=1800)
    assert resources.node_hours(1800) == 2.0
    assert Resources.from_json(resources.to_json()) == resources
