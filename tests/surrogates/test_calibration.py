from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm

from aisteer.surrogates.calibration import LEVEL, NEEDED, calibration, lower_bound, off_at_half, skill, wilson
from aisteer.surrogates.drift import drift

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


# --- trust that is earned ---------------------------------------------------------------------


@given(st.integers(1, 60).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_lower_bound_is_clopper_and_pearsons(counts):
    inside, of = counts
    exact = beta.ppf(0.05, inside, of - inside + 1) if inside else 0.0
    assert lower_bound(inside, of) == pytest.approx(exact, abs=1e-9)


def test_the_lower_bound_is_too_high_in_one_campaign_of_twenty_at_most():
    rng = np.random.default_rng(4)
    for of in (10, 20, 50):
        counted = rng.binomial(of, 0.8, size=4000)
        bounds = {k: lower_bound(k, of) for k in range(of + 1)}
        assert np.mean([bounds[k] > 0.8 for k in counted]) <= 0.06


def test_points_that_chance_chose_are_counted_by_themselves():
    rng = np.random.default_rng(5)
    drawn = np.arange(50) % 5 == 0
    residuals = np.where(drawn, 6.0, 0.5) * rng.normal(size=50)
    found = calibration(residuals, np.zeros(50), np.ones(50), drawn)
    assert found.acquired.of + found.audit.of == found.of == 50
    assert found.acquired.bound > 0.9 > found.audit.high
    assert not found.trusted
    assert "where nobody chose the point" in found.words
    assert calibration(residuals, np.zeros(50), np.ones(50)).audit is None


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (lambda z: z + 2.0, r"the last 2\d outcomes lie \+[12]\.\d"),
        (lambda z: 4.0 * z, "times as far off as claimed"),
    ],
)
def test_a_drift_is_found_and_named(later, words):
    z = np.random.default_rng(6).normal(size=50)
    z[25:] = later(z[25:])
    found = drift(z)
    assert found.found
    assert re.search(words, found.words)
    assert 20 <= found.since <= 30
    assert not calibration(0.7 * z, np.zeros(50), np.ones(50)).trusted


def test_of_predictions_that_drifted_so_far_that_too_few_hold_both_is_said():
    z = 0.5 * np.random.default_rng(6).normal(size=50)
    z[-12:] += 6.0
    found = calibration(z, np.zeros(50), np.ones(50))
    assert (
        "the model is over-confident: do not trust its uncertainties; the predictions have drifted"
        in found.words
    )


def test_uncertainties_that_became_too_wide_are_called_so_and_still_not_trusted():
    z = np.random.default_rng(6).normal(size=50)
    z[25:] *= 0.1
    found = calibration(0.9 * z, np.zeros(50), np.ones(50))
    assert found.drift.cautious
    assert not found.trusted
    assert "its uncertainties have become too wide" in found.words
    assert "do not trust" not in found.words


def test_steady_predictions_and_single_outliers_are_no_drift():
    rng = np.random.default_rng(7)
    assert sum(drift(rng.normal(size=50)).found for _ in range(500)) <= 0.02 * 500
    z = rng.normal(size=40)
    z[-1] = 1e6
    assert not drift(z).found
    assert drift(np.zeros(30)).chance == 1.0
    assert drift(np.zeros(15)) is None


def test_intervals_that_hold_at_one_level_and_not_at_another_are_not_praised():
    z = np.where(np.arange(90) % 2, 1.5, -1.5)
    z[::22], z[11::22], z[[5, 60]] = 3.0, -3.0, 0.0
    found = calibration(z, np.zeros(90), np.ones(90))
    assert found.trusted
    assert "agrees with what it claims, but 2 inside the 50% interval do not" in found.words
    assert "its uncertainties are too narrow there" in found.words
    assert off_at_half(6, 8) == off_at_half(28, 50) == ""
    assert (off_at_half(0, 8), off_at_half(40, 50)) == ("narrow", "wide")
