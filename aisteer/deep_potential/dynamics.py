"""A run of molecular dynamics, as a worker computes it."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units
from ase.constraints import FixCom
from ase.io.jsonio import decode

from aisteer.deep_potential.dynamics_settings import (
    DEVIATIONS,
    Settings,
    wrong_conditions,
)
from aisteer.deep_potential.integrators import Conserved, Integrator
from aisteer.deep_potential.measured import Measured
from aisteer.deep_potential.model_files import opened
from aisteer.deep_potential.trajectory import Trajectory
from aisteer.errors import AisteerError, BadModel, BadParameters, BadStructure, Runaway

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["simulate"]

Json = dict[str, Any]
GRAM = units._Nav * 1e-24  # noqa: SLF001  u/Å³ in a g/cm³
_CHECKPOINT = frozenset(
    ("step", "conditions", "numbers", "positions", "momenta", "cell", "random", "memory", "drift", "measured")
)
_HOT = (10.0, 3000.0)
"""A run is given up above ten times its temperature and 3,000 K."""


def simulate(
    settings: Json,
    conditions: Mapping[str, float | None],
    *,
    steps: int,
    seed: int = 0,
    restart: Json | None = None,
    branched: bool = False,
    folder: str | None = None,
) -> Generator[Any, Json | None, Json]:
    """Yield what is seen every so many steps, with what makes a checkpoint; return the outcome.

    A run that is ``branched`` from a checkpoint, or goes on from one of other conditions, equilibrates and counts anew.

    Raises:
        Runaway: It came to what has no energy, or became far too hot.
        BadModel: A model is missing, or is another one than the campaign was defined with.
        BadStructure: The structure cannot be evaluated to begin with.
        BadParameters: Conditions that cannot be.
    """
    known = Settings.from_json(settings)
    run = Run(known, dict(conditions), seed=seed, restart=restart, branched=branched)
    with Trajectory(folder if known.trajectory else None) as frames:
        while run.step < (last := known.equilibration + steps):
            run.advance(min(known.sample - run.step % known.sample, last - run.step))
            seen = run.seen()
            frames.append(run.atoms, seen, run.deviations)
            control = yield {**seen, "progress": run.step / last}, run.checkpoint
            if (control or {}).get("stop"):
                break
            steps = int((control or {}).get("steps", steps))
    return run.measured.outcome()


class Run:
    """Atoms under way.

    Attributes:
        atoms: As they are now.
        step: Steps made, equilibration included.
        measured: What counts, and is returned.
    """

    def __init__(
        self,
        settings: Settings,
        conditions: dict[str, float | None],
        *,
        seed: int,
        restart: Json | None,
        branched: bool,
    ) -> None:
        self.settings = settings
        self.atoms: Atoms = decode(settings.structure)
        self.conditions = _checked(conditions, settings, self.atoms)
        self.temperature = float(conditions["temperature"] or 0.0)
        constrained = bool(self.atoms.constraints)
        if restart is not None and not restart.keys() >= _CHECKPOINT:
            raise BadParameters(
                f"The checkpoint has no {', '.join(sorted(_CHECKPOINT - restart.keys()))}, so it is none of molecular "
                "dynamics with a Deep Potential. Go on from a checkpoint of the same simulation."
            )
        goes_on = restart is not None and not branched and restart["conditions"] == self.conditions
        self.rng = np.random.default_rng(seed if restart is None else [seed, int(restart["step"])])
        self.step, memory, change = 0, None, 0.0
        self.measured = Measured.empty(settings, self.atoms)
        if restart is None:
            self._resize({})
            self._draw_velocities()
        else:
            self._take(restart)
        if goes_on and restart is not None:
            self.rng.bit_generator.state = restart["random"]
            self.step, memory, change = restart["step"], restart["memory"], restart["drift"]
            self.measured = Measured.of(settings, self.atoms, restart["measured"])
        elif restart is not None:
            self._resize(restart["conditions"])
            self.atoms.arrays["momenta"] *= math.sqrt(self.temperature / restart["conditions"]["temperature"])
        if not constrained and conditions["pressure"] is None and len(self.atoms) > 1:
            self.atoms.set_constraint(FixCom())
        # One for all runs of a worker: it is fitted once.
        model, self._sums = opened(settings)
        if goes_on and restart is not None and restart.get("models", self._sums) != self._sums:
            raise BadModel(
                "The files of the model are others than those that this run began with, so it did not go on. Put the "
                "same files there, or branch it: a branch takes those that are there now."
            )
        self.atoms.calc = model.calculator(
            exact=settings.exact,
            precision=settings.precision,  # type: ignore[arg-type]
            skin=settings.skin,
        )
        self._dynamics = Integrator(
            self.atoms,
            settings,
            temperature=self.temperature,
            pressure=self.conditions["pressure"],
            rng=self.rng,
            memory=memory,
        )
        self._conserved = Conserved(self.atoms, settings.timestep, change)

    # --- where it begins ---

    def _take(self, restart: Json) -> None:
        positions = np.asarray(restart["positions"])
        if positions.shape != self.atoms.positions.shape or restart["numbers"] != self.atoms.numbers.tolist():
            raise BadParameters(
                f"The checkpoint holds {len(positions)} atoms that are not those of this simulation's structure. "
                "Go on from a checkpoint of the same simulation."
            )
        self.atoms.cell[:] = restart["cell"]
        self.atoms.positions[:] = positions
        # Not set_momenta: constraints would change their last bits.
        self.atoms.arrays["momenta"] = np.array(restart["momenta"])

    def _resize(self, before: Mapping[str, float | None]) -> None:
        """Scale atoms and cell to the density or strain; under pressure that is where the volume begins."""
        density, strain = self.conditions["density"], self.conditions["strain"]
        factor = 1.0
        if density is not None and density != before.get("density"):
            factor = (self.density() / density) ** (1 / 3)
        elif strain is not None:
            factor = (1 + strain / 100) / (1 + (before.get("strain") or 0.0) / 100)
        if factor != 1.0:
            self.atoms.set_cell(self.atoms.cell * factor, scale_atoms=True)

    def _draw_velocities(self) -> None:
        masses = self.atoms.get_masses()[:, None]
        sigma = np.sqrt(masses * units.kB * self.temperature)
        momenta = sigma * self.rng.standard_normal((len(self.atoms), 3))
        if len(self.atoms) > 1:
            momenta -= masses * momenta.sum(axis=0) / masses.sum()
        self.atoms.set_momenta(momenta)

    def density(self) -> float:
        """In g/cm³."""
        mass, volume = float(self.atoms.get_masses().sum()), float(self.atoms.get_volume())
        return mass / volume / float(GRAM)

    # --- on its way ---

    def advance(self, steps: int) -> None:
        """Make steps.

        Raises:
            Runaway: It came to what has no energy.
        """
        for _ in range(steps):
            try:
                self._dynamics.step()
                self._conserved.step()
            except BadStructure as error:
                raise self._runaway(str(error), error) from error
            self.step += 1

    def seen(self) -> Json:
        """What is seen now: numbers by name, in the units that stand in ``UNITS``.

        Raises:
            Runaway: It is far too hot, or its energy is no number.
        """
        atoms, results = self.atoms, self.atoms.calc.results
        energy, temperature = atoms.get_potential_energy(), float(atoms.get_temperature())
        if not math.isfinite(energy) or not np.isfinite(results["forces"]).all():
            raise self._runaway("The model's answer is not finite.")
        hottest = _HOT[0] * self.temperature + _HOT[1]
        if not temperature < hottest:
            raise self._runaway(
                f"The temperature is {temperature:.4g} K, where {self.temperature:g} K was wanted."
            )
        # In the order in which a board shows them.
        seen: Json = {"step": self.step}
        told = DEVIATIONS if "deviation" in results else ()
        seen |= {name: float(results[name]) for name in told[:1]}
        seen["temperature"] = temperature
        seen["energy_per_atom"] = energy / len(atoms)
        if atoms.pbc.all():
            stress = atoms.get_stress(voigt=False, include_ideal_gas=True)
            seen["pressure"] = float(-np.trace(stress) / 3 / units.GPa)
        if self.conditions["pressure"] is not None:
            seen["density"] = self.density()
        else:
            seen["drift"] = self._conserved.change / len(atoms)
        seen |= {name: float(results[name]) for name in told[1:]}
        seen["energy"] = energy
        if self.step > self.settings.equilibration:
            self.measured.add(seen, atoms)
        return seen

    @property
    def deviations(self) -> Any:
        """Of each atom's force, with a committee."""
        deviation = self.atoms.calc.results.get("deviation")
        return None if deviation is None else deviation.force

    def checkpoint(self) -> Json:
        """All that is needed to go on as if nothing had been."""
        return {
            "step": self.step,
            "conditions": self.conditions,
            "numbers": self.atoms.numbers.tolist(),
            "positions": self.atoms.positions.copy(),
            "momenta": self.atoms.arrays["momenta"].copy(),
            "cell": self.atoms.cell.array.copy(),
            "random": self.rng.bit_generator.state,
            "memory": self._dynamics.memory(),
            "drift": self._conserved.change,
            "measured": self.measured.to_json(),
            "models": self._sums,
        }

    def _runaway(self, what: str, cause: AisteerError | None = None) -> Runaway:
        time = self.step * self.settings.timestep / 1000
        return Runaway(
            f"After {self.step} steps ({time:.4g} ps) the run has left what its model can describe. {what} Its "
            "trajectory up to there and its earlier checkpoints are kept. Look at its last frames and, with a "
            "committee, at their deviation; a shorter timestep, a lower temperature or a model trained on such "
            "frames may help.",
            step=self.step,
            **({} if cause is None else cause.facts),
        )


def _checked(
    conditions: dict[str, float | None], settings: Settings, structure: Atoms
) -> dict[str, float | None]:
    wrong = wrong_conditions(conditions, settings, structure)
    if conditions["temperature"] is None:
        wrong = "A run has a temperature above 0 K, and none is given."
    if wrong is not None:
        raise BadParameters(wrong)
    return {name: None if value is None else float(value) for name, value in conditions.items()}
