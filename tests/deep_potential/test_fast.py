"""The fast path: moments instead of embedding nets."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from ase import Atoms

import aisteer as ai
from aisteer.errors import BadModel, BadStructure

CASES = ["bulk", "sheared", "images", "open", "lone"]
COMMITTEE = ("water-0", "water-1", "water-2")


@cache
def loaded(models, *names):
    """What needs no model of its own shares one, as finding the order takes a while."""
    return ai.dp.load([models / f"{name}.ckpt.pt" for name in names])


def far(ours, theirs) -> float:
    return float(np.linalg.norm(ours - theirs, axis=-1).max())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["water-0", "two-sided", "excluded"])
def test_forces_are_within_the_target_of_deepmd_kit(models, answers, name, case):
    model = loaded(models, name)
    ours, theirs = model.evaluate(*answers.frames(case)), answers.of(case, name)
    assert model._engine.order is not None
    assert far(ours.forces[0], theirs.forces) < 1e-6
    assert np.abs(ours.atomic_energies[0] - theirs.atomic_energies).max() < 1e-6
    assert np.abs(ours.virial[0] - theirs.virial).max() < 1e-5


def test_a_tighter_target_takes_more_terms_and_is_met(models, answers):
    loose = ai.dp.load(models / "water-0.ckpt.pt", target=1e-3)
    tight = ai.dp.load(models / "water-0.ckpt.pt", target=1e-10)
    theirs = answers.of("bulk", "water-0").forces
    assert loose._engine.order < tight._engine.order
    assert far(tight.evaluate(*answers.frames("bulk")).forces, theirs) < 1e-10
    assert 1e-10 < far(loose.evaluate(*answers.frames("bulk")).forces, theirs) < 1e-3


def test_where_no_order_will_do_the_networks_are_evaluated(models, answers):
    model = ai.dp.load(models / "water-0.ckpt.pt", target=1e-18)
    assert model._engine.order is None
    frames = answers.frames("bulk")
    assert np.array_equal(model.evaluate(*frames).forces, model.evaluate(*frames, exact=True).forces)


def test_atoms_nearer_than_the_fitted_range_are_left_to_the_networks(models, answers):
    model = ai.dp.load([models / f"{name}.ckpt.pt" for name in COMMITTEE])
    positions, cells, symbols = answers.frames("bulk")
    positions = positions[0].copy()
    positions[1] += 0.55 * (positions[0] - positions[1])
    ours = model.evaluate(positions, cells[0], symbols)
    exact = model.evaluate(positions, cells[0], symbols, exact=True)
    assert far(ours.forces, exact.forces) < 1e-6
    assert np.abs(ours.virial - exact.virial).max() < 1e-5
    assert model._engine.visits == 2


def test_members_share_moments_and_keep_their_own_forces(models, answers):
    committee = loaded(models, *COMMITTEE)
    ours = committee.evaluate(*answers.frames("bulk"))
    for number, name in enumerate(COMMITTEE):
        assert far(ours.forces[number], answers.of("bulk", name).forces) < 1e-6
    deviation = committee.deviation(*answers.frames("bulk"))
    assert deviation.max_force == pytest.approx(answers.stored["bulk/deviation"][:, 4], abs=1e-6)


def test_mixed_precision_is_near(models, answers):
    committee = loaded(models, *COMMITTEE)
    frames = answers.frames("bulk")
    mixed, exact = committee.evaluate(*frames, precision="mixed"), committee.evaluate(*frames, exact=True)
    assert np.sqrt(((mixed.forces - exact.forces) ** 2).mean()) < 1e-4
    assert mixed.forces.dtype == np.float64
    with pytest.raises(BadModel, match="fp64"):
        committee.evaluate(*frames, precision="half")


def test_a_net_that_bends_sharply_is_fitted_in_intervals(models, answers):
    """Weights four times as large, as training hardly makes them."""
    (description,) = ai.dp.load(models / "water-0.ckpt.pt").members
    networks = {
        pair: tuple(replace(layer, matrix=4 * layer.matrix) for layer in network)
        for pair, network in description.descriptor.networks.items()
    }
    sharp = replace(description, descriptor=replace(description.descriptor, networks=networks))
    model = ai.dp.DeepPotential([sharp], committee=False)
    assert model._engine.order[1] > 1
    frames = answers.frames("bulk")
    assert far(model.evaluate(*frames).forces, model.evaluate(*frames, exact=True).forces) < 1e-6


def test_threads_give_what_one_gives(models, answers):
    model = loaded(models, "water-0")
    positions, cells, symbols = answers.frames("bulk")
    many = np.concatenate([positions] * 4), np.concatenate([cells] * 4)
    alone = model.evaluate(*many, symbols)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        together = model.evaluate(*many, symbols)
    finally:
        torch.set_num_threads(threads)
    assert far(together.forces, alone.forces) < 1e-12
    assert np.abs(together.virial - alone.virial).max() < 1e-11


def test_an_ase_calculator_is_fast_unless_it_is_told_otherwise(models, answers):
    positions, cells, symbols = answers.frames("sheared")
    model = ai.dp.load(models / "water-0.ckpt.pt")
    box = Atoms(symbols, positions=positions[0], cell=cells[0], pbc=True, calculator=model.calculator())
    fast = model.evaluate(positions[0], cells[0], symbols).forces
    assert np.array_equal(box.get_forces(), fast)
    assert not np.array_equal(fast, answers.of("sheared", "water-0").forces[0])
    box.calc = model.calculator(precision="mixed")
    assert 0 < far(box.get_forces(), fast) < 1e-3


def test_fidelity_says_how_exact_the_fast_path_is(models, answers):
    committee = loaded(models, *COMMITTEE)
    positions, cells, symbols = answers.frames("bulk")
    box = Atoms(symbols, positions=positions[0], cell=cells[0], pbc=True)
    found = committee.fidelity([box, Atoms(symbols[:3], positions=positions[1, :3])])
    assert (found.terms, found.intervals) == committee._engine.order
    assert len(found.members) == 3
    for member in found.members:
        assert 0 < member.net < 1e-4
        assert member.net < member.net_slope < 1e-2
        assert max(member.force, member.force_rattled) < 1e-6
    loose = ai.dp.load(models / "water-0.ckpt.pt", target=1e-3).fidelity(box)
    assert loose.force > found.members[0].force
    with pytest.raises(BadStructure, match="no structures"):
        committee.fidelity([])
