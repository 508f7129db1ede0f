from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from aisteer.surrogates.calibration import LEVEL, NEEDED, calibration, skill, wilson

RNG = np.random.default_rng(0)


@given(st.integers(0, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilsons_interval_holds_the_share_and_stays_a_share(counts):
    inside, of = counts
    low, high = wilson(inside, of)
    assert 0.0 <= low <= high <= 1.0
    if of:
        assert low <= inside / of <= high


def test_wilsons_interval_is_the_published_one():
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.4901, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)


def test_honest_predictions_are_trusted():
    mean, std = RNG.normal(size=200), np.full(200, 0.7)
    found = calibration(mean + std * RNG.normal(size=200), mean, std)
    assert found.trusted
    assert found.low <= LEVEL <= found.high
    assert found.nll == pytest.approx(-norm.logpdf(0, scale=0.7) + 0.5, abs=0.15)
    assert f"{found.inside} of 200" in found.words


def test_over_confident_predictions_are_not_trusted():
    mean = np.zeros(60)
    found = calibration(RNG.normal(size=60), mean, np.full(60, 0.2))
    assert not found.trusted
    assert "do not trust" in found.words


def test_cautious_predictions_are_trusted_and_called_so():
    found = calibration(0.1 * RNG.normal(size=100), np.zeros(100), np.ones(100))
    assert found.trusted
    assert "cautious" in found.words


def test_few_predictions_are_not_enough():
    few = NEEDED - 1
    found = calibration(np.zeros(few), np.zeros(few), np.ones(few))
    assert not found.trusted
    assert "too few" in found.words
    none = calibration(np.zeros(0), np.zeros(0), np.zeros(0))
    assert (none.of, none.nll, none.trusted) == (0, None, False)
    assert "untested" in none.words


def test_predicting_the_mean_of_the_others_explains_nothing():
    y = RNG.normal(size=50)
    mean = (y.sum() - y) / 49
    found = skill(y, mean, np.full(50, y.std()))
    assert found is not None
    assert found.explained == pytest.approx(0.0, abs=1e-9)
    assert found.rmse == pytest.approx(found.spread)


def test_skill_needs_outcomes_that_differ():
    assert skill(np.ones(10), np.ones(10), np.ones(10)) is None
    assert skill(np.array([1.0, 2.0]), np.zeros(2), np.ones(2)) is None
