"""What Triton's kernels answer where Triton interprets them, beside what ``test_device.py`` claims of every device.

Run by ``test_triton.py``: ``TRITON_INTERPRET=1 .venv-triton/bin/python -m pytest tests/deep_potential/interpreted.py``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

import aisteer as ai
from aisteer.deep_potential import triton_kernels, triton_loops
from aisteer.deep_potential.device import DeviceCommittee, has_kernels
from aisteer.deep_potential.neighbours import find_neighbours
from aisteer.deep_potential.structures import Frames, frames_of

CPU = torch.device("cpu")
CASES = ["bulk", "sheared", "images", "open", "lone"]


@cache
def loaded(models, *names, **options):
    return ai.dp.load([models / f"{name}.ckpt.pt" for name in names], **options)


def in_plain_pytorch(model, precision="fp64") -> DeviceCommittee:
    engine = model._engine
    return DeviceCommittee(engine.doubles, engine.r_min, *engine._choice, precision, CPU, kernels=False)


def problem(model, frames) -> tuple:
    positions, cells, symbols = frames
    made = frames_of(positions, cells, symbols, type_map=model.type_map)
    made = Frames(made.positions[:1], made.cells[:1], made.periodic, made.types, ())
    found = find_neighbours(made, model.cutoff, model.members[0].descriptor.sel, overflow="nearest")
    return made, found, np.arange(len(found.counts))


def furthest(ours, theirs) -> float:
    pairs = list(zip(ours, theirs, strict=True))
    return max(
        float(np.abs(getattr(a, part) - getattr(b, part)).max())
        for a, b in pairs
        for part in ("atomic", "forces", "virial")
    )


def test_kernels_are_what_answers_here():
    assert has_kernels(CPU)


@pytest.fixture
def forgotten():
    """Whether kernels run is asked anew, here and afterwards."""
    has_kernels.cache_clear()
    yield
    has_kernels.cache_clear()


@pytest.mark.parametrize("kernel", triton_kernels.__all__)
@pytest.mark.usefixtures("forgotten")
def test_one_kernel_that_does_not_run_is_known_before_the_first_answer(monkeypatch, kernel):
    monkeypatch.setattr(triton_kernels, kernel, None)
    with pytest.warns(UserWarning, match="do not run on cpu .*The same is computed in plain PyTorch"):
        assert not has_kernels(CPU)


@pytest.mark.usefixtures("forgotten")
def test_memory_that_is_short_for_a_moment_says_nothing_of_later(monkeypatch):
    def short(*_args: object) -> None:
        raise torch.OutOfMemoryError

    with monkeypatch.context() as patch:
        patch.setattr(triton_loops.TritonPasses, "activate", short)
        with pytest.raises(torch.OutOfMemoryError):
            has_kernels(CPU)
    assert has_kernels(CPU)


@pytest.mark.parametrize(
    ("names", "case"),
    [
        (("water-0", "water-1", "water-2"), "sheared"),
        (("two-sided",), "images"),
        (("two-sided",), "open"),
        (("excluded",), "lone"),
    ],
)
def test_kernels_answer_as_plain_pytorch_does(models, answers, names, case):
    model = loaded(models, *names)
    given = problem(model, answers.frames(case))
    ours = model._engine.on_device("fp64", CPU)(*given)
    assert furthest(ours, in_plain_pytorch(model)(*given)) < 1e-11


@pytest.mark.parametrize(("precision", "bound"), [("mixed", 1e-5), ("fp32", 1e-4)])
def test_single_precision_is_single_where_it_is_meant(models, answers, precision, bound):
    model = loaded(models, "water-0", "water-1")
    given = problem(model, answers.frames("sheared"))
    ours = model._engine.on_device(precision, CPU)(*given)
    assert furthest(ours, in_plain_pytorch(model, precision)(*given)) < bound
    assert furthest(ours, in_plain_pytorch(model)(*given)) > 1e-9


@pytest.mark.parametrize("case", CASES)
def test_a_tight_target_is_met_against_deepmd_kit(models, answers, case):
    model = loaded(models, "water-0", target=1e-10)
    ours, theirs = model.evaluate(*answers.frames(case), device="cpu"), answers.of(case, "water-0")
    assert np.abs(ours.forces[0] - theirs.forces).max() < 1e-10
    assert np.abs(ours.atomic_energies[0] - theirs.atomic_energies).max() < 1e-10
    assert np.abs(ours.virial[0] - theirs.virial).max() < 1e-9


def test_tiles_as_on_a_gpu_answer_the_same(models, answers, monkeypatch):
    """Few atoms in a program, several programs for the products of one: each mask has something to hide."""
    model = loaded(models, "water-0", "water-1")
    given = problem(model, answers.frames("images"))
    device = model._engine.on_device("fp64", CPU)
    expected = device(*given)
    for name, value in {"_INTERPRETED": 32, "_WIDEST": 16}.items():
        monkeypatch.setattr(triton_loops, name, value)
    assert furthest(device(*given), expected) < 1e-12


def test_atoms_that_are_left_to_the_networks_feel_those_that_are_not(models, answers):
    model = loaded(models, "water-0")
    frames, found, everyone = problem(model, answers.frames("images"))
    device = model._engine.on_device("fp64", CPU)
    device(frames, found, everyone)  # memory that is used again holds what all of them pull with
    some, rest = everyone[1:], everyone[:1]
    (whole,) = device(frames, found, everyone)
    (first,), (second,) = device(frames, found, some), device(frames, found, rest)
    assert np.abs(first.forces + second.forces - whole.forces).max() < 1e-12
    assert np.abs(first.virial + second.virial - whole.virial).max() < 1e-12
    assert not first.atomic[0]
    assert not second.atomic[1:].any()
