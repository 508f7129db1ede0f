"""Molecular dynamics as a simulation: what it yields, how it goes on, how it fails."""

from __future__ import annotations

import itertools
import pickle

import ase.io
import numpy as np
import pytest
from ase import Atoms, units

import aisteer as ai
from aisteer.deep_potential.integrators import Conserved
from aisteer.errors import BadDefinition, BadModel, BadParameters, BadStructure
from aisteer.problem.shipping import ship


@pytest.fixture(scope="module")
def box(answers) -> Atoms:
    positions, cells, symbols = answers.frames("sheared")
    return Atoms(symbols, positions=positions[0], cell=cells[0], pbc=True)


@pytest.fixture(scope="module")
def water(models, box):
    """A function that makes the simulation, short unless it is told otherwise."""

    def made(members=1, **settings):
        paths = [models / f"water-{k}.ckpt.pt" for k in range(members)]
        return ai.dp.MolecularDynamics(
            paths, box, **{"steps": 12, "equilibration": 4, "sample": 4, "temperature": 300.0, **settings}
        )

    return made


def go(simulation, stops=(), **parameters):
    """All that it yields, its checkpoints as a spool keeps them, and its outcome."""
    running = simulation(**parameters)
    seen, checkpoints, control = [], [], None
    try:
        while True:
            values, checkpoint = running.send(control)
            seen.append(values)
            checkpoints.append(pickle.loads(pickle.dumps(checkpoint())))
            control = {"stop": True} if len(seen) in stops else {}
    except StopIteration as end:
        return seen, checkpoints, end.value


@pytest.mark.parametrize(
    "settings",
    [{"thermostat": "langevin"}, {"thermostat": "bussi"}, {"thermostat": "nve"}, {"pressure": 0.5}],
    ids=["langevin", "bussi", "nve", "npt"],
)
def test_a_restart_follows_the_very_same_trajectory(water, settings):
    simulation = water(diffusion="O", **settings)
    seen, checkpoints, outcome = go(simulation, seed=3)
    assert [values["step"] for values in seen] == [4, 8, 12, 16]
    again, after, same = go(simulation, seed=3, restart=checkpoints[1])
    assert again == seen[2:]
    assert same == outcome
    for name in ("positions", "momenta", "cell"):
        assert after[-1][name].tobytes() == checkpoints[-1][name].tobytes()
    assert after[-1]["random"] == checkpoints[-1]["random"]


def test_the_skin_and_the_sampling_change_not_one_bit_of_a_trajectory(water):
    ends = [
        go(water(skin=skin, sample=sample), seed=1)[1][-1]["positions"].tobytes()
        for skin, sample in ((1.0, 4), (0.0, 8))
    ]
    assert ends[0] == ends[1]


def test_what_is_seen_is_what_the_model_says_of_the_frames_that_are_written(water, tmp_path):
    simulation = water(members=2)
    seen, _, outcome = go(simulation, seed=2, run_folder=str(tmp_path / "work"))
    frames = ase.io.read(tmp_path / "work" / "trajectory.extxyz", ":")
    assert [frame.info["step"] for frame in frames] == [values["step"] for values in seen]
    last = frames[-1]
    committee = ai.dp.load([each["path"] for each in simulation.settings.models])
    found = committee.deviation(last.positions, last.cell.array, last.get_chemical_symbols())
    told = seen[-1]
    for name, value in found.as_dict().items():
        assert told[f"{name}_deviation"] == pytest.approx(float(value), abs=1e-5)
    assert last.arrays["force_deviation"] == pytest.approx(found.force, abs=1e-5)
    energy, _, virial = committee.evaluate(last.positions, last.cell.array, last.get_chemical_symbols())
    assert told["energy"] == pytest.approx(energy.mean(), abs=1e-5)
    ideal = len(last) * units.kB * told["temperature"] * (3 * len(last) - 3) / (3 * len(last))
    pressure = (np.trace(virial.mean(axis=0)) / 3 + ideal) / last.get_volume() / units.GPa
    assert told["pressure"] == pytest.approx(pressure, abs=1e-4)
    assert list(told) == [name for name in simulation.yielded if name != "density"]
    counted = [values["max_force_deviation"] for values in seen if values["step"] > 4]
    assert outcome["max_force_deviation"] == max(counted)
    assert outcome["pressure"].standard_error > 0
    assert set(outcome) <= set(simulation.returned)
    assert {*told, *outcome} - {"step", "progress"} <= set(simulation.units)


