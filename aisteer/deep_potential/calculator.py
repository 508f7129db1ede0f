"""The model as an ASE calculator, so that ASE's integrators, optimisers and NEB work with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from aisteer.deep_potential.deviation import Deviation
from aisteer.deep_potential.skin import SKIN, SkinList
from aisteer.deep_potential.structures import types_of
from aisteer.errors import BadStructure

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from aisteer.deep_potential.engine import Precision
    from aisteer.deep_potential.model import DeepPotential

__all__ = ["DeepPotentialCalculator"]


class DeepPotentialCalculator(Calculator):  # type: ignore[misc]
    """Energy, forces, stress and atomic energies by a Deep Potential.

    A committee answers with its members' mean, and ``results`` also holds ``deviation`` (see :class:`Deviation`)
    and its figures one by one, as ``max_force_deviation`` and so on. A stress needs three periodic directions.

    Attributes:
        model: What is evaluated.
        skin: Its neighbour list, which lasts as long as atoms move little.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "energies", "forces", "stress"]

    def __init__(
        self,
        model: DeepPotential,
        *,
        exact: bool = False,
        precision: Precision = "fp64",
        skin: float = SKIN,
        device: str | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.skin = SkinList(skin)
        self._numbers: NDArray[np.int64] | None = None
        self._types: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._options: dict[str, Any] = {"exact": exact, "precision": precision, "device": device}

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate the model; ASE calls this.

        Raises:
            BadStructure: The structure cannot be evaluated, or a stress is asked of one that is not periodic.
        """
        super().calculate(atoms, properties, system_changes)
        structure = self.atoms
        periodic = structure.pbc.any()
        if "stress" in (properties or []) and not structure.pbc.all():
            raise BadStructure(
                "A stress needs a cell that is periodic in three directions, and this structure is not. Ask for "
                "forces, or set atoms.pbc.",
            )
        answer = self.model.evaluate(
            structure.positions,
            structure.cell.array if periodic else None,
            self._types_of(structure),
            pbc=structure.pbc if periodic else None,
            skin=self.skin,
            **self._options,
        )
        energy, forces, virial, atomic = answer.energy, answer.forces, answer.virial, answer.atomic_energies
        if self.model.committee:
            energy, forces, virial, atomic = (part.mean(axis=0) for part in (energy, forces, virial, atomic))
        results: dict[str, Any] = {
            "energy": float(energy),
            "free_energy": float(energy),
            "energies": atomic,
            "forces": forces,
        }
        if structure.pbc.all():
            stress = -0.5 * (virial + virial.T) / structure.get_volume()
            results["stress"] = stress.ravel()[[0, 4, 8, 5, 2, 1]]
        if len(self.model) > 1:
            deviation = Deviation.of(answer.energy, answer.forces, answer.virial)
            results["deviation"] = deviation
            results |= {f"{name}_deviation": float(value) for name, value in deviation.as_dict().items()}
        self.results = {name: np.array(v) if isinstance(v, np.ndarray) else v for name, v in results.items()}

    def check_state(self, atoms: Atoms, tol: float = 0.0) -> list[str]:  # noqa: ARG002  ASE's signature
        """What changed since the last answer: exactly, and without charges and magnetic moments, which do not enter."""
        kept = self.atoms
        if kept is None:
            return list(all_changes)
        pairs = {
            "positions": (kept.positions, atoms.positions),
            "numbers": (kept.numbers, atoms.numbers),
            "cell": (kept.cell.array, atoms.cell.array),
            "pbc": (kept.pbc, atoms.pbc),
        }
        return [name for name, (before, now) in pairs.items() if not np.array_equal(before, now)]

    def _types_of(self, structure: Atoms) -> NDArray[np.int64]:
        numbers = structure.numbers
        if self._numbers is None or not np.array_equal(numbers, self._numbers):
            self._types = types_of(structure.get_chemical_symbols(), self.model.type_map)
            self._numbers = numbers.copy()
        return self._types
