"""What is said of uncertainty is widened as far as the record asks for, and holds as often as it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scenes import SQUARE, known

from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.widening import in_words, widening

OBJECTIVE = {"kind": "maximize", "outcome": "yield", "unit": "g"}


def held(spread: float, n: int = 400, seed: int = 0) -> float:
    """The share of outcomes inside what was predicted, where the model says 1 instead of ``spread``."""
    rng = np.random.default_rng(seed)
    outcomes, std = spread * rng.standard_normal(n), np.empty(n)
    for i in range(n):
        std[i] = widening(outcomes[:i], np.zeros(i), std[:i])
    return float(np.mean(np.abs(outcomes) <= 1.6449 * std))


@pytest.mark.parametrize("spread", [1.0, 1.6, 2.5])
def test_intervals_of_a_model_that_is_too_sure_come_true_as_often_as_they_say(spread: float):
    assert 0.87 <= held(spread) <= 0.95


def test_nothing_is_made_narrower_than_the_model_has_it():
    assert widening(np.zeros(50), np.zeros(50), np.ones(50)) == 1.0
    assert held(0.3) == 1.0
    assert widening(np.zeros(0), np.zeros(0), np.zeros(0)) == 1.0


def test_no_record_widens_without_bound_and_a_better_one_takes_it_back():
    bad = np.full(60, 1e9)
    assert widening(bad, np.zeros(60), np.ones(60)) == pytest.approx(5.0)
    good = np.concatenate([bad, np.zeros(70)])
    assert widening(good, np.zeros(130), np.ones(130)) == 1.0


def test_proposals_say_what_the_record_makes_of_them_and_are_chosen_as_before():
    rng = np.random.default_rng(3)
    points = [{"x": float(a), "y": float(b)} for a, b in rng.random((14, 2))]
    plain = known(points, [-((p["x"] - 0.7) ** 2) for p in points])
    missed = replace(plain, data=tuple(replace(d, predicted={"yield": [5.0, 0.1]}) for d in plain.data))
    one, other = (BayesianBox(SQUARE, OBJECTIVE, initial=4).propose(e, 2).drafts for e in (plain, missed))
    for a, b in zip(one, other, strict=True):
        assert a.parameters == b.parameters
        assert b.predicted["yield"][0] == a.predicted["yield"][0]
        assert b.predicted["yield"][1] == pytest.approx(5.0 * a.predicted["yield"][1])
    words = in_words(5.0)
    assert any(words in r.get("words", "") for r in other[0].reasons)
    assert not any("widened" in r.get("words", "") for r in one[0].reasons)
