"""Costs that are learned from runs: never lower where a run is better, and right where enough is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aisteer.problem.fidelity import Fidelity
from aisteer.problem.parameters import Choice, Float, Int
from aisteer.steering.costs import ASSUMED, costs_of, fidelity_costs, place_costs
from aisteer.steering.domains import Box
from aisteer.steering.protocols import Datum
from aisteer.surrogates.gaussian_process import Remembered
from tests.steering.scenes import SQUARE

GRID = np.linspace(0, 1, 41)[:, None]
POSITION = st.floats(0, 1)
COST = st.floats(1e-9, 1e9)


@given(st.lists(st.tuples(POSITION, COST), max_size=12), st.lists(st.tuples(POSITION, COST), max_size=3))
def test_the_cost_never_falls_with_the_fidelity_whatever_runs_took(runs, declared):
    s, cost = (np.array([one[i] for one in runs]) for i in (0, 1))
    found = fidelity_costs(0, s, cost, declared=declared).at(GRID)
    assert np.isfinite(found).all()
    assert (found > 0).all()
    assert (np.diff(found) >= -1e-12 * found[1:]).all()


@pytest.mark.parametrize(
    "law",
    [
        lambda s: 0.1 + s,
        lambda s: np.exp(4 * s),
        lambda s: (0.1 + 0.9 * s) ** 3,
        lambda s: np.full_like(s, 2.0),
        lambda s: np.where(s > 0.9, 50.0, 1.0 + s),
    ],
)
def test_powers_exponentials_and_steps_of_the_fidelity_are_met(law):
    s = np.array([0.0, 0.25, 0.5, 0.75, 1.0]).repeat(3)
    noise = np.exp(0.05 * np.random.default_rng(0).standard_normal(len(s)))
    found = fidelity_costs(0, s, law(s) * noise).at(np.unique(s)[:, None])
    assert np.abs(np.log(found / law(np.unique(s)))).max() < np.log(2.0)


def test_runs_outweigh_what_was_stated_and_what_is_assumed():
    assert fidelity_costs(0, np.array([]), np.array([])).at(GRID)[[0, -1]] == pytest.approx([1 / ASSUMED, 1])
    one = fidelity_costs(0, np.ones(4), np.full(4, 3.0))
    assert one.at(GRID)[-1] == pytest.approx(3.0)
    assert one.at(GRID)[0] == pytest.approx(3.0 / ASSUMED)
    assert "all of one fidelity" in one.words
    stated = fidelity_costs(0, np.array([]), np.array([]), declared=[(0.0, 1.0), (1.0, 4.0)])
    assert stated.at(GRID)[[0, -1]] == pytest.approx([1.0, 4.0], rel=0.05)
    ran = fidelity_costs(0, np.array([0.0, 1.0] * 20), np.array([1.0, 40.0] * 20), declared=[(1.0, 4.0)])
    assert ran.at(GRID)[-1] > 30


@pytest.mark.parametrize(
    ("parameter", "value"),
    [(Int(10, 1000, log=True), 100), (Choice([1, 2, 4], ordered=True), 2), (Float(0, 1), 0.5)],
)
def test_a_stated_cost_is_at_the_value_that_it_is_stated_for(parameter, value):
    fidelity = Fidelity("mesh", parameter)
    chosen = isinstance(parameter, Choice)
    ends = [parameter.options[0], fidelity.truth] if chosen else [parameter.low, fidelity.truth]
    definition = {"costs": [[ends[0], 1.0], [value, 2.0], [ends[1], 9.0]]}
    costs = costs_of(fidelity, definition, (), 0)
    places = np.array([[parameter.to_unit(v)] for v in (ends[0], value, ends[1])])
    assert costs.at(places) == pytest.approx([1.0, 2.0, 9.0], rel=0.15)


def test_where_runs_are_dear_is_learned_and_has_a_slope():
    points = SQUARE.sample(20, 0)
    data = [Datum(f"R{i}", p, {}, cost=float(np.exp(3 * p["x"]))) for i, p in enumerate(points)]
    costs = place_costs(data, Box(SQUARE), Remembered())
    assert place_costs(data[:4], Box(SQUARE), Remembered()) is None
    x = SQUARE.encode(SQUARE.sample(50, 1))
    assert np.abs(np.log(costs.at(x)) - 3 * x[:, 0]).max() < 0.3
    inputs = torch.as_tensor(x).requires_grad_()
    (slope,) = torch.autograd.grad(costs.log(inputs).sum(), inputs)
    assert slope[:, 0].median() == pytest.approx(3.0, rel=0.2)
