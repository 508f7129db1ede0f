"""Displacements: all time origins, no drift, no jumps through the boundary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisteer.analysis import mean_square_displacement, remove_drift, squared_displacements, unwrap


def walk(seed, frames=60, atoms=5, scale=1.0):
    return np.random.default_rng(seed).normal(size=(frames, atoms, 3), scale=scale).cumsum(axis=0)


@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(2, 80), atoms=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_the_fast_way_gives_the_average_over_all_time_origins(seed, frames, atoms):
    positions = walk(seed, frames, atoms)
    slow = [((positions[k:] - positions[: frames - k]) ** 2).sum(axis=2).mean(axis=0) for k in range(frames)]
    np.testing.assert_allclose(squared_displacements(positions), slow, atol=1e-9)


def test_far_from_the_origin_no_digits_are_lost():
    positions = walk(1, scale=1e-3)
    np.testing.assert_allclose(
        squared_displacements(positions + 1e4), squared_displacements(positions), rtol=1e-4, atol=1e-10
    )


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_wrapped_trajectory_unwraps_to_itself_in_any_cell(seed):
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(5, 9, 3)) + np.tril(rng.uniform(-1, 1, (3, 3)), k=-1)
    positions = rng.uniform(0, 1, (1, 7, 3)) @ cell + walk(seed, 40, 7, scale=0.2)
    fractional = positions @ np.linalg.inv(cell)
    wrapped = (fractional - np.floor(fractional)) @ cell
    moved = unwrap(wrapped, cell)
    np.testing.assert_allclose(moved - moved[0], positions - positions[0], atol=1e-9)


def test_a_common_drift_does_not_count_as_displacement():
    positions = walk(2, 200, 50)
    drifting = positions + np.linspace(0, 300, 200)[:, None, None]
    np.testing.assert_allclose(
        mean_square_displacement(drifting), mean_square_displacement(positions), rtol=1e-6, atol=1e-8
    )


def test_the_centre_of_mass_is_weighted_by_mass():
    positions = walk(3)
    masses = np.array([1.0, 1.0, 1.0, 1.0, 1e9])
    np.testing.assert_allclose(remove_drift(positions, masses)[:, -1], 0, atol=1e-5)


def test_removing_drift_takes_nothing_from_the_atoms_own_motion():
    msd = np.mean([mean_square_displacement(walk(seed, 40, 4)) for seed in range(400)], axis=0)
    assert msd[1] == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("positions", [np.zeros((5, 3)), np.zeros((5, 1, 3)), np.full((5, 2, 3), np.nan)])
def test_what_is_no_trajectory_of_several_atoms_is_refused(positions):
    with pytest.raises(ValueError, match=r"frames x atoms x 3|at least 2 atoms|not finite"):
        mean_square_displacement(positions)
