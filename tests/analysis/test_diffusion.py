"""Diffusion coefficients: the right value, in the right regime, with an error that covers the truth."""

from __future__ import annotations

import numpy as np
import pytest

from aisteer.analysis import diffusion_coefficient

INTERVAL = 0.05


def brownian(rng, frames, atoms, d=0.3):
    return rng.normal(size=(frames, atoms, 3), scale=np.sqrt(2 * d * INTERVAL)).cumsum(axis=0)


def persistent(rng, frames, atoms, memory):
    """Ornstein-Uhlenbeck velocities of unit variance; ``D`` is ``memory`` for an interval of 1."""
    parts = 4
    keep = np.exp(-1 / parts / memory)
    noise = rng.normal(size=(frames * parts, atoms, 3)) * np.sqrt(1 - keep**2)
    velocity, position = rng.normal(size=(atoms, 3)), np.zeros((atoms, 3))
    positions = np.empty((frames, atoms, 3))
    for step in range(frames * parts):
        velocity = keep * velocity + noise[step]
        position = position + velocity / parts
        positions[step // parts] = position
    return positions


@pytest.mark.parametrize(("frames", "atoms"), [(400, 20), (100, 60), (1000, 5), (64, 108)])
def test_the_standard_error_of_random_walks_covers_the_truth_19_times_in_20(frames, atoms):
    rng = np.random.default_rng(frames)
    found = [diffusion_coefficient(brownian(rng, frames, atoms), INTERVAL) for _ in range(200)]
    covered = np.mean([abs(d.value - 0.3) < 1.96 * d.error for d in found])
    # Three standard deviations of a share of 200 around 0.95; the larger of two errors may cover a bit more.
    assert 0.9 < covered <= 0.995
    values = np.array([d.value for d in found])
    assert values.mean() == pytest.approx(0.3, abs=4 * values.std() / np.sqrt(200))
    assert all(d.linear for d in found)


def test_atoms_that_move_together_are_not_counted_as_independent():
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(60):
        pairs = brownian(rng, 400, 10)
        # Ten groups of eight atoms that share their walk.
        found = diffusion_coefficient(np.repeat(pairs, 8, axis=1), INTERVAL)
        covered.append(abs(found.value - 0.3 * 9 / 10 * 80 / 79) < 1.96 * found.error)
    assert np.mean(covered) > 0.85


def test_the_ballistic_part_is_left_out():
    rng = np.random.default_rng(5)
    found = [diffusion_coefficient(persistent(rng, 500, 40, memory=3.0), 1.0) for _ in range(60)]
    values = np.array([d.value for d in found])
    assert min(d.regime[0] for d in found) > 1.5 * 3.0
    assert values.mean() == pytest.approx(3.0, rel=0.03)
    covered = np.mean([abs(d.value - 3.0) < 1.96 * d.error for d in found])
    assert covered > 0.8


def test_a_solid_does_not_diffuse_and_says_so():
    rng = np.random.default_rng(6)
    found = diffusion_coefficient(rng.normal(size=(400, 100, 3), scale=0.1), INTERVAL)
    assert not found.linear
    assert abs(found.exponent) < 0.1
    assert abs(found.value) < 4 * found.error
    assert found.value < 1e-3


def test_its_units_convert_to_si():
    rng = np.random.default_rng(7)
    found = diffusion_coefficient(brownian(rng, 200, 20), INTERVAL)
    assert found.si == pytest.approx((found.value * 1e-8, found.error * 1e-8))


def test_a_short_trajectory_is_refused():
    with pytest.raises(ValueError, match="at least 16 frames; there are 10"):
        diffusion_coefficient(np.zeros((10, 4, 3)), INTERVAL)
