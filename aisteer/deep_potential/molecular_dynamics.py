"""Molecular dynamics with a Deep Potential, as a simulation that a campaign runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from aisteer.deep_potential.dynamics_settings import (
    CONDITIONS,
    DEVIATIONS,
    UNITS,
    File,
    Settings,
    check_settings,
    files_of,
)
from aisteer.deep_potential.model import DeepPotential, load
from aisteer.deep_potential.skin import SKIN, SkinList
from aisteer.deep_potential.structures import types_of
from aisteer.errors import BadDefinition
from aisteer.problem.simulation import Simulation

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["MolecularDynamics"]

_TEXT = '''"""Molecular dynamics with a Deep Potential: what aisteer wrote down of it. aisteer[dp] runs it."""

import json

SETTINGS = json.loads({settings!r})


def {name}({arguments}, *, steps={steps!r}, seed=0, restart=None, branched=False, run_folder=None):
    from aisteer.deep_potential.dynamics import simulate

    conditions = {{{conditions}}}
    return (
        yield from simulate(
            SETTINGS,
            conditions,
            steps=steps,
            seed=seed,
            restart=restart,
            branched=branched,
            folder=run_folder,
        )
    )
'''


class MolecularDynamics(Simulation):
    """Molecular dynamics with a Deep Potential, as the ``simulation`` of a campaign.

    The space varies ``temperature`` (K) and, as it likes, ``density`` (g/cm³) or ``strain`` (% of every length of the
    structure's cell) and ``pressure`` (GPa; then the volume changes as the run goes on, and density or strain is where
    it begins). Those that it does not vary are given here. ``steps`` can be raised while a run is at work, and later.

    Every ``sample`` steps it yields temperature, energy, pressure, the drift of the conserved quantity and, with a
    committee, the deviations that ``dp model-devi`` has; it returns means with standard errors that know of
    correlation. It goes on from a checkpoint as if nothing had been, bit for bit (with as many threads). A branch, or
    a checkpoint at other conditions, goes on with these atoms, equilibrates and begins to count anew; its noise is
    drawn by its own seed. With ``nve`` there is no noise, and a branch at its parent's own conditions repeats it.

    Models and where they run: a path is opened **at the endpoint**. Where the file is here too its SHA-256 is kept, and
    another file under that name there is refused. The structure and the settings travel with the campaign.

    Args:
        model: Path of a checkpoint, a list of them for a committee, or a loaded model that came from files, whose
            ``target`` and ``r_min`` are kept.
        structure: Where every run begins. Its velocities are drawn anew, by the run's seed.
        temperature: In K, of every run. With ``nve`` that of the first velocities.
        density: In g/cm³.
        strain: In per cent.
        pressure: In GPa.
        thermostat: ``"langevin"``, ``"bussi"`` (stochastic velocity rescaling) or ``"nve"``. A pressure needs Langevin.
        timestep: In fs.
        steps: After equilibration.
        equilibration: Steps before anything counts.
        sample: Steps from one observation, and frame of the trajectory, to the next.
        thermostat_time: Of the coupling, in fs; the inverse of Langevin's friction.
        barostat_time: Of the volume, in fs.
        precision: ``"fp64"``, or ``"mixed"`` with matrix products in single precision.
        exact: Evaluate the networks themselves instead of their series.
        overflow: ``"refuse"`` more neighbours than the model takes, or keep the ``"nearest"`` as deepmd-kit does.
            Unless it is given, as the loaded model does, or refuse.
        skin: Of the neighbour list, in Å.
        diffusion: An element, or several, whose diffusion coefficient is an outcome.
        trajectory: Write ``trajectory.extxyz`` into the run's folder.
        name: What the simulation is called.

    Raises:
        BadDefinition: Settings that cannot work together.
        BadModel: A file that cannot be read, or is neither here nor named by a whole path.
        BadStructure: An element that the model does not know.

    Example:
        >>> import aisteer as ai
        >>> simulation = ai.dp.MolecularDynamics(  # doctest: +SKIP
        ...     ["a.ckpt.pt", "b.ckpt.pt"], water, steps=20_000, diffusion="O"
        ... )
    """

    def __init__(
        self,
        model: File | Sequence[File] | DeepPotential,
        structure: Atoms,
        *,
        temperature: float | None = None,
        density: float | None = None,
        strain: float | None = None,
        pressure: float | None = None,
        thermostat: str = "langevin",
        timestep: float = 0.5,
        steps: int = 2000,
        equilibration: int = 500,
        sample: int = 10,
        thermostat_time: float = 100.0,
        barostat_time: float = 1000.0,
        precision: str = "fp64",
        exact: bool = False,
        overflow: str | None = None,
        skin: float = SKIN,
        diffusion: str | Sequence[str] = (),
        trajectory: bool = True,
        name: str = "molecular_dynamics",
    ) -> None:
        self.settings = Settings(
            models=files_of(model),
            structure=_written(structure),
            thermostat=thermostat,
            timestep=timestep,
            equilibration=equilibration,
            sample=sample,
            thermostat_time=thermostat_time,
            barostat_time=barostat_time,
            precision=precision,
            exact=bool(exact),
            overflow=getattr(model, "overflow", "refuse") if overflow is None else overflow,
            **_reach(model),
            skin=SkinList(skin).skin,
            diffusion=(diffusion,) if isinstance(diffusion, str) else tuple(diffusion),
            trajectory=bool(trajectory),
        )
        fixed = dict(zip(CONDITIONS, (temperature, density, strain, pressure), strict=True))
        check_settings(self.settings, fixed, steps, structure)
        given: object = name
        if not isinstance(given, str) or not given.isidentifier() or not given.isascii() or _is_taken(given):
            raise BadDefinition(
                f"The name of a simulation is an identifier such as 'water_md', not {given!r:.40}."
            )
        self._pressure = pressure
        self._check_model(structure)
        self.text = _text(name, self.settings, fixed, steps)
        names: dict[str, Any] = {"__name__": __name__}
        exec(compile(self.text, f"<{name}>", "exec"), names)  # noqa: S102  our own text, with data as JSON
        super().__init__(names[name], checkpoint=True, controls=("steps",), units=UNITS)

    @property
    def returned(self) -> tuple[str, ...]:
        """Names of its outcomes."""
        structure, committee = self.structure, len(self.settings.models) > 1
        names = ["energy_per_atom", "temperature"]
        names += ["pressure", "density"] if structure.pbc.all() else []
        names += ["max_force_deviation", "mean_force_deviation"] if committee else []
        names += ["drift_rate"] if self._pressure is None else []
        names += ["diffusion"] if self.settings.diffusion else []
        return tuple(names)

    @property
    def yielded(self) -> tuple[str, ...]:
        """Names of its observations."""
        periodic, committee = bool(self.structure.pbc.all()), len(self.settings.models) > 1
        told = DEVIATIONS if committee else ()
        names = ["step", *told[:1], "temperature", "energy_per_atom"]
        names += ["pressure", "density"] if periodic else []
        names += ["drift"] if self._pressure is None else []
        return (*names, *told[1:], "energy", "progress")

    @property
    def structure(self) -> Atoms:
        """Where every run begins."""
        return _read(self.settings.structure)

    def _check_model(self, structure: Atoms) -> None:
        if all("sha256" in each for each in self.settings.models):
            found = load([each["path"] for each in self.settings.models])
            types_of(structure.get_chemical_symbols(), found.type_map)


def _is_taken(name: str) -> bool:
    return iskeyword(name) or name in {"json", "SETTINGS"}


def _reach(model: object) -> dict[str, Any]:
    """How exact its series are and where they begin, as it was loaded."""
    if not isinstance(model, DeepPotential):
        return {}
    return {"target": float(model.target), "r_min": None if model.r_min is None else float(model.r_min)}


def _read(text: str) -> Any:
    from ase.io.jsonio import decode

    return decode(text)


def _written(structure: Atoms) -> str:
    from ase import Atoms as AseAtoms
    from ase.io.jsonio import encode

    if not isinstance(structure, AseAtoms) or not len(structure):
        raise BadDefinition(f"The structure is ASE's Atoms, with at least one atom, not {structure!r:.60}.")
    bare = structure.copy()
    for array in set(bare.arrays) - {"numbers", "positions", "masses"}:
        del bare.arrays[array]
    bare.info = {}
    return str(encode(bare))


def _text(name: str, settings: Settings, fixed: dict[str, float | None], steps: int) -> str:
    """The module that a worker runs."""
    # As plain numbers: NumPy's would be written with its name.
    plain = {condition: None if value is None else float(value) for condition, value in fixed.items()}
    arguments = [
        f"{condition}={value!r}" if value is not None or condition != "temperature" else condition
        for condition, value in plain.items()
    ]
    return _TEXT.format(
        settings=json.dumps(settings.to_json(), ensure_ascii=True),
        name=name,
        arguments=", ".join(arguments),
        steps=steps,
        conditions=", ".join(f'"{condition}": {condition}' for condition in fixed),
    )
