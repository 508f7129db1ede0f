"""The ensembles of molecular dynamics, held against what is known of an ideal gas and of a crystal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.constraints import FixCom
from scipy import stats

from aisteer.analysis import mean_and_error
from aisteer.deep_potential.integrators import Integrator

KELVIN = 300.0
THERMAL = units.kB * KELVIN


class IdealGas(Calculator):
    """Atoms that do not know of each other: everything about them is known in closed form."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress"]

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}


def gas(count, volume, rng):
    edge = volume ** (1 / 3)
    atoms = Atoms(f"Ar{count}", positions=rng.uniform(0, edge, (count, 3)), cell=[edge] * 3, pbc=True)
    return moving(atoms, IdealGas(), rng)


def moving(atoms, calculator, rng):
    atoms.calc = calculator
    widths = np.sqrt(atoms.get_masses()[:, None] * THERMAL)
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * widths)
    return atoms


def integrator(atoms, rng, *, pressure=None, thermostat="langevin", timestep=4.0, tau=20.0, barostat=100.0):
    settings = SimpleNamespace(
        thermostat=thermostat, timestep=timestep, thermostat_time=tau, barostat_time=barostat
    )
    return Integrator(atoms, settings, temperature=KELVIN, pressure=pressure, rng=rng)


@pytest.mark.parametrize("thermostat", ["langevin", "bussi"])
def test_a_thermostat_gives_the_kinetic_energy_its_canonical_distribution(thermostat):
    """Of 3 n - 3 degrees of freedom, as the centre of mass is fixed: a gamma distribution, its mean and its width."""
    rng = np.random.default_rng(1)
    atoms = gas(6, 6000.0, rng)
    atoms.set_constraint(FixCom())
    made = integrator(atoms, rng, thermostat=thermostat, timestep=10.0, tau=20.0)
    seen = []
    for _ in range(500):
        for _ in range(8):  # four times the thermostat's: what follows is independent of it
            made.step()
        seen.append(atoms.get_kinetic_energy() / THERMAL)
    assert stats.kstest(seen, stats.gamma(15 / 2).cdf).pvalue > 0.01
    assert np.mean(seen) == pytest.approx(7.5, abs=3 * np.sqrt(7.5 / 500))
    assert np.var(seen) == pytest.approx(7.5, rel=0.25)


@pytest.mark.full
@pytest.mark.parametrize("count", [4, 16])
def test_an_ideal_gas_under_pressure_has_the_volume_and_the_fluctuation_that_are_known(count):
    """(N + 1) kT / P, and its square over N + 1 for the variance: of the isobaric ensemble with V as its measure."""
    rng = np.random.default_rng(2)
    pressure = 0.1
    known = (count + 1) * THERMAL / (pressure * units.GPa)
    atoms = gas(count, known, rng)
    made = integrator(atoms, rng, pressure=pressure)
    volumes = []
    for step in range(60_000):
        made.step()
        if step % 5 == 0:
            volumes.append(atoms.get_volume())
    volumes = np.array(volumes[1000:])
    spread = known**2 / (count + 1)
    for series, value, close in ((volumes, known, 0.03), ((volumes - known) ** 2, spread, 0.1)):
        mean, error = mean_and_error(series)
        assert error < close * value
        assert mean == pytest.approx(value, abs=3 * error)


@pytest.mark.full
@pytest.mark.parametrize(
    ("thermostat", "pressure", "steps"),
    [("langevin", None, 4000), ("bussi", None, 4000), ("langevin", 2.0, 6000)],
)
def test_a_crystal_has_the_temperature_and_the_pressure_that_were_asked_for(thermostat, pressure, steps):
    """Of copper, where forces cost little. The temperature of 32 atoms fluctuates by T √(2/93): 44 K.

    Under pressure the one within, the atoms' motion included, has the mean of the one without, exactly.
    """
    rng = np.random.default_rng(3)
    atoms = moving(bulk("Cu", cubic=True).repeat(2), EMT(), rng)
    if pressure is None:
        atoms.set_constraint(FixCom())
    made = integrator(atoms, rng, pressure=pressure, thermostat=thermostat, tau=40.0, barostat=200.0)
    seen = []
    for step in range(steps):
        made.step()
        if step >= 500 and step % 5 == 0:
            stress = atoms.get_stress(voigt=False, include_ideal_gas=True)
            seen.append((atoms.get_temperature(), -np.trace(stress) / 3 / units.GPa))
    for series, wanted, close in zip(np.transpose(seen), (KELVIN, pressure), (15.0, 0.1), strict=True):
        mean, error = mean_and_error(series)
        if wanted is not None:
            assert error < close
            assert mean == pytest.approx(wanted, abs=3 * error)