def test_without_a_thermostat_the_conserved_quantity_is_the_total_energy(water, models, box):
    from ase.md.verlet import VelocityVerlet

    seen, checkpoints, _ = go(water(thermostat="nve"), seed=5)
    atoms = box.copy()
    atoms.calc = ai.dp.load(models / "water-0.ckpt.pt").calculator()
    rng = np.random.default_rng(0)
    atoms.set_momenta(rng.normal(0, 0.3, (len(atoms), 3)))
    before, dynamics = atoms.get_total_energy(), VelocityVerlet(atoms, 0.5 * units.fs)
    conserved = Conserved(atoms, 0.5)
    for _ in range(8):
        dynamics.step()
        conserved.step()
    assert conserved.change == pytest.approx(atoms.get_total_energy() - before, abs=1e-9)
    # And the run's own: kinetic energy from its momenta.
    masses = box.get_masses()[:, None]
    totals = [
        values["energy"] + (kept["momenta"] ** 2 / masses).sum() / 2
        for values, kept in zip(seen, checkpoints, strict=True)
    ]
    drifts = np.array([values["drift"] for values in seen]) * len(box)
    assert np.diff(drifts) == pytest.approx(np.diff(totals), abs=1e-9)


def test_from_a_frame_at_another_temperature_it_equilibrates_and_counts_anew(water):
    simulation = water(temperature=None)
    _, checkpoints, _ = go(simulation, temperature=300.0, seed=1)
    first = simulation(temperature=600.0, seed=2, restart=checkpoints[-1])
    values, checkpoint = next(first)
    kept = checkpoint()
    assert values["step"] == 4
    assert values["drift"] != 0
    assert kept["measured"]["series"] == {}
    moved = np.linalg.norm(kept["positions"] - checkpoints[-1]["positions"], axis=1)
    assert 0 < moved.max() < 0.5  # these very atoms went on


@pytest.mark.parametrize("thermostat", ["langevin", "bussi", "nve"])
def test_a_branch_at_its_parents_own_conditions_goes_its_own_way_where_there_is_noise(water, thermostat):
    simulation = water(thermostat=thermostat)
    seen, checkpoints, _ = go(simulation, seed=1)
    branch, after, outcome = go(simulation, seed=2, restart=checkpoints[1], branched=True)
    assert [values["step"] for values in branch] == [4, 8, 12, 16]  # it equilibrates and counts anew
    assert outcome["temperature"].value == pytest.approx(np.mean([v["temperature"] for v in branch[1:]]))
    follows = [after[k]["positions"].tobytes() == checkpoints[k + 2]["positions"].tobytes() for k in (0, 1)]
    assert follows == [thermostat == "nve"] * 2
    again = go(simulation, seed=2, restart=checkpoints[1], branched=True)[0]
    assert again == branch
    other = go(simulation, seed=3, restart=checkpoints[1], branched=True)[0]
    assert (other == branch) == (thermostat == "nve")
    assert seen[2]["step"] == 12


def test_density_strain_and_pressure_say_how_large_the_cell_is(water, box):
    volume = {}
    for name, given in {"density": 1.2, "strain": 2.0, "nothing": 0.0}.items():
        simulation = water(temperature=None, steps=4, equilibration=0)
        parameters = {} if name == "nothing" else {name: given}
        _, checkpoints, _ = go(simulation, temperature=300.0, **parameters)
        volume[name] = abs(np.linalg.det(checkpoints[-1]["cell"]))
    assert volume["nothing"] == pytest.approx(box.get_volume())
    assert volume["strain"] == pytest.approx(box.get_volume() * 1.02**3)
    assert box.get_masses().sum() * 1.66053907 / volume["density"] == pytest.approx(1.2)
    with pytest.raises(BadParameters, match="density and strain"):
        next(water()(density=1.0, strain=1.0))
    with pytest.raises(BadParameters, match="above 0 K"):
        next(water(temperature=None)(temperature=0.0))


def test_steps_are_raised_while_it_runs_and_a_stop_returns_what_there_is(water):
    running = water()(seed=1)
    next(running)
    steps = [running.send({"steps": 16})[0]["step"], *(values["step"] for values, _ in running)]
    assert steps == [8, 12, 16, 20]
    seen, _, outcome = go(water(), stops={3}, seed=1)
    assert len(seen) == 3
    assert outcome["temperature"].value == pytest.approx(np.mean([v["temperature"] for v in seen[1:]]))
    assert go(water(), stops={1}, seed=1)[2] == {}  # nothing was measured yet


