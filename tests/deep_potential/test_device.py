"""The fast path on a device: in plain torch on the CPU, by Triton's kernels where there is a GPU or it interprets."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from ase import Atoms

import aisteer as ai
from aisteer.deep_potential.device import FULL_PRODUCTS, device_of
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


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["two-sided", "excluded", "single"])
def test_a_device_takes_every_kind_of_model(models, answers, name, device):
    model = ai.dp.load(models / f"{name}.ckpt.pt")
    frames, theirs = answers.frames("bulk"), answers.of("bulk", name)
    ours, loops = model.evaluate(*frames, device=device), model.evaluate(*frames)
    assert np.abs(ours.forces - theirs.forces).max() < (1e-4 if name == "single" else 1e-6)
    assert np.abs(ours.forces - loops.forces).max() < 1e-11
    assert np.abs(ours.virial - loops.virial).max() < 1e-10
    assert np.abs(ours.atomic_energies - loops.atomic_energies).max() < 1e-11


@pytest.mark.parametrize("device", DEVICES)
def test_members_with_nets_of_other_widths_keep_their_places(models, answers, device):
    """Those of alike widths go through together, so the first and the last do."""
    first, middle, last = (
        ai.dp.load(models / f"{name}.ckpt.pt").members[0] for name in ("water-0", "two-sided", "water-1")
    )
    nets = []
    for net in middle.fitting.networks:
        made = [
            replace(layer, matrix=layer.matrix[:, :wide], bias=layer.bias[:wide])
            for layer, wide in zip(net, (8, 8, 16, 1), strict=False)
        ]
        # 8 → 16 is doubled: what is given passes by twice. There were 12 columns.
        made[1] = replace(made[1], matrix=made[1].matrix[:8])
        made[2] = replace(
            made[2], matrix=np.tile(net[2].matrix, 2)[:8, :16], bias=np.tile(net[2].bias, 2)[:16]
        )
        made[3] = replace(made[3], matrix=np.tile(net[3].matrix, (2, 1))[:16])
        nets.append(tuple(made))
    middle = replace(middle, fitting=replace(middle.fitting, networks=tuple(nets)))
    committee = ai.dp.DeepPotential([first, middle, last], committee=True)
    frames = answers.frames("sheared")
    ours, exact = committee.evaluate(*frames, device=device), committee.evaluate(*frames, exact=True)
    assert np.abs(ours.forces - exact.forces).max() < 1e-6
    assert np.abs(ours.energy - exact.energy).max() < 1e-6
    assert np.abs(ours.forces - committee.evaluate(*frames).forces).max() < 1e-11


@pytest.mark.parametrize("device", DEVICES)
def test_on_a_device_too_the_networks_answer_below_the_fitted_range(models, answers, device):
    model = ai.dp.load([models / f"{name}.ckpt.pt" for name in ("water-0", "water-1")])
    positions, cells, symbols = answers.frames("bulk")
    positions = positions[0].copy()
    positions[1] += 0.55 * (positions[0] - positions[1])
    ours = model.evaluate(positions, cells[0], symbols, device=device)
    exact = model.evaluate(positions, cells[0], symbols, exact=True)
    assert np.abs(ours.forces - exact.forces).max() < 1e-6
    assert np.abs(ours.virial - exact.virial).max() < 1e-5
    assert model._engine.visits == 2


@pytest.mark.parametrize("device", DEVICES)
def test_on_a_device_too_neighbours_beyond_sel_are_refused_or_left_out(models, answers, device):
    frames, theirs = answers.frames("dense"), answers.of("dense", "water-0")
    with pytest.raises(ai.dp.NeighbourOverflow):
        ai.dp.load(models / "water-0.ckpt.pt").evaluate(*frames, device=device)
    ours = ai.dp.load(models / "water-0.ckpt.pt", overflow="nearest").evaluate(*frames, device=device)
    assert ours.dropped > 0
    assert np.abs(ours.forces - theirs.forces).max() < 1e-6
    assert np.abs(ours.virial - theirs.virial).max() < 1e-5


@pytest.mark.parametrize("device", DEVICES)
def test_an_answer_stays_what_it_was_when_the_next_is_asked_for(committee, answers, device):
    positions, cells, symbols = answers.frames("bulk")
    first = committee.evaluate(positions[0], cells[0], symbols, device=device)
    kept = first.forces.copy()
    committee.evaluate(positions[1], cells[1], symbols, device=device)
    assert np.array_equal(first.forces, kept)


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_computes_in_single_precision_too(committee, answers, device):
    frames = answers.frames("bulk")
    exact = committee.evaluate(*frames).forces
    for precision in ("mixed", "fp32"):
        forces = committee.evaluate(*frames, precision=precision, device=device).forces
        assert 0 < np.sqrt(((forces - exact) ** 2).mean()) < 1e-4


@pytest.mark.parametrize("device", DEVICES)
def test_series_in_intervals_are_the_same_on_a_device(models, answers, device):
    model = ai.dp.load(models / "water-0.ckpt.pt")
    model._engine._choice = ((64, 4), 0.0)
    frames = answers.frames("bulk")
    ours, loops = model.evaluate(*frames, device=device), model.evaluate(*frames)
    assert np.abs(ours.forces - loops.forces).max() < 1e-10


@pytest.mark.parametrize("device", DEVICES)
def test_what_stands_in_empty_slots_never_overflows(models, answers, device):
    """It is far outside the range of the last of many intervals, where a series grows beyond single precision."""
    model = ai.dp.load(models / "water-0.ckpt.pt")
    model._engine._choice = ((24, 32), 0.0)
    frames = answers.frames("bulk")
    ours = model.evaluate(*frames, device=device, precision="fp32")
    loops = model.evaluate(*frames, precision="fp32")
    assert np.abs(ours.forces - loops.forces).max() < 1e-3


def test_a_calculator_computes_on_a_device(committee, answers):
    positions, cells, symbols = answers.frames("bulk")
    box = Atoms(symbols, positions=positions[0], cell=cells[0], pbc=True)
    box.calc = committee.calculator(device="cpu")
    expected = committee.evaluate(positions[0], cells[0], symbols).forces.mean(axis=0)
    assert np.abs(box.get_forces() - expected).max() < 1e-11


@pytest.fixture
def tf32(request):
    """Switched on in one of PyTorch's ways, and as it was afterwards."""
    matmul = torch.backends.cuda.matmul
    if request.param == "fp32_precision":
        was, matmul.fp32_precision = matmul.fp32_precision, "tf32"
        yield matmul
        matmul.fp32_precision = was
    else:
        was = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision(request.param)
        yield matmul
        torch.set_float32_matmul_precision(was)


