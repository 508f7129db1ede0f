"""A neighbour list with a skin answers what a fresh one would, however old it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aisteer as ai
from aisteer.deep_potential.neighbours import find_neighbours
from aisteer.deep_potential.skin import SkinList
from aisteer.deep_potential.structures import Frames
from aisteer.errors import BadDefinition, BadStructure, NeighbourOverflow

CUTOFF = 3.0
MANY = (500, 500)


def frames_of_points(positions, cell, periodic=(True, True, True)) -> Frames:
    where = np.array(positions, dtype=float).reshape(-1, len(positions[0]), 3)
    cells = np.broadcast_to(np.array(cell, dtype=float), (len(where), 3, 3)).copy()
    types = np.arange(where.shape[1]) % 2
    return Frames(where, cells, periodic, types, ())


def pairs(found) -> dict:
    """Who is near whom by which offset, and how far."""
    return {
        (int(i), int(j), *np.round(offset, 6).tolist()): distance
        for i, j, offset, distance in zip(
            found.centre, found.neighbour, found.offset + 0.0, found.distance, strict=True
        )
    }


def same(found, fresh, frames) -> None:
    ours, theirs = pairs(found), pairs(fresh)
    # One that is at the cutoff within rounding may be told to either side; it contributes nothing.
    assert all(abs({**ours, **theirs}[pair] - CUTOFF) < 1e-9 for pair in ours.keys() ^ theirs.keys())
    both = ours.keys() & theirs.keys()
    np.testing.assert_allclose([ours[p] for p in both], [theirs[p] for p in both], rtol=0, atol=1e-12)
    if ours.keys() == theirs.keys():
        np.testing.assert_array_equal(found.counts, fresh.counts)
    group = found.centre * 2 + frames.types[found.neighbour % len(frames.types)]
    assert (np.diff(group) >= 0).all()
    assert (np.diff(found.distance)[np.diff(group) == 0] >= 0).all()


@st.composite
def walks(draw):
    """A cell, its periodicity, and how atoms and cell move from step to step."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    edge = draw(st.sampled_from([2.5, 4.0, 7.0]))
    cell = edge * (np.eye(3) + rng.uniform(-0.3, 0.3, (3, 3)) * draw(st.booleans()))
    periodic = draw(st.sampled_from([(True, True, True), (True, False, True), (False, False, False)]))
    stride = draw(st.sampled_from([0.01, 0.1, 0.5]))
    strain = draw(st.sampled_from([0.0, 0.003])) * all(periodic)
    atoms = draw(st.integers(1, 12))
    return rng, cell, periodic, stride, strain, rng.uniform(0, edge, (atoms, 3)), draw(st.booleans())


@settings(max_examples=25, deadline=None)
@given(walks(), st.sampled_from([0.0, 0.3, 1.5]))
def test_whatever_moves_it_finds_what_a_fresh_search_finds(walk, skin):
    rng, cell, periodic, stride, strain, positions, wrapped = walk
    kept = SkinList(skin)
    for _ in range(8):
        frames = frames_of_points([positions], cell, periodic)
        fresh = find_neighbours(frames, CUTOFF, MANY)
        same(kept.find(frames, CUTOFF, MANY), fresh, frames)
        positions = positions + rng.normal(0, stride, positions.shape)
        bend = np.eye(3) + rng.normal(0, 1, (3, 3)) * strain
        positions, cell = positions @ bend, cell @ bend
        if wrapped and all(periodic):
            positions = (positions @ np.linalg.inv(cell) % 1) @ cell
    assert kept.calls == 8
    assert kept.searches == 8 if skin == 0 else kept.searches <= 8


@pytest.fixture(scope="module")
def committee(models):
    return ai.dp.load([models / f"water-{k}.ckpt.pt" for k in range(2)])


def wandering(answers, steps=12):
    """The sheared box of water, shaken a little more with each step."""
    positions, cells, symbols = answers.frames("sheared")
    rng = np.random.default_rng(4)
    where = positions[0].copy()
    for _ in range(steps):
        where = where + rng.normal(0, 0.02, where.shape)
        yield where, cells[0], symbols


@pytest.mark.parametrize("exact", [False, True])
def test_energies_and_forces_are_those_of_a_fresh_list(committee, answers, exact):
    skin = SkinList(0.3)
    for structure in wandering(answers, steps := 5 if exact else 12):
        kept = committee.evaluate(*structure, exact=exact, skin=skin)
        fresh = committee.evaluate(*structure, exact=exact)
        for name in ("energy", "forces", "virial", "atomic_energies"):
            np.testing.assert_allclose(getattr(kept, name), getattr(fresh, name), rtol=1e-12, atol=1e-12)
    assert 1 <= skin.searches < skin.calls == steps


def test_the_age_of_the_list_changes_not_one_bit(committee, answers):
    old = SkinList(1.0)
    for structure in wandering(answers, 6):
        aged = committee.evaluate(*structure, skin=old)
    assert old.searches == 1
    young = committee.evaluate(*structure, skin=SkinList(1.0))
    other = committee.evaluate(*structure, skin=SkinList(0.3))
    for again in (young, other):
        assert again.energy.tolist() == aged.energy.tolist()
        assert again.forces.tobytes() == aged.forces.tobytes()
        assert again.virial.tobytes() == aged.virial.tobytes()


def test_a_batch_keeps_one_list_for_all_its_frames(committee, answers):
    skin, rng = SkinList(0.8), np.random.default_rng(0)
    positions, cells, symbols = answers.frames("sheared")
    where = np.repeat(positions[:1], 3, axis=0)
    for _ in range(4):
        where = where + rng.normal(0, 0.02, where.shape)
        kept = committee.evaluate(where, cells[0], symbols, skin=skin)
        fresh = committee.evaluate(where, cells[0], symbols)
        np.testing.assert_allclose(kept.forces, fresh.forces, rtol=1e-12, atol=1e-12)
    assert skin.searches == 1


