"""ASE's integrators as a run needs them: one step at a time, and what they remember as plain data."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units
from ase.md.bussi import Bussi
from ase.md.langevin import Langevin
from ase.md.langevinbaoab import LangevinBAOAB
from ase.md.verlet import VelocityVerlet

if TYPE_CHECKING:
    from ase import Atoms

    from aisteer.deep_potential.dynamics_settings import Settings

__all__ = ["Conserved", "Integrator"]

_BAROSTAT = ("p_eps", "force_eps")
"""What the barostat carries from step to step; all else follows from positions, momenta and the random numbers."""


class Integrator:
    """Moves the atoms by one step at a time.

    ``langevin`` is Vanden-Eijnden's and Ciccotti's (2006), ``bussi`` stochastic velocity rescaling (2007), ``nve``
    velocity Verlet. Where there is a pressure, the volume changes and the shape of the cell does not: Langevin for
    atoms and volume (Quigley and Probert 2004, in the splitting BAOAB).

    Args:
        atoms: With a calculator and momenta.
        settings: Thermostat, time step and times of coupling.
        temperature: In K.
        pressure: In GPa; ``None`` leaves the cell as it is.
        rng: Draws the noise.
        memory: What :meth:`memory` said of the one before.
    """

    def __init__(
        self,
        atoms: Atoms,
        settings: Settings,
        *,
        temperature: float,
        pressure: float | None,
        rng: np.random.Generator,
        memory: dict[str, float] | None = None,
    ) -> None:
        step, tau = settings.timestep * units.fs, settings.thermostat_time * units.fs
        self._made: Any
        self._barostat = pressure is not None
        if pressure is not None:
            with warnings.catch_warnings():  # it tells the mass of the barostat that follows from its time
                warnings.simplefilter("ignore")
                self._made = LangevinBAOAB(
                    atoms,
                    step,
                    temperature_K=temperature,
                    externalstress=-pressure * units.GPa,
                    hydrostatic=True,
                    T_tau=tau,
                    P_tau=settings.barostat_time * units.fs,
                    rng=rng,
                )
            for name in _BAROSTAT if memory else ():
                setattr(self._made, name, memory[name])  # type: ignore[index]
        elif settings.thermostat == "langevin":
            self._made = Langevin(
                atoms, step, temperature_K=temperature, friction=1 / tau, fixcm=False, rng=rng
            )
        elif settings.thermostat == "bussi":
            self._made = Bussi(atoms, step, temperature_K=temperature, taut=tau, rng=rng)
        else:
            self._made = VelocityVerlet(atoms, step)

    def step(self) -> None:
        """One time step."""
        self._made.step()

    def memory(self) -> dict[str, float]:
        """What it carries beside positions, momenta and random numbers."""
        return {name: float(getattr(self._made, name)) for name in _BAROSTAT} if self._barostat else {}


class Conserved:
    """What energy has come or gone without work or heat, since the beginning: zero for an exact integration.

    Each step adds ΔU + ½ (F + F')·Δx + Δt²/8 Δ(Σ F²/m). For velocity Verlet this is the change of the total energy,
    and with a thermostat that of the total energy less the heat (Bussi, Donadio, Parrinello, J. Chem. Phys. 126,
    014101 (2007)): it shows steps that are too long, and forces that are not the slope of the energy.

    Attributes:
        change: In eV.
    """

    def __init__(self, atoms: Atoms, timestep: float, change: float = 0.0) -> None:
        self.change = change
        self._atoms = atoms
        self._eighth = (timestep * units.fs) ** 2 / 8 / atoms.get_masses()[:, None]
        self._before = self._now()

    def step(self) -> None:
        """Take in a step that was made."""
        (x, u, f), (y, v, g) = self._before, self._now()
        self._before = y, v, g
        self.change += float(v - u + 0.5 * ((f + g) * (y - x)).sum() + (self._eighth * (g * g - f * f)).sum())

    def _now(self) -> tuple[Any, float, Any]:
        atoms = self._atoms
        return atoms.get_positions(), atoms.get_potential_energy(), atoms.get_forces(md=True)
