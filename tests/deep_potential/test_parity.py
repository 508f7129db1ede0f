"""The exact path against what deepmd-kit answered."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import aisteer as ai
from aisteer.deep_potential.exact import ExactNetwork, Pairs
from aisteer.deep_potential.neighbours import find_neighbours
from aisteer.deep_potential.structures import frames_of

CASES = ["bulk", "sheared", "images", "open", "lone"]
COMMITTEE = ("water-0", "water-1", "water-2")


def far(ours, theirs) -> float:
    return float(np.abs(ours - theirs).max())


@pytest.mark.parametrize("name", ["water-0", "two-sided", "excluded"])
@pytest.mark.parametrize("case", CASES)
def test_energies_forces_and_virials_are_those_of_deepmd_kit(models, answers, case, name):
    model = ai.dp.load(models / f"{name}.ckpt.pt")
    ours, theirs = model.evaluate(*answers.frames(case), exact=True), answers.of(case, name)
    assert far(ours.energy, theirs.energy) < 1e-10
    assert far(ours.forces, theirs.forces) < 1e-10
    assert far(ours.virial, theirs.virial) < 1e-10
    assert far(ours.atomic_energies, theirs.atomic_energies) < 1e-10


@pytest.mark.parametrize("case", CASES)
def test_a_single_precision_model_agrees_in_single_precision(models, answers, case):
    model = ai.dp.load(models / "single.ckpt.pt")
    ours, theirs = model.evaluate(*answers.frames(case), exact=True), answers.of(case, "single")
    assert far(ours.atomic_energies, theirs.atomic_energies) < 2e-5
    assert far(ours.forces, theirs.forces) < 1e-4
    assert far(ours.virial, theirs.virial) < 5e-4


@pytest.mark.parametrize("case", CASES)
def test_the_deviation_of_a_committee_is_that_of_deepmd_kit(models, answers, case):
    committee = ai.dp.load([models / f"{name}.ckpt.pt" for name in COMMITTEE])
    ours, theirs = committee.deviation(*answers.frames(case), exact=True), answers.stored[f"{case}/deviation"]
    figures = (
        ours.max_virial,
        ours.min_virial,
        ours.mean_virial,
        ours.max_force,
        ours.min_force,
        ours.mean_force,
        ours.energy,
    )
    assert far(np.stack(figures, axis=-1), theirs[:, 1:8]) < 1e-10
    assert far(ours.force, theirs[:, 8:]) < 1e-10


def test_too_many_neighbours_are_refused_or_left_out_as_deepmd_kit_does(models, answers):
    frames, theirs = answers.frames("dense"), answers.of("dense", "water-0")
    with pytest.raises(ai.dp.NeighbourOverflow, match=r"sel is \[14, 28\]; this structure needs") as refused:
        ai.dp.load(models / "water-0.ckpt.pt").evaluate(*frames)
    assert refused.value.needed[1] > 28
    ours = ai.dp.load(models / "water-0.ckpt.pt", overflow="nearest").evaluate(*frames, exact=True)
    assert ours.dropped > 0
    assert far(ours.energy, theirs.energy) < 1e-10
    assert far(ours.forces, theirs.forces) < 1e-10
    assert far(ours.virial, theirs.virial) < 1e-10


def test_a_committee_answers_with_an_axis_of_members(models, answers):
    positions, cells, symbols = answers.frames("bulk")
    committee = ai.dp.load([models / f"{name}.ckpt.pt" for name in COMMITTEE])
    energy, forces, virial = committee.evaluate(positions, cells, symbols, exact=True)
    assert (energy.shape, forces.shape, virial.shape) == ((3, 3), (3, 3, 24, 3), (3, 3, 3, 3))
    assert far(forces[1], answers.of("bulk", "water-1").forces) < 1e-10
    one = committee.evaluate(positions[0], cells[0], symbols, exact=True)
    assert (one.energy.shape, one.forces.shape, one.atomic_energies.shape) == ((3,), (3, 24, 3), (3, 24))
    assert far(one.forces, forces[:, 0]) < 1e-12


def test_frames_together_and_alone_are_the_same(models, answers):
    positions, cells, symbols = answers.frames("bulk")
    model = ai.dp.load(models / "two-sided.ckpt.pt")
    together = model.evaluate(positions.reshape(3, 1, 24, 3), cells.reshape(3, 1, 3, 3), symbols, exact=True)
    alone = [model.evaluate(positions[k], cells[k], symbols, exact=True).forces for k in range(3)]
    assert together.forces.shape == (3, 1, 24, 3)
    assert far(together.forces[:, 0], np.stack(alone)) < 1e-12


@pytest.mark.parametrize("directions", [(True, True, False), (False, True, False)])
def test_a_direction_that_does_not_repeat_is_as_one_that_is_very_long(models, answers, directions):
    positions, cells, symbols = answers.frames("sheared")
    model = ai.dp.load(models / "water-0.ckpt.pt")
    ours = model.evaluate(positions[0], cells[0], symbols, pbc=directions, exact=True)
    across = np.array(
        [row if repeats else 100 * row for row, repeats in zip(cells[0], directions, strict=True)]
    )
    long = model.evaluate(positions[0], across, symbols, exact=True)
    assert far(ours.forces, long.forces) < 1e-11
    assert far(ours.virial, long.virial) < 1e-11
    assert far(ours.forces, model.evaluate(positions[0], cells[0], symbols, exact=True).forces) > 1e-3


@pytest.mark.parametrize("change", [[[1, 0, 0], [0, 0, 1], [0, 1, 0]], [[1, 0, 0], [4, 1, 0], [-3, 5, 1]]])
def test_another_cell_of_the_same_lattice_gives_the_same(models, answers, change):
    """Left-handed, and so acute that its faces are nearer than the cutoff."""
    positions, cells, symbols = answers.frames("sheared")
    model = ai.dp.load(models / "water-0.ckpt.pt")
    ours = model.evaluate(positions[0], np.array(change) @ cells[0], symbols, exact=True)
    assert far(ours.forces, answers.of("sheared", "water-0").forces[0]) < 1e-10
    assert far(ours.virial, answers.of("sheared", "water-0").virial[0]) < 1e-10


@pytest.mark.parametrize("name", ["water-0", "two-sided", "excluded"])
def test_the_exact_path_is_differentiable_twice(models, answers, name):
    """Training needs the derivative of forces by weights; here by positions and weights, against differences."""
    model = ai.dp.load(models / f"{name}.ckpt.pt", overflow="nearest")
    positions, cells, symbols = answers.frames("images")
    frames = frames_of(positions, cells, symbols, type_map=model.type_map)
    network = ExactNetwork(model.members[0])
    found = find_neighbours(frames, model.cutoff, model.members[0].descriptor.sel, overflow="nearest")
    pairs = Pairs.of(found, torch.from_numpy(frames.types))
    start = torch.from_numpy(frames.positions[0])
    vectors = start[pairs.neighbour] - start[pairs.centre] + torch.from_numpy(found.offset)

    def energy(vectors):
        kinds = sorted(set(frames.types.tolist()))
        parts = [
            network(vectors, pairs, torch.nonzero(pairs.types == kind)[:, 0], kind).sum() for kind in kinds
        ]
        return torch.stack(parts).sum()

    leaf = vectors.clone().requires_grad_()
    (slope,) = torch.autograd.grad(energy(leaf), leaf, create_graph=True)
    push = torch.randn(slope.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = network.fitting[int(frames.types[0])][0]["matrix"]
    turn = torch.randn(weights.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    by_vector, by_weight = torch.autograd.grad((slope * push).sum(), [leaf, weights])
    step = 1e-5

    def slope_at(moved):
        moved = moved.clone().requires_grad_()
        return torch.autograd.grad(energy(moved), moved)[0]

    difference = (slope_at(vectors + step * push) - slope_at(vectors - step * push)) / (2 * step)
    assert torch.allclose(difference, by_vector, atol=1e-5, rtol=1e-5)
    ends = []
    for sign in (1, -1):
        weights.data += sign * step * turn
        ends.append((slope_at(vectors) * push).sum())
        weights.data -= sign * step * turn
    assert torch.allclose((ends[0] - ends[1]) / (2 * step), (by_weight * turn).sum(), atol=1e-6, rtol=1e-5)
