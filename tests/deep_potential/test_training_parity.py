"""The same numbers as deepmd-kit's: statistics, learning rate, loss, gradient, and a short training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aisteer.deep_potential.checkpoint import read_checkpoint
from aisteer.deep_potential.training.batches import Sample
from aisteer.deep_potential.training.inspection import find_neighbourhoods
from aisteer.deep_potential.training.loss import LearningRate, Loss, Slopes, Weights
from aisteer.deep_potential.training.reading import read_systems
from aisteer.deep_potential.training.settings import Adam
from aisteer.deep_potential.training.statistics import (
    automatic_sel,
    energy_bias,
    nearest_by_type,
    nearest_distance,
    normalisation,
)
from aisteer.deep_potential.training.trainer import Trainer, TrainingPlan

FOLDER = Path(__file__).parents[1] / "fixtures" / "deep_potential"
TYPES = ("O", "H")
# deepmd-kit 3.2.0 rounds 1/N to single precision, N = 24 here: 3e-8 of the terms of energy and virial.
ROUNDED = float(np.float32(1 / 24)) * 24
LOSS = Loss(Weights(0.02 * ROUNDED, 1000.0, 0.02 * ROUNDED), Weights(ROUNDED, 1.0, ROUNDED))
STEPS = 24


@pytest.fixture(scope="module")
def kit() -> dict:
    """What deepmd-kit found; made by make_training.py."""
    with np.load(FOLDER / "training" / "answers.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def systems() -> list:
    return read_systems([FOLDER / "training" / "bulk", FOLDER / "training" / "cluster"])


def trainer(systems: list, *names: str) -> Trainer:
    members = tuple(read_checkpoint(FOLDER / f"{name}.ckpt.pt") for name in names)
    type_map, cutoff = members[0].type_map, members[0].descriptor.cutoff
    near = find_neighbourhoods(systems[:1], type_map, cutoff)
    plan = TrainingPlan(
        members=members,
        training=tuple(map(Sample.of, systems[:1], near)),
        validation=(),
        nearest=nearest_by_type(near, cutoff),
        rate=LearningRate(5e-3, 1e-4, 5, STEPS),
        loss=LOSS,
        adam=Adam(0.9, 0.999, 0.0),
        sizes=(2,),
        uniform=False,
        seed=0,
    )
    return Trainer(plan)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("one-sided", {}),
        ("excluded", {"excluded": {(0, 1), (1, 0)}, "smooth_from": 2.0}),
        ("around zero", {"davg_zero": True}),
    ],
)
def test_the_normalisation_is_that_of_deepmd_kit(name, options, systems, kit):
    near = find_neighbourhoods(systems, TYPES, 4.0)
    settings = {"cutoff": 4.0, "smooth_from": 0.5, "sel": (14, 28), **options}
    mean, std = normalisation(near, **settings)
    assert mean == pytest.approx(kit[f"{name}/davg"], abs=1e-12)
    assert std == pytest.approx(kit[f"{name}/dstd"], abs=1e-12)


def test_energy_biases_are_the_least_squares_of_deepmd_kit(systems, kit):
    bias = energy_bias(systems, TYPES)
    assert bias.energies == pytest.approx(kit["one-sided/bias"], rel=1e-12)
    assert bias.std == pytest.approx(kit["one-sided/out_std"], rel=1e-8)


def test_sel_and_the_least_distance_are_found_as_deepmd_kit_does(systems, kit):
    near = find_neighbourhoods(systems, TYPES, 4.0)
    assert automatic_sel(near) == tuple(kit["sel"])
    assert nearest_distance(near) == pytest.approx(float(kit["nearest"]), rel=1e-12)
    assert automatic_sel(find_neighbourhoods(systems, TYPES, 6.0), 1.5) == tuple(kit["wide sel"])


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("stairs", LearningRate(1e-3, 1e-8, 5000, 100_000)),
        ("short", LearningRate(1e-3, 5e-8, 5000, 730)),
        ("hundred", LearningRate(2e-3, 5e-8, 5000, 5000)),
        ("smooth", LearningRate(1e-3, 1e-6, 30, 400, smooth=True)),
        ("given", LearningRate(1e-3, 2e-5, 40, 400, rate=0.6)),
    ],
)
def test_the_learning_rate_falls_as_in_deepmd_kit(name, rate, kit):
    steps = np.linspace(0, rate.steps - 1, 40).astype(int)
    assert [rate.at(int(step)) for step in steps] == pytest.approx(kit[f"rate/{name}"], rel=1e-12)


@pytest.mark.parametrize("name", ["water-0", "two-sided", "excluded"])
def test_loss_and_gradient_are_those_of_deepmd_kit(name, systems, kit):
    made = trainer(systems, name)
    made._tolerance = 3e-10
    made._fit_terms()
    sample, frames = made._plan.training[0], np.array([0, 4, 9])
    seen = made._forward(sample, frames)
    slopes = Slopes.of(LOSS.weights(1 / 3), seen.energies, seen.forces, seen.virial, sample.labels(frames))
    seen.gradient(slopes.by_energies, slopes.by_forces, slopes.by_virial)
    assert float(slopes.losses[0]) == pytest.approx(float(kit[f"{name}/loss"]), rel=1e-10)
    compared = 0
    places = [
        ("descriptor.sea", net, layers) for net, layers in enumerate([made.stack.embedding] * made.stack.nets)
    ]
    places += [("fitting_net", kind, layers) for kind, layers in enumerate(made.stack.fitting)]
    scale = max(np.abs(kit[key]).max() for key in kit if key.startswith(f"{name}/") and "layers" in key)
    for part, net, layers in places:
        for number, layer in enumerate(layers):
            for what in ("matrix", "bias", "idt"):
                tensor = getattr(layer, what)
                theirs = kit.get(f"{name}/{part}.filter_layers.networks.{net}.layers.{number}.{what}")
                if tensor is None or theirs is None:
                    assert tensor is None or part == "descriptor.sea"
                    continue
                ours = tensor.grad[0, net] if part == "descriptor.sea" else tensor.grad[0]
                assert ours.numpy().reshape(theirs.shape) == pytest.approx(theirs, abs=1e-10 * scale)
                compared += theirs.size
    assert compared > 500


def test_a_short_training_follows_the_losses_of_deepmd_kit(systems, kit):
    made = trainer(systems, "water-0")
    made._tolerance = 3e-10
    order = iter([np.array([(7 * step) % 10, (7 * step + 3) % 10]) for step in range(STEPS)])
    made._order.take = lambda: (0, next(order))
    losses = [made.advance(look=True).loss[0] for _ in range(STEPS)]
    assert losses == pytest.approx(kit["losses"], rel=1e-9)


def test_members_in_one_pass_do_as_each_does_alone(systems):
    first, other = (read_checkpoint(FOLDER / f"water-{n}.ckpt.pt") for n in (0, 1))
    # Their statistics differ, as deepmd-kit drew other batches for them; what is shared here is the first's.
    shared = replace(other.descriptor, mean=first.descriptor.mean, std=first.descriptor.std)
    members = (first, replace(other, descriptor=shared))

    def loss_after(chosen: tuple, place: int) -> float:
        made = trainer(systems, "water-0")
        made = Trainer(replace(made._plan, members=chosen))
        return [made.advance(look=True).loss[place] for _ in range(4)][-1]

    for place, member in enumerate(members):
        assert loss_after(members, place) == pytest.approx(loss_after((member,), 0), rel=1e-11)


def test_single_precision_trains_as_double_does(systems):
    made = {name: trainer(systems, name) for name in ("single",)}["single"]
    assert made.stack.embedding[0].matrix.dtype == torch.float32
    double = trainer(systems, "single")
    for tensor in (*made.stack.tensors(), *double.stack.tensors()):
        assert tensor.dtype == torch.float32
    losses = [made.advance(look=True).loss[0] for _ in range(6)]
    assert all(np.isfinite(losses))
