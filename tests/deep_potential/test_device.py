"""The fast path in plain torch: right on the CPU, so right where torch computes the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms

import aisteer as ai
from aisteer.errors import BadModel

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.fixture(scope="module")
def committee(models):
    return ai.dp.load([models / f"{name}.ckpt.pt" for name in ("water-0", "water-1")])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", ["bulk", "sheared", "images", "open", "lone"])
def test_a_device_answers_as_the_compiled_loops(committee, answers, case, device):
    frames = answers.frames(case)
    ours, loops = committee.evaluate(*frames, device=device), committee.evaluate(*frames)
    assert np.abs(ours.forces - loops.forces).max() < 1e-11
    assert np.abs(ours.virial - loops.virial).max() < 1e-10
    assert np.abs(ours.atomic_energies - loops.atomic_energies).max() < 1e-11


@pytest.mark.parametrize("name", ["two-sided", "excluded"])
def test_a_device_takes_every_kind_of_model(models, answers, name):
    model = ai.dp.load(models / f"{name}.ckpt.pt")
    forces = model.evaluate(*answers.frames("bulk"), device="cpu").forces
    assert np.abs(forces - answers.of("bulk", name).forces).max() < 1e-6


def test_a_device_computes_in_single_precision_too(committee, answers):
    frames = answers.frames("bulk")
    exact = committee.evaluate(*frames).forces
    for precision in ("mixed", "fp32"):
        forces = committee.evaluate(*frames, precision=precision, device="cpu").forces
        assert 0 < np.sqrt(((forces - exact) ** 2).mean()) < 1e-4


def test_series_in_intervals_are_the_same_on_a_device(models, answers):
    model = ai.dp.load(models / "water-0.ckpt.pt")
    model._engine._choice = ((64, 4), 0.0)
    frames = answers.frames("bulk")
    ours, loops = model.evaluate(*frames, device="cpu"), model.evaluate(*frames)
    assert np.abs(ours.forces - loops.forces).max() < 1e-10


def test_what_stands_in_empty_slots_never_overflows(models, answers):
    """It is far outside the range of the last of many intervals, where a series grows beyond single precision."""
    model = ai.dp.load(models / "water-0.ckpt.pt")
    model._engine._choice = ((64, 32), 0.0)
    frames = answers.frames("bulk")
    ours = model.evaluate(*frames, device="cpu", precision="fp32")
    loops = model.evaluate(*frames, precision="fp32")
    assert np.abs(ours.forces - loops.forces).max() < 1e-3


def test_a_calculator_computes_on_a_device(committee, answers):
    positions, cells, symbols = answers.frames("bulk")
    box = Atoms(symbols, positions=positions[0], cell=cells[0], pbc=True)
    box.calc = committee.calculator(device="cpu")
    expected = committee.evaluate(positions[0], cells[0], symbols).forces.mean(axis=0)
    assert np.abs(box.get_forces() - expected).max() < 1e-11


def test_a_device_that_is_not_there_is_named(committee, answers):
    with pytest.raises(BadModel, match="no device 'xpu:7'"):
        committee.evaluate(*answers.frames("bulk"), device="xpu:7")
    with pytest.raises(BadModel, match="on the CPU"):
        committee.evaluate(*answers.frames("bulk"), device="cpu", exact=True)
