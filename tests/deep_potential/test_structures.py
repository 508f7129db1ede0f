"""Structures that cannot be evaluated are refused with frame and atom."""

from __future__ import annotations

import numpy as np
import pytest

import aisteer as ai
from aisteer.deep_potential.neighbours import find_neighbours
from aisteer.deep_potential.structures import Frames
from aisteer.errors import BadStructure, NotSupported

CELL = np.eye(3) * 10
WATER = np.array([[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]])
TYPES = ["O", "H", "H"]


@pytest.fixture(scope="module")
def model(models):
    return ai.dp.load(models / "water-0.ckpt.pt")


@pytest.mark.parametrize(
    ("positions", "cell", "types", "said"),
    [
        (WATER, CELL, ["O", "H", "Na"], "Atom 2 is 'Na'.* O, H"),
        (WATER, CELL, [0, 1, 8], "Atom 2 has the type 8.*0 to 1: O, H"),
        (WATER, CELL, [0, 1, -1], "Atom 2 has the type -1"),
        (WATER, CELL, [0.0, 1.0, 1.0], "whole numbers or chemical symbols"),
        (WATER, CELL, [0, 1], "one type for each atom"),
        (WATER, CELL, [["O", "H"], ["H"]], "types are no array"),
        (WATER, np.eye(2), TYPES, r"cell has the shape \(2, 2\)"),
        (WATER, np.zeros((3, 3)), TYPES, "spans no volume"),
        (WATER, np.ones((3, 3)), TYPES, "spans no volume"),
        (WATER, CELL * np.nan, TYPES, "spans no volume"),
        (WATER, "cube", TYPES, "no array of numbers"),
        (WATER[:, :2], CELL, TYPES, r"shape \(…, atoms, 3\)"),
        (WATER + np.array([[0], [1e9], [0]]), CELL, TYPES, "atom 1 has the position .* has blown up"),
        (np.zeros((0, 3)), CELL, [], "no atoms"),
        (np.zeros((0, 3, 3)), CELL, TYPES, "no atoms"),
    ],
)
def test_bad_input_is_named(model, positions, cell, types, said):
    with pytest.raises(BadStructure, match=said):
        model.evaluate(positions, cell, types)


def test_the_frame_and_atom_that_are_wrong_are_named(model):
    frames = np.stack([WATER, WATER])
    frames[1, 2, 0] = np.nan
    with pytest.raises(BadStructure, match="frame 1, atom 2") as refused:
        model.evaluate(frames, CELL, TYPES)
    assert (refused.value.frame, refused.value.atom) == (1, 2)
    frames[1, 2] = frames[1, 1] + 1e-4
    with pytest.raises(BadStructure, match="frame 1, atoms 1 and 2 are on top of each other"):
        model.evaluate(frames, CELL, TYPES)
    image = WATER + CELL[0] * np.array([[0], [0], [1]])
    image[2] = WATER[0] + CELL[0]
    with pytest.raises(BadStructure, match="atoms 0 and 2 are on top of each other"):
        model.evaluate(image, CELL, TYPES)


def test_what_is_no_structure_is_named(model):
    with pytest.raises(BadStructure, match="pbc is one truth or three"):
        model.evaluate(WATER, CELL, TYPES, pbc="xy")
    with pytest.raises(BadStructure, match="no structures of ASE"):
        model.fidelity("water.xyz")


def test_periodicity_needs_a_cell(model):
    with pytest.raises(BadStructure, match="There is no cell"):
        model.evaluate(WATER, None, TYPES, pbc=True)
    with pytest.raises(BadStructure, match="one truth or three"):
        model.evaluate(WATER, CELL, TYPES, pbc=(True, False))


def test_numbers_and_symbols_are_the_same_types(model):
    by_symbol, by_number = (
        model.evaluate(WATER, CELL, TYPES, exact=True),
        model.evaluate(WATER, CELL, [0, 1, 1], exact=True),
    )
    assert np.array_equal(by_symbol.forces, by_number.forces)


def test_a_lone_atom_has_an_energy_and_no_forces(model):
    answer = model.evaluate(WATER[:1], None, ["O"], exact=True)
    assert np.isfinite(answer.energy)
    assert not answer.forces.any()
    assert not answer.virial.any()


def test_one_model_has_no_deviation(model, models):
    with pytest.raises(NotSupported, match="at least two models"):
        model.deviation(WATER, CELL, TYPES, exact=True)
    with pytest.raises(NotSupported, match="at least two models"):
        ai.dp.load([models / "water-0.ckpt.pt"]).deviation(WATER, CELL, TYPES, exact=True)


@pytest.mark.parametrize("atoms", [40, 1100], ids=["some tens", "more than are counted"])
def test_neighbours_of_a_type_stand_by_distance_however_many_they_are(atoms):
    rng = np.random.default_rng(1)
    positions, types = rng.uniform(0, 3, (1, atoms, 3)), rng.integers(0, 2, atoms)
    frames = Frames(positions, np.zeros((1, 3, 3)), (False, False, False), types, ())

    found = find_neighbours(frames, 6.0, (atoms, atoms))

    assert len(found.distance) == atoms * (atoms - 1)
    apart = np.linalg.norm(positions[0, found.neighbour] - positions[0, found.centre], axis=1)
    np.testing.assert_allclose(found.distance, apart, rtol=1e-12)
    group = 2 * found.centre + types[found.neighbour]
    assert (np.diff(group) >= 0).all()
    assert np.diff(found.distance)[np.diff(group) == 0].min() > -1e-8
