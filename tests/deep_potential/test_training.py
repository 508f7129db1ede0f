"""A committee is trained, shown, saved, gone on with, and is what deepmd-kit runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

import aisteer as ai
from aisteer.deep_potential.training.live import drawn
from aisteer.deep_potential.training.reading import read_systems
from aisteer.deep_potential.training.series import SeriesOfNets
from aisteer.deep_potential.training.session import _prepared
from aisteer.errors import BadDefinition, BadModel, BadTrainingData, NotSupported, TrainingDiverged

DATA = Path(__file__).parents[1] / "fixtures" / "deep_potential" / "training"
SMALL = {
    "model": {
        "descriptor": {"rcut": 4.0, "neuron": [4, 8], "axis_neuron": 3, "type_one_side": True},
        "fitting_net": {"neuron": [10, 10]},
    },
    "learning_rate": {"start_lr": 0.01, "stop_lr": 1e-4},
    "training": {"disp_freq": 10, "save_freq": 7},
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(**options):
    return ai.dp.train(DATA, **{"settings": SMALL, "steps": 20, "committee": 2, "progress": False, **options})


def weights(model) -> np.ndarray:
    nets = [net for m in model.members for net in (*m.descriptor.networks.values(), *m.fitting.networks)]
    return np.concatenate([layer.matrix.ravel() for net in nets for layer in net])


def test_a_committee_learns_and_says_how_well():
    model = trained(steps=40)
    assert len(model) == 2
    assert model.committee
    record = model.training
    assert (record.steps, record.of, record.validation.frames) == (40, 40, 2)
    assert [point.step for point in record.curve] == [1, 10, 20, 30, 40]
    early, late = record.curve[0].validation, record.curve[-1].validation
    assert np.mean(late.force) < np.mean(early.force)
    assert record.validation.force == pytest.approx(late.force, rel=1e-9)
    table = record.frame()
    assert list(table["member"][:2]) == [0, 1]
    assert {"step", "loss", "rate", "training_force", "validation_energy"} <= set(table)
    assert "meV/atom" in str(record)


def test_the_errors_are_those_of_the_model_that_is_given_back():
    model = trained(validation=DATA / "bulk", committee=2)
    system = read_systems(DATA / "bulk")[0]
    answer = model.evaluate(system.positions, system.cells, system.symbols, exact=True)
    off = answer.forces - system.forces
    assert model.training.validation.force == pytest.approx(np.sqrt((off**2).mean((1, 2, 3))), rel=1e-6)
    per_atom = 1000 * (answer.energy - system.energies) / 24
    assert model.training.validation.energy == pytest.approx(np.sqrt((per_atom**2).mean(1)), rel=1e-6)


def test_members_begin_differently_and_share_the_statistics():
    first, other = trained(steps=1).members
    assert not np.allclose(first.fitting.networks[0][0].matrix, other.fitting.networks[0][0].matrix, atol=0.1)
    assert np.array_equal(first.descriptor.mean, other.descriptor.mean)
    assert np.array_equal(first.bias, other.bias)


def test_a_training_that_goes_on_ends_as_one_that_was_never_interrupted(tmp_path):
    whole = trained()
    options = {"settings": SMALL, "steps": 20, "committee": 2, "progress": False, "folder": tmp_path}
    training = _prepared(DATA, **{**ai.dp.train.__kwdefaults__, **options})
    take, taken = training._trainer.advance, []

    def until_interrupted(**options):
        if len(taken) == 11:
            os.kill(os.getpid(), signal.SIGINT)  # what a kernel gets when its cell is interrupted
        taken.append(1)
        return take(**options)

    training._trainer.advance = until_interrupted
    with pytest.raises(KeyboardInterrupt):
        training.run()
    assert training.step == 12
    assert json.loads((tmp_path / "curve.json").read_text())[-1]["step"] == 10
    gone_on = trained(folder=tmp_path)
    assert np.array_equal(weights(gone_on), weights(whole))
    assert [point.loss for point in gone_on.training.curve] == [point.loss for point in whole.training.curve]
    again = trained(folder=tmp_path)
    assert np.array_equal(weights(again), weights(whole))


def test_a_folder_of_another_training_is_refused_with_what_differs(tmp_path):
    trained(folder=tmp_path, steps=3)
    with pytest.raises(BadDefinition, match=r"differs in: learning rate\. Nothing was trained"):
        trained(folder=tmp_path, steps=4)
    with pytest.raises(BadDefinition, match=r"training data.*seed, initial weights"):
        trained(folder=tmp_path, steps=3, seed=5)
    assert trained(folder=tmp_path, steps=4, restart=True).training.steps == 4
    (tmp_path / "training.pt").write_bytes(b"PK")
    with pytest.raises(BadModel, match="is broken"):
        trained(folder=tmp_path, steps=4)


def test_checkpoints_are_read_again_and_hold_the_models(tmp_path):
    model = trained(folder=tmp_path, steps=5)
    assert [path.name for path in model.training.checkpoints] == ["model-0.ckpt.pt", "model-1.ckpt.pt"]
    read = ai.dp.load(model.training.checkpoints)
    assert np.array_equal(weights(read), weights(model))
    assert read.members[0].nearest == pytest.approx(model.members[0].nearest)


def test_a_training_in_the_background_is_looked_at_stopped_and_awaited(tmp_path):
    training = ai.dp.start_training(
        DATA, settings=SMALL, steps=1_000_000, committee=1, progress=False, folder=tmp_path
    )
    with pytest.raises(TimeoutError, match="of 1000000"):
        training.wait(timeout=0.01)
    training.stop()

    async def awaited():
        return await training

    model = asyncio.run(awaited())
    assert not model.committee
    assert training.ended
    assert model.training.steps == training.step < 1_000_000
    assert (tmp_path / "model-0.ckpt.pt").exists()


def test_a_training_begins_with_models_that_there_are():
    first = trained(steps=30)
    further = trained(initial=first, steps=5)
    assert further.training.curve[0].loss < first.training.curve[0].loss
    assert np.array_equal(further.members[0].descriptor.mean, first.members[0].descriptor.mean)
    with pytest.raises(BadDefinition, match="committee=2"):
        trained(initial=first, committee=3)
    read = ai.dp.load(DATA.parent / "water-0.ckpt.pt")
    moved = trained(initial=read, committee=1, steps=1)
    assert moved.members[0].source is None  # the file that it began from holds another model
    others = ai.dp.load([DATA.parent / f"water-{n}.ckpt.pt" for n in (0, 1)])
    with pytest.raises(NotSupported, match="davg and dstd"):
        trained(initial=others)


def test_an_input_json_is_enough(tmp_path):
    given = {
        **SMALL,
        "training": {
            "training_data": {"systems": ["bulk", "cluster"], "batch_size": 1},
            "validation_data": {"systems": "bulk"},
            "numb_steps": 3,
            "seed": 7,
        },
    }
    for name in ("bulk", "cluster"):
        (tmp_path / name).symlink_to(DATA / name)
    (tmp_path / "input.json").write_text(json.dumps(given))
    model = ai.dp.train(tmp_path / "input.json", committee=1, progress=False)
    assert model.training.validation.frames == 10
    assert model.members[0].hyperparameters["type_map"] == ["O", "H"]
    with pytest.raises(BadTrainingData, match="names no systems"):
        ai.dp.train({"training": {"numb_steps": 3}}, progress=False)


def test_atoms_that_are_all_alone_are_nothing_to_learn_from(tmp_path):
    alone = [Atoms("OH", [[0, 0, 0], [9 + k, 0, 0]]) for k in range(3)]
    for atoms in alone:
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.zeros((2, 3)))
    with pytest.raises(BadTrainingData, match="No atom has a neighbour within the cutoff of 4 Å"):
        ai.dp.train(alone, settings=SMALL, steps=1, progress=False)


def test_the_series_of_the_nets_gets_terms_as_the_nets_bend():
    training = _prepared(
        DATA, **{**ai.dp.train.__kwdefaults__, "settings": SMALL, "steps": 3, "progress": False}
    )
    trainer = training._trainer
    trainer.advance()
    before = trainer.terms
    with torch.no_grad():
        for layer in trainer.stack.embedding:
            layer.matrix *= 3
    trainer._fit_terms()
    assert trainer.terms > before
    assert trainer.series_error() <= 1e-5
    assert SeriesOfNets(trainer.stack, trainer._s_max, before).error() > 1e-5


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path):
    settings = {**SMALL, "learning_rate": {"start_lr": 1e160, "stop_lr": 1e159}}
    with pytest.raises(TrainingDiverged, match="smaller learning rate"):
        trained(settings=settings, folder=tmp_path)


def test_weights_that_are_no_numbers_are_never_saved(tmp_path):
    """The loss of the very step that spoils them is finite still."""
    rate = {"start_lr": 1e308, "stop_lr": 1e308}
    with pytest.raises(ai.dp.TrainingDiverged, match="weights are not finite"):
        trained(steps=1, folder=tmp_path / "run", settings={**SMALL, "learning_rate": rate})
    assert not (tmp_path / "run").exists()


def test_outside_a_notebook_lines_are_printed(capsys):
    trained(progress=True, steps=20, committee=1)
    said = capsys.readouterr().out
    assert "step 10 of 20: validation energy" in said
    assert "20 of 20 steps" in said


def test_the_curve_is_drawn_for_both_sets():
    curve = trained(steps=20).training.curve
    picture = drawn(curve, 20)
    assert picture.count("<polyline") == 4
    assert "energy error, meV/atom" in picture
    assert drawn([], 20).count("<svg") == 0
