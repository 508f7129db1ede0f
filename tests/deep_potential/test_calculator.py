"""The model as an ASE calculator."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet

import aisteer as ai
from aisteer.errors import BadStructure


@pytest.fixture
def box(answers) -> Atoms:
    positions, cells, symbols = answers.frames("sheared")
    return Atoms(symbols, positions=positions[0], cell=cells[0], pbc=True)


def test_stress_and_forces_are_derivatives_of_the_energy(models, answers):
    from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress

    positions, cells, symbols = answers.frames("images")
    box = Atoms(symbols, positions=positions[0], cell=cells[0], pbc=True)
    box.calc = ai.dp.load(models / "water-0.ckpt.pt").calculator(exact=True)
    some = [0, 1]
    assert np.allclose(
        box.get_forces()[some], calculate_numerical_forces(box, eps=1e-4, iatoms=some), atol=1e-5
    )
    assert np.allclose(box.get_stress(), calculate_numerical_stress(box, eps=1e-5), atol=1e-6)
    assert box.get_potential_energies().sum() == pytest.approx(box.get_potential_energy())


def test_a_committee_answers_with_its_mean_and_its_deviation(models, answers, box):
    committee = ai.dp.load([models / f"water-{k}.ckpt.pt" for k in range(3)])
    box.calc = committee.calculator(exact=True)
    mean = np.mean([answers.of("sheared", f"water-{k}").forces[0] for k in range(3)], axis=0)
    assert np.abs(box.get_forces() - mean).max() < 1e-10
    theirs = answers.stored["sheared/deviation"][0]
    assert box.calc.results["max_force_deviation"] == pytest.approx(theirs[4], abs=1e-10)
    assert box.calc.results["deviation"].force == pytest.approx(theirs[8:], abs=1e-10)


def test_a_cluster_has_no_stress(models, box):
    box.pbc = False
    box.calc = ai.dp.load(models / "water-0.ckpt.pt").calculator(exact=True)
    assert np.isfinite(box.get_forces()).all()
    assert "stress" not in box.calc.results
    with pytest.raises(BadStructure, match="periodic in three directions"):
        box.get_stress()


def test_molecular_dynamics_keeps_its_energy(models, answers, box):
    box.calc = ai.dp.load(models / "water-0.ckpt.pt").calculator(exact=True)
    MaxwellBoltzmannDistribution(box, temperature_K=100, rng=np.random.default_rng(1))
    dynamics = VelocityVerlet(box, 0.25 * units.fs)
    before = box.get_total_energy()
    dynamics.run(20)
    assert box.get_total_energy() == pytest.approx(before, abs=2e-4 * len(box))
