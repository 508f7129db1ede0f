"""What every run of a campaign of molecular dynamics has alike: settings, files of models."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.errors import BadDefinition, BadModel

if TYPE_CHECKING:
    from ase import Atoms

    from aisteer.deep_potential.model import DeepPotential

__all__ = [
    "CONDITIONS",
    "DEVIATIONS",
    "UNITS",
    "Settings",
    "check_settings",
    "expanded",
    "files_of",
    "sha256_of",
    "wrong_conditions",
]

Json = dict[str, Any]
File = str | PathLike[str]

CONDITIONS = ("temperature", "density", "strain", "pressure")
"""What a space may vary."""
DEVIATIONS = (
    "max_force_deviation",
    "mean_force_deviation",
    "min_force_deviation",
    "max_virial_deviation",
    "mean_virial_deviation",
    "min_virial_deviation",
    "energy_deviation",
)
"""What a committee is watched by; the first is what a board shows first."""
THERMOSTATS = ("langevin", "bussi", "nve")
UNITS = {
    "max_force_deviation": "eV/Å",
    "mean_force_deviation": "eV/Å",
    "min_force_deviation": "eV/Å",
    "max_virial_deviation": "eV/atom",
    "mean_virial_deviation": "eV/atom",
    "min_virial_deviation": "eV/atom",
    "energy_deviation": "eV/atom",
    "temperature": "K",
    "energy": "eV",
    "energy_per_atom": "eV/atom",
    "pressure": "GPa",
    "density": "g/cm³",
    "drift": "eV/atom",
    "drift_rate": "eV/atom/ns",
    "diffusion": "Å²/ps",
}
"""Of what it yields and returns."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every run of a campaign has alike.

    Attributes:
        models: Of each member ``path``, and ``sha256`` where the file was there when it was defined.
        structure: Where runs begin, as ``ase.io.jsonio`` writes it.
        thermostat: ``langevin``, ``bussi`` or ``nve``.
        timestep: In fs.
        equilibration: Steps before anything counts.
        sample: Steps from one observation to the next.
        thermostat_time: In fs.
        barostat_time: In fs.
        precision: ``fp64`` or ``mixed``.
        exact: Whether the networks are evaluated instead of their series.
        overflow: What becomes of neighbours beyond ``sel``.
        target: The largest error of a force by the series, in eV/Å.
        r_min: Where the series begin, in Å; ``None`` as :func:`~aisteer.deep_potential.load` has it.
        skin: Of the neighbour list, in Å.
        diffusion: The elements whose diffusion is measured.
        trajectory: Whether frames are written.
    """

    models: tuple[dict[str, str], ...]
    structure: str
    thermostat: str
    timestep: float
    equilibration: int
    sample: int
    thermostat_time: float
    barostat_time: float
    precision: str
    exact: bool
    overflow: str
    target: float = 1e-6
    r_min: float | None = None
    skin: float
    diffusion: tuple[str, ...]
    trajectory: bool

    def to_json(self) -> Json:
        """As plain data."""
        data = asdict(self)
        return {**data, "models": list(self.models), "diffusion": list(self.diffusion)}

    @classmethod
    def from_json(cls, data: Json) -> Settings:
        """What :meth:`to_json` wrote."""
        return cls(**{**data, "models": tuple(data["models"]), "diffusion": tuple(data["diffusion"])})


def expanded(path: File) -> Path:
    """With ``~`` and variables of the environment as they are here."""
    return Path(os.path.expandvars(path)).expanduser()


def sha256_of(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(model: File | Sequence[File] | DeepPotential) -> tuple[dict[str, str], ...]:
    """Where the members are, and the SHA-256 of those that are here.

    Raises:
        BadModel: One is in no file, or its path says nothing where the run executes.
    """
    if not isinstance(model, str | PathLike | Sequence):
        sources = [member.source for member in model.members]
        if any(source is None for source in sources):
            raise BadModel(
                "This model is in no file, and runs open files. Save it first, model.save(…), and give the paths."
            )
        return tuple(_file(source) for source in sources if source is not None)
    given: list[File] = [model] if isinstance(model, str | PathLike) else list(model)
    if not given:
        raise BadModel("There are no paths of models. Name at least one checkpoint.")
    return tuple(_file(each) for each in given)


def _file(given: File) -> dict[str, str]:
    here = expanded(given)
    if here.is_file():
        return {"path": str(here.resolve()), "sha256": sha256_of(here)}
    if Path(given).is_absolute() or str(given)[:1] in {"~", "$"}:
        return {"path": str(given)}  # a file at the endpoint
    raise BadModel(
        f"There is no file {given} here, and a path that is not whole says nothing at the endpoint. Give the "
        "whole path that the file has there (it may begin with ~ or $SCRATCH).",
        path=str(given),
    )


def wrong_conditions(
    conditions: Mapping[str, float | None], settings: Settings, structure: Atoms
) -> str | None:
    """What of the conditions of a run cannot be, in words; ``None`` where they can."""
    temperature, density, strain, pressure = (conditions[name] for name in CONDITIONS)
    sized = any(each is not None for each in (density, strain, pressure))
    found = (
        (
            temperature is not None and not 0 < temperature < math.inf,
            f"The temperature is above 0 K, not {temperature!r:.40}.",
        ),
        (
            density is not None and strain is not None,
            "density and strain both say how large the cell is; give one of them.",
        ),
        (
            density is not None and not 0 < density < math.inf,
            f"The density is above 0 g/cm³, not {density!r:.40}.",
        ),
        (
            strain is not None and not -100 < strain < math.inf,
            f"The strain is above −100 %, not {strain!r:.40}.",
        ),
        (
            pressure is not None and settings.thermostat != "langevin",
            f"A pressure is kept with the thermostat 'langevin', not {settings.thermostat!r}.",
        ),
        (
            sized and structure.cell.rank < 3,
            "density, strain and pressure need a cell of three vectors. Give the structure one, or leave them out.",
        ),
    )
    return next((words for wrong, words in found if wrong), None)


def check_settings(settings: Settings, fixed: dict[str, float | None], steps: int, structure: Atoms) -> None:
    """Check them, and the conditions that are fixed.

    Raises:
        BadDefinition: They cannot work, or not together.
    """
    for name, allowed in (
        ("thermostat", THERMOSTATS),
        ("precision", ("fp64", "mixed")),
        ("overflow", ("refuse", "nearest")),
    ):
        value = getattr(settings, name)
        if value not in allowed:
            raise BadDefinition(f"{name} is one of {', '.join(allowed)}, not {value!r:.40}.")
    for name in ("timestep", "thermostat_time", "barostat_time"):
        value = getattr(settings, name)
        if not isinstance(value, int | float) or not 0 < value < math.inf:
            raise BadDefinition(f"{name} is a time in fs above 0, not {value!r:.40}.")
    for name, value, least in (
        ("steps", steps, 1),
        ("equilibration", settings.equilibration, 0),
        ("sample", settings.sample, 1),
    ):
        if type(value) is not int or value < least:
            raise BadDefinition(f"{name} is a whole number from {least} on, not {value!r:.40}.")
    conditions: dict[str, object] = dict(fixed)
    for name, value in conditions.items():
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
            raise BadDefinition(f"{name} is a number, not {value!r:.40}.")
    wrong = wrong_conditions(fixed, settings, structure)
    if wrong is not None:
        raise BadDefinition(wrong)
    unknown = set(settings.diffusion) - set(structure.get_chemical_symbols())
    if unknown:
        raise BadDefinition(
            f"diffusion names {', '.join(sorted(unknown))}, which the structure does not have."
        )
