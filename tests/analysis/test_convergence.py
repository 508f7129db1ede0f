"""Convergence: where a series settles, and an error of its mean that knows of correlation."""

from __future__ import annotations

import numpy as np
import pytest

from aisteer.analysis import (
    equilibration,
    mean_and_error,
    slope_and_error,
    standard_error,
    statistical_inefficiency,
)
from aisteer.analysis.student import student


def correlated(rng, length, keep):
    noise = rng.normal(size=length) * np.sqrt(1 - keep**2)
    values = np.empty(length)
    value = rng.normal()
    for i in range(length):
        value = keep * value + noise[i]
        values[i] = value
    return values


def test_the_inefficiency_of_an_autoregressive_series_is_the_known_one():
    rng = np.random.default_rng(0)
    keep = 0.8
    found = np.mean([statistical_inefficiency(correlated(rng, 4000, keep)) for _ in range(20)])
    known = (1 + keep) / (1 - keep)
    # Cutting the sum at its first zero leaves a positive part of the noise in: a little too careful.
    assert 0.95 * known < found < 1.25 * known


def test_independent_values_count_fully():
    assert statistical_inefficiency(np.random.default_rng(1).normal(size=5000)) == pytest.approx(1, abs=0.1)


def test_a_decaying_start_is_cut_off_and_the_mean_is_covered():
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(80):
        series = correlated(rng, 1000, 0.7) + 20 * np.exp(-np.arange(1000) / 30)
        settled = equilibration(series)
        assert 60 <= settled.start < 600
        covered.append(abs(settled.mean) < 1.96 * settled.error)
    assert np.mean(covered) > 0.83


def test_a_constant_series_is_settled_from_its_start():
    settled = equilibration(np.ones(50))
    assert (settled.start, settled.mean, settled.error) == (0, 1.0, 0.0)


@pytest.mark.parametrize("samples", [2, 3, 5, 8, 20, 100])
def test_the_standard_error_of_few_samples_is_widened_to_cover_19_in_20(samples):
    rng = np.random.default_rng(samples)
    draws = rng.normal(size=(4000, samples))
    covered = np.mean([abs(row.mean()) < 1.96 * standard_error(row) for row in draws])
    assert covered == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize("series", [[1.0, 2.0], [1.0, np.nan, 2.0, 3.0, 4.0]])
def test_too_little_or_broken_data_is_refused(series):
    with pytest.raises(ValueError, match="at least 4 finite values"):
        equilibration(series)


def test_the_error_of_a_correlated_mean_holds_as_often_as_it_says():
    """±1.96 of it covers the true mean, 0, in about 95 of 100 series of 600 values, some 65 of them independent."""
    rng = np.random.default_rng(7)
    found = [mean_and_error(correlated(rng, 600, 0.8)) for _ in range(300)]
    covered = np.mean([abs(mean) < 1.96 * error for mean, error in found])
    assert 0.90 < covered < 0.99
    assert mean_and_error([2.0]) == (2.0, 0.0)
    assert mean_and_error([3.0, 3.0, 3.0]) == (3.0, 0.0)


@pytest.mark.parametrize(
    ("free", "known"),
    [
        *((1, 12.706205), (2, 4.302653), (3, 3.182446), (4, 2.776445), (5, 2.570582), (10, 2.228139)),
        *((30, 2.042272), (120, 1.979930), (1000, 1.962339), (1e7, 1.959964)),
    ],
)
def test_students_quantile_is_the_tabulated_one(free, known):
    assert student(free) == pytest.approx(known, abs=6e-7)


def test_students_quantile_is_known_between_whole_degrees_of_freedom():
    from scipy import stats

    for free in (1.001, 1.5, 2.7, 99999.0, 100001.0):
        assert student(free) == pytest.approx(stats.t.ppf(0.975, free), rel=1e-9)


@pytest.mark.parametrize(("length", "keep"), [(40, 0.0), (400, 0.0), (400, 0.8), (60, 1.0), (400, 1.0)])
def test_the_error_of_a_slope_covers_it_for_noise_as_for_a_random_walk(length, keep):
    rng = np.random.default_rng(length)
    times = np.linspace(0, 3, length)
    covered = []
    for _ in range(200):
        noise = correlated(rng, length, keep) if keep < 1 else rng.normal(size=length).cumsum()
        slope, error = slope_and_error(times, 5 * times + noise)
        covered.append(abs(slope - 5) < 1.96 * error)
    assert 0.90 < np.mean(covered) <= 1.0


def test_the_error_of_a_slope_is_the_known_one_for_independent_values():
    rng = np.random.default_rng(3)
    times = np.arange(500.0)
    errors = [slope_and_error(times, rng.normal(size=500))[1] for _ in range(100)]
    assert np.mean(errors) == pytest.approx(np.sqrt(12 / 500**3), rel=0.15)
    slope, error = slope_and_error([0, 1, 2, 4], [1, 3, 5, 9])
    assert (slope, error) == (pytest.approx(2), pytest.approx(0, abs=1e-12))
    with pytest.raises(ValueError, match="at least 3"):
        slope_and_error([0, 1], [0, 1])