@pytest.mark.parametrize("tf32", ["high", "medium", "fp32_precision"], indirect=True)
def test_tf32_is_off_until_the_last_has_evaluated_and_then_as_it_was(tf32, request):
    way = request.node.callspec.params["tf32"]
    with FULL_PRODUCTS:
        with FULL_PRODUCTS:
            assert tf32.fp32_precision == "ieee"
            assert torch.get_float32_matmul_precision() == "highest"
        assert tf32.fp32_precision == "ieee"
    assert tf32.fp32_precision == "tf32"
    if way != "fp32_precision":
        assert torch.get_float32_matmul_precision() == way


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("tf32", ["high"], indirect=True)
@pytest.mark.parametrize("precision", ["mixed", "fp32"])
def test_single_precision_has_all_its_bits_whatever_pytorch_is_set_to(committee, answers, precision, tf32):
    evaluate = partial(committee.evaluate, *answers.frames("bulk"), device="cuda", precision=precision)
    set_high = evaluate().forces
    torch.set_float32_matmul_precision("highest")
    assert np.array_equal(set_high, evaluate().forces)


def test_names_of_one_device_are_one_device():
    assert device_of("cpu:0", exact=False) == device_of("cpu", exact=False)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_without_a_number_is_the_one_that_is_current_now():
    assert device_of("cuda", exact=False) == torch.device("cuda", torch.cuda.current_device())


def test_a_device_that_cannot_compute_in_double_precision_is_refused():
    """PyTorch's "meta" is everywhere, and has shapes alone."""
    with pytest.raises(BadModel, match="no device 'meta' with double precision here"):
        device_of("meta", exact=False)


def test_a_device_that_is_not_there_is_named(committee, answers):
    with pytest.raises(BadModel, match="no device 'xpu:7'"):
        committee.evaluate(*answers.frames("bulk"), device="xpu:7")
    with pytest.raises(BadModel, match="on the CPU"):
        committee.evaluate(*answers.frames("bulk"), device="cpu", exact=True)
