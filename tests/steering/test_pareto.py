"""Fronts and the volume that they dominate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aisteer.steering.pareto import front, hypervolume, reference_point

VALUES = st.floats(-2, 2).map(lambda v: round(v, 2))


@given(arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(2, 3)), elements=VALUES))
def test_what_is_on_the_front_is_beaten_by_nothing_and_the_rest_by_something_on_it(values):
    kept = front(values)
    for place, row in enumerate(values):
        others = values[kept & (np.arange(len(values)) != place)]
        beaten = bool((others >= row).all(axis=1).any())
        assert kept[place] != beaten


@given(
    arrays(
        np.float64, st.tuples(st.integers(1, 8), st.integers(2, 3)), elements=st.integers(-2, 4).map(float)
    )
)
def test_the_hypervolume_is_the_number_of_unit_cells_that_are_dominated(values):
    m = values.shape[1]
    cells = np.stack(np.meshgrid(*[np.arange(4)] * m, indexing="ij"), axis=-1).reshape(-1, m) + 1.0
    dominated = (values[:, None, :] >= cells[None]).all(axis=2).any(axis=0)
    assert hypervolume(values, np.zeros(m)) == pytest.approx(float(dominated.sum()))


def test_a_run_without_a_number_is_on_no_front_and_a_front_of_nothing_has_no_volume():
    values = np.array([[1.0, np.nan], [0.5, 0.5]])
    assert front(values).tolist() == [False, True]
    assert hypervolume(np.zeros((0, 2)), np.zeros(2)) == 0.0


def test_a_derived_reference_lies_below_the_front_by_a_tenth_of_its_extent():
    values = np.array([[0.0, 10.0], [2.0, 5.0], [4.0, 0.0], [1.0, 1.0]])
    assert reference_point(values) == pytest.approx([-0.4, -1.0])
    assert (reference_point(np.array([[3.0, 3.0]])) < 3.0).all()
