"""Conditions and names of molecular dynamics that cannot be meant are refused before anything runs."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms

import aisteer as ai
from aisteer.deep_potential.measured import Measured
from aisteer.deep_potential.model_files import opened
from aisteer.errors import BadDefinition, BadModel, BadParameters

WATER = Atoms("OH2", positions=[[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])


@pytest.fixture(scope="module")
def made(models):
    """A function that makes the simulation of a molecule, in a cell unless it is told otherwise."""

    def make(cell=True, **settings):
        structure = WATER.copy()
        if cell:
            structure.cell, structure.pbc = [9.0, 9.0, 9.0], True
        return ai.dp.MolecularDynamics(
            models / "water-0.ckpt.pt",
            structure,
            **{"temperature": 300.0, "steps": 2, "equilibration": 0, "sample": 1, **settings},
        )

    return make


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperature": -5.0}, "temperature is above 0 K"),
        ({"density": 0.0}, "density is above 0"),
        ({"strain": -100.0}, "strain is above −100 %"),
        ({"density": 1.0, "cell": False}, "need a cell of three vectors"),
        ({"strain": 1.0, "cell": False}, "need a cell of three vectors"),
        ({"pressure": 1.0, "cell": False}, "need a cell of three vectors"),
        ({"name": "class"}, "identifier"),
        ({"name": "SETTINGS"}, "identifier"),
        ({"name": "ﬁlm"}, "identifier"),
        ({"name": 5}, "identifier"),
    ],
)
def test_what_cannot_be_is_told_when_it_is_defined(made, settings, said):
    with pytest.raises(BadDefinition, match=said):
        made(**settings)


def test_what_a_space_asks_for_is_looked_at_before_the_run(made):
    for simulation, parameters, said in (
        (made(thermostat="bussi"), {"pressure": 0.1}, "thermostat 'langevin'"),
        (made(cell=False), {"density": 1.0}, "need a cell of three vectors"),
        (made(temperature=None), {"temperature": -1.0}, "above 0 K"),
        (made(), {"strain": -200.0}, "above −100 %"),
    ):
        with pytest.raises(BadParameters, match=said):
            next(simulation(**parameters))


def test_what_becomes_of_too_many_neighbours_is_as_the_model_was_loaded(models):
    water = models / "water-0.ckpt.pt"
    nearest = ai.dp.load(water, overflow="nearest")
    assert ai.dp.MolecularDynamics(nearest, WATER, temperature=300.0).settings.overflow == "nearest"
    asked = ai.dp.MolecularDynamics(nearest, WATER, temperature=300.0, overflow="refuse")
    assert asked.settings.overflow == ai.dp.MolecularDynamics(water, WATER).settings.overflow == "refuse"


def test_how_exact_the_series_are_is_as_the_model_was_loaded(models):
    water = models / "water-0.ckpt.pt"
    near = ai.dp.load(water, target=1e-3, r_min=0.8)
    settings = ai.dp.MolecularDynamics(near, WATER, temperature=300.0).settings
    assert (settings.target, settings.r_min) == (1e-3, 0.8)
    run, _ = opened(settings)
    assert (run.target, run.r_min) == (1e-3, 0.8)
    plain = ai.dp.MolecularDynamics(water, WATER).settings
    assert (plain.target, plain.r_min) == (1e-6, None)


def test_a_model_that_was_replaced_at_the_endpoint_is_read_anew(models, tmp_path):
    there = tmp_path / "there.ckpt.pt"
    shutil.copy(models / "water-0.ckpt.pt", there)
    asked = ai.dp.MolecularDynamics(there, WATER, temperature=300.0).settings
    only_there = replace(asked, models=({"path": str(there)},))  # nothing was known of it when it was defined
    before, sums = opened(only_there)
    assert opened(only_there)[0] is before
    assert sums == [hashlib.sha256(there.read_bytes()).hexdigest()]
    shutil.copy(models / "water-1.ckpt.pt", there)
    assert opened(only_there)[0] is not before
    with pytest.raises(BadModel, match="another one than the campaign was defined with"):
        opened(asked)


def test_a_run_goes_on_only_with_the_model_that_it_began_with_also_where_only_the_endpoint_knows_it(
    models, tmp_path, monkeypatch
):
    monkeypatch.setenv("ENDPOINT", str(tmp_path))  # as if it were there alone
    simulation = ai.dp.MolecularDynamics(
        "$ENDPOINT/water.ckpt.pt", WATER, temperature=300.0, steps=2, equilibration=0, sample=1
    )
    assert "sha256" not in simulation.settings.models[0]
    shutil.copy(models / "water-0.ckpt.pt", tmp_path / "water.ckpt.pt")
    _, checkpoint = next(simulation(seed=1))
    kept = checkpoint()
    assert next(simulation(seed=1, restart=kept))[0]["step"] == 2
    shutil.copy(models / "water-1.ckpt.pt", tmp_path / "water.ckpt.pt")
    with pytest.raises(BadModel, match="others than those that this run began with"):
        next(simulation(seed=1, restart=kept))
    assert next(simulation(seed=1, restart=kept, branched=True))[0]["step"] == 1


def test_a_checkpoint_of_something_else_is_named(made):
    _, checkpoint = next(made()(seed=1))
    kept = checkpoint()
    for foreign, said in (
        ({"weights": 1}, "has no cell, conditions"),
        ({**kept, "positions": kept["positions"][:2]}, "2 atoms that are not those"),
        ({name: value for name, value in kept.items() if name != "random"}, "has no random"),
    ):
        with pytest.raises(BadParameters, match=said):
            next(made()(restart=foreign))


def test_numbers_of_numpy_are_numbers(made):
    ours = made(temperature=np.float64(300), strain=np.float64(1), timestep=np.float64(0.5))
    assert ours.text == made(strain=1.0).text
    assert next(ours(seed=1))[0] == next(made(strain=1.0)(seed=1))[0]


def test_what_is_seen_where_a_run_ends_in_between_does_not_bend_the_time(made):
    running = made(steps=7, sample=3)(seed=1)
    steps = [next(running)[0]["step"], *(values["step"] for values, _ in running)]
    assert steps == [3, 6, 7]
    again = made(steps=7, sample=3)(seed=1)
    _, checkpoint = [next(again) for _ in range(3)][-1]
    further = made(steps=12, sample=3)(seed=1, restart=checkpoint())
    assert [values["step"] for values, _ in further] == [9, 12]

    settings = SimpleNamespace(sample=3, timestep=0.5, diffusion=("O",))
    measured = Measured.empty(settings, WATER)
    for step in (3, 6, 7, 9, 12):
        measured.add({"step": step, "drift": 2e-6 * step}, WATER)
    assert len(measured.to_json()["frames"]) == 4
    rate = measured.outcome()["drift_rate"]
    assert rate.value == pytest.approx(2e-6 / 0.0005 * 1000)
    assert rate.standard_error == pytest.approx(0, abs=1e-9)
