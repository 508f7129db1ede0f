"""What a run has measured since it was equilibrated, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aisteer.analysis import diffusion_coefficient, mean_and_error, slope_and_error
from aisteer.problem.objective import Estimate

if TYPE_CHECKING:
    from ase import Atoms

    from aisteer.deep_potential.dynamics_settings import Settings

__all__ = ["Measured"]

Json = dict[str, Any]
MOST_FRAMES = 1000
"""Of positions that are kept for a diffusion coefficient; beyond it every other one goes."""
_MEANS = ("energy_per_atom", "temperature", "pressure", "density", "mean_force_deviation")


class Measured:
    """Series of what was seen, and positions of those whose diffusion is wanted.

    Attributes:
        series: By name, one value for each observation.
    """

    def __init__(
        self,
        settings: Settings,
        atoms: Atoms,
        *,
        series: dict[str, list[float]],
        frames: list[NDArray[np.float64]],
        stride: int,
    ) -> None:
        self.series = series
        self._sample, self._timestep = settings.sample, settings.timestep / 1000
        chosen = np.isin(atoms.get_chemical_symbols(), settings.diffusion)
        self._atoms = np.flatnonzero(chosen)
        self._masses = atoms.get_masses()[self._atoms]
        self._frames, self._stride = frames, stride

    @classmethod
    def empty(cls, settings: Settings, atoms: Atoms) -> Measured:
        """Nothing yet."""
        return cls(settings, atoms, series={}, frames=[], stride=1)

    @classmethod
    def of(cls, settings: Settings, atoms: Atoms, data: Json) -> Measured:
        """What :meth:`to_json` told."""
        series = {name: np.asarray(values).tolist() for name, values in data["series"].items()}
        return cls(settings, atoms, series=series, frames=list(data["frames"]), stride=data["stride"])

    def to_json(self) -> Json:
        """As plain data and arrays."""
        series = {name: np.array(values) for name, values in self.series.items()}
        frames = np.reshape(self._frames, (len(self._frames), len(self._atoms), 3))
        return {"series": series, "frames": frames, "stride": self._stride}

    def add(self, seen: Json, atoms: Atoms) -> None:
        """Take in an observation and where the atoms are."""
        for name, value in seen.items():
            self.series.setdefault(name, []).append(float(value))
        # What was seen in between, because a run was to end there, would not be evenly spaced.
        even = [step for step in self.series["step"][:2] if step % self._sample == 0]
        if not len(self._atoms) or not even or (seen["step"] - even[0]) % (self._sample * self._stride):
            return
        self._frames.append(atoms.positions[self._atoms].copy())
        if len(self._frames) > MOST_FRAMES:
            self._frames, self._stride = self._frames[::2], 2 * self._stride

    def outcome(self) -> Json:
        """Means with standard errors; empty where too little was seen."""
        made: Json = {}
        if len(self.series.get("step", ())) < 2:
            return made
        for name in _MEANS:
            if name in self.series:
                made[name] = Estimate(*mean_and_error(self.series[name]))
        if "max_force_deviation" in self.series:
            made["max_force_deviation"] = max(self.series["max_force_deviation"])
        if len(self.series.get("drift", ())) > 2:
            nanoseconds = self._timestep / 1000 * np.array(self.series["step"])
            made["drift_rate"] = Estimate(*slope_and_error(nanoseconds, self.series["drift"]))
        if len(self._atoms) > 1 and len(self._frames) >= 16:
            interval = self._sample * self._timestep * self._stride
            found = diffusion_coefficient(np.array(self._frames), interval, self._masses)
            made["diffusion"] = Estimate(found.value, found.error)
        return made