def test_neighbours_are_counted_within_the_cutoff_alone():
    """Two around an atom that takes two, a third comes: in the skin it does no harm, within the cutoff it is named."""
    skin, sel = SkinList(1.0), (3, 1)
    square = np.array([[0.0, 0, 0], [0, 0, 1.5], [1.5, 0, 0], [0, 3.4, 0]])
    open_box = np.zeros((3, 3)), (False, False, False)
    found = skin.find(frames_of_points([square], *open_box), CUTOFF, sel)
    assert found.counts[0].tolist() == [1, 1]
    square[3, 1] = 2.95
    with pytest.raises(NeighbourOverflow) as refused:
        skin.find(frames_of_points([square], *open_box), CUTOFF, sel)
    assert skin.searches == 1  # no new search was needed to see it
    assert (refused.value.atom, refused.value.needed) == (0, [2, 2])
    frames = frames_of_points([square], *open_box)
    nearest = skin.find(frames, CUTOFF, sel, overflow="nearest")
    fresh = find_neighbours(frames, CUTOFF, sel, overflow="nearest")
    same(nearest, fresh, frames)
    assert nearest.dropped == fresh.dropped > 0


def test_atoms_that_meet_are_named_without_a_new_search():
    skin = SkinList(4.0)
    pair = np.array([[0.0, 0, 0], [1.5, 0, 0]])
    skin.find(frames_of_points([pair], np.zeros((3, 3)), (False,) * 3), CUTOFF, MANY)
    pair[1, 0] = 0.001
    with pytest.raises(BadStructure, match="atoms 0 and 1 are on top of each other"):
        skin.find(frames_of_points([pair], np.zeros((3, 3)), (False,) * 3), CUTOFF, MANY)
    assert skin.searches == 1


def test_another_system_is_searched_anew():
    skin = SkinList(1.0)
    points = np.random.default_rng(0).uniform(0, 6, (8, 3))
    first = frames_of_points([points], 6 * np.eye(3))
    skin.find(first, CUTOFF, MANY)
    skin.find(first, CUTOFF, MANY)
    assert skin.searches == 1
    changed = [
        frames_of_points([points], 6 * np.eye(3), (True, True, False)),
        Frames(first.positions, first.cells, first.periodic, 1 - first.types, ()),
        frames_of_points([points[:7]], 6 * np.eye(3)),
        frames_of_points([points, points], 6 * np.eye(3)),
        frames_of_points([points], 9 * np.eye(3)),
    ]
    for number, frames in enumerate(changed, 2):
        same(skin.find(frames, CUTOFF, MANY), find_neighbours(frames, CUTOFF, MANY), frames)
        assert skin.searches == number
    more = (*MANY, 500)  # a model that knows a third type
    np.testing.assert_array_equal(
        skin.find(frames, CUTOFF, more).counts, find_neighbours(frames, CUTOFF, more).counts
    )
    for wrong in (-1.0, np.nan, "1"):
        with pytest.raises(BadDefinition, match="from 0 on"):
            SkinList(wrong)


@pytest.mark.parametrize("periodic", [(True, True, False), (False, True, False), (False, False, False)])
@pytest.mark.parametrize("far", [1e4, 1e7])
def test_atoms_that_have_flown_off_cost_nothing_and_change_no_pair(periodic, far):
    """The search takes as long as atoms are spread wide, and from some 10⁶ Å it would end the process."""
    points = np.random.default_rng(0).uniform(0, 6, (8, 3))
    cell = np.array([[6.0, 0, 0], [1.0, 6.0, 0], [0, 1.0, 6.0]])
    there = np.array([not repeats for repeats in periodic]) * far + np.array(periodic) * 600.0
    two = points[0] - there + np.array([[0.0, 0, 0], [1.0, 0.5, 0]])
    near = frames_of_points([points], cell, periodic)
    pair = frames_of_points([two], cell, periodic)
    off = frames_of_points([np.vstack([points, two])], cell, periodic)
    for find in (find_neighbours, SkinList(1.0).find):
        found = find(off, CUTOFF, MANY)
        assert ((found.centre < 8) == (found.neighbour < 8)).all()
        np.testing.assert_array_equal(found.counts[:8], find_neighbours(near, CUTOFF, MANY).counts)
        np.testing.assert_array_equal(found.counts[8:], find_neighbours(pair, CUTOFF, MANY).counts)
        flat = off.positions[0]
        measured = np.linalg.norm(flat[found.neighbour] - flat[found.centre] + found.offset, axis=1)
        np.testing.assert_allclose(measured, found.distance, rtol=0, atol=1e-8)


def test_a_calculator_keeps_its_list_and_sees_what_is_moved_in_place(models, answers):
    from ase import Atoms

    positions, cells, symbols = answers.frames("sheared")
    box = Atoms(symbols, positions=positions[0], cell=cells[0], pbc=True)
    model = ai.dp.load(models / "water-0.ckpt.pt")
    box.calc = model.calculator()
    rng = np.random.default_rng(2)
    for _ in range(5):
        box.positions += rng.normal(0, 0.01, box.positions.shape)
        fresh = model.evaluate(box.positions, box.cell.array, symbols)
        np.testing.assert_allclose(box.get_forces(), fresh.forces, rtol=1e-12, atol=1e-12)
    assert (box.calc.skin.searches, box.calc.skin.calls) == (1, 5)
    box.symbols[0] = "H"
    fresh = model.evaluate(box.positions, box.cell.array, box.get_chemical_symbols())
    assert box.get_potential_energy() == pytest.approx(float(fresh.energy), abs=1e-10)