def test_a_run_that_goes_wild_fails_by_name_and_what_it_wrote_is_there(water, tmp_path):
    simulation = water(timestep=4.0, sample=1, steps=200, thermostat="nve")
    seen, running = [], simulation(seed=1, run_folder=str(tmp_path))
    with pytest.raises(ai.dp.Runaway, match="has left what its model can describe") as wild:
        seen.extend(iter(running))
    assert wild.value.step >= len(seen) > 0
    assert len(ase.io.read(tmp_path / "trajectory.extxyz", ":")) == len(seen)


def test_more_neighbours_than_the_model_takes_end_a_run_by_name(water, box, monkeypatch):
    from aisteer.errors import NeighbourOverflow

    running = water(sample=1)(seed=1)
    next(running)

    def refuse(*_, **__):
        raise NeighbourOverflow("In atom 3 has 40 neighbours", atom=3, needed=[40, 9], sel=[20, 20])

    from aisteer.deep_potential.skin import SkinList

    monkeypatch.setattr(SkinList, "find", refuse)
    with pytest.raises(ai.dp.Runaway, match="40 neighbours") as wild:
        next(running)
    assert (wild.value.step, wild.value.atom, wild.value.needed) == (1, 3, [40, 9])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"thermostat": "nose"}, "thermostat is one of langevin, bussi, nve"),
        ({"timestep": 0}, "timestep is a time in fs above 0"),
        ({"steps": 0}, "steps is a whole number from 1 on"),
        ({"sample": 2.5}, "sample is a whole number"),
        ({"precision": "half"}, "precision is one of"),
        ({"skin": -1.0}, "from 0 on"),
        ({"diffusion": "Na"}, "diffusion names Na"),
        ({"density": 1.0, "strain": 1.0}, "density and strain"),
        ({"pressure": 0.1, "thermostat": "nve"}, "kept with the thermostat 'langevin'"),
        ({"temperature": "hot"}, "temperature is a number"),
        ({"name": "two words"}, "identifier"),
    ],
)
def test_settings_that_cannot_work_are_named(water, settings, said):
    with pytest.raises(BadDefinition, match=said):
        water(**settings)


def test_structure_and_model_are_looked_at_when_it_is_defined(models, box, tmp_path):
    model = models / "water-0.ckpt.pt"
    with pytest.raises(BadDefinition, match="ASE's Atoms"):
        ai.dp.MolecularDynamics(model, Atoms())
    salt = box.copy()
    salt.symbols[0] = "Na"
    with pytest.raises(BadStructure, match="'Na'"):
        ai.dp.MolecularDynamics(model, salt)
    with pytest.raises(BadModel, match=r"no file missing\.pt here"):
        ai.dp.MolecularDynamics("missing.pt", box)
    with pytest.raises(BadModel, match="no paths"):
        ai.dp.MolecularDynamics([], box)
    loaded = ai.dp.load([model])
    assert ai.dp.MolecularDynamics(loaded, box).settings.models[0]["path"] == str(model)
    away = ai.dp.MolecularDynamics("$SCRATCH/model.ckpt.pt", box, temperature=300.0)
    assert away.settings.models == ({"path": "$SCRATCH/model.ckpt.pt"},)
    with pytest.raises(BadModel, match="where the run executes"):
        next(away())


def test_another_file_under_the_models_name_is_refused(models, box, tmp_path):
    path = tmp_path / "model.ckpt.pt"
    path.write_bytes((models / "water-0.ckpt.pt").read_bytes())
    simulation = ai.dp.MolecularDynamics(path, box, temperature=300.0)
    path.write_bytes((models / "water-1.ckpt.pt").read_bytes())
    with pytest.raises(BadModel, match=r"another one.*redefine"):
        next(simulation())


def test_it_travels_as_its_settings_and_is_the_same_in_every_process(water):
    first, again, other = water(), water(), water(timestep=0.25)
    assert ship(first).mode == "source"
    assert ship(first).identity == ship(again).identity != ship(other).identity
    names: dict = {}
    exec(ship(first).content, names)
    there = itertools.islice(names["molecular_dynamics"](seed=4), 1)
    assert next(there)[0] == next(first(seed=4))[0]
    first.check(ai.Space(temperature=ai.Float(200, 400, unit="K"), strain=ai.Float(0, 5, unit="%")))
    with pytest.raises(BadDefinition, match="needs temperature"):
        water(temperature=None).check(ai.Space(strain=ai.Float(0, 5)))
    assert first.controls == ("steps",)
