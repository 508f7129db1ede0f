"""The radial distribution function: known structures give known peaks."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aisteer.analysis import radial_distribution


def test_an_ideal_gas_is_one_everywhere():
    rng = np.random.default_rng(0)
    _, g = radial_distribution(rng.uniform(0, 10, (40, 200, 3)), [10, 10, 10], bins=20)
    np.testing.assert_allclose(g[3:], 1.0, atol=0.06)


def test_copper_has_twelve_neighbours_at_a_over_root_two():
    copper = bulk("Cu", cubic=True).repeat(3)
    r, g = radial_distribution(copper.positions, copper.cell.array, bins=200)
    shell = (r > 2.4) & (r < 2.7)
    density = len(copper) / copper.get_volume()
    neighbours = (g * density * 4 / 3 * np.pi * ((r + r[0]) ** 3 - (r - r[0]) ** 3))[shell].sum()
    assert neighbours == pytest.approx(12, rel=1e-9)
    assert r[g.argmax()] == pytest.approx(3.61 / np.sqrt(2), abs=r[1] - r[0])


def test_wrapping_makes_no_difference_in_a_skewed_cell():
    copper = bulk("Cu").repeat(4)
    wrapped, unwrapped = copper.copy(), copper.copy()
    unwrapped.positions += np.array([2, -1, 3]) @ copper.cell.array
    unwrapped.positions[::3] += copper.cell.array[0]
    wrapped.wrap()
    np.testing.assert_allclose(
        radial_distribution(unwrapped.positions, copper.cell.array)[1].sum(),
        radial_distribution(wrapped.positions, copper.cell.array)[1].sum(),
    )


def test_a_cutoff_beyond_half_the_cell_is_refused():
    with pytest.raises(ValueError, match="needs a cell of twice that; this one allows 5 Å"):
        radial_distribution(np.zeros((2, 3)), [10, 10, 10], cutoff=6.0)
