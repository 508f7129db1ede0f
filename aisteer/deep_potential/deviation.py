"""How far the members of a committee are apart, as deepmd-kit defines it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.errors import NotSupported

__all__ = ["Deviation"]

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Deviation:
    """The deviation of a committee, of the frames' leading shape (scalars for a single frame).

    An atom's deviation is √⟨‖F − ⟨F⟩‖²⟩ over the members; the virial's is the standard deviation of each of its nine
    components per atom, and its mean their root mean square. Both as in deepmd-kit (Zeng et al., J. Chem. Phys. 159,
    054801 (2023)): the population's standard deviation, so divided by the number of members.

    Attributes:
        max_force: Over the atoms of a frame, in eV/Å.
        min_force: Likewise.
        mean_force: Likewise.
        max_virial: Over the nine components, in eV per atom.
        min_virial: Likewise.
        mean_virial: Root mean square of the nine.
        energy: Standard deviation of the energy per atom, in eV.
        force: Of each atom, with the atoms as the last axis, in eV/Å.
    """

    max_force: Numbers
    min_force: Numbers
    mean_force: Numbers
    max_virial: Numbers
    min_virial: Numbers
    mean_virial: Numbers
    energy: Numbers
    force: Numbers

    @classmethod
    def of(cls, energy: Numbers, forces: Numbers, virial: Numbers) -> Deviation:
        """From what the members say, which is the first axis."""
        if len(energy) < 2:
            raise NotSupported(
                f"A deviation needs at least two models, and this committee has {len(energy)}. Load several: "
                'ai.dp.load(["a.ckpt.pt", "b.ckpt.pt", …]).'
            )
        atoms = forces.shape[-2]
        apart = forces - forces.mean(axis=0)
        force = np.sqrt(np.einsum("k...c,k...c->...", apart, apart) / len(apart))
        nine = (virial / atoms).std(axis=0).reshape(*virial.shape[1:-2], 9)
        return cls(
            max_force=force.max(axis=-1),
            min_force=force.min(axis=-1),
            mean_force=force.mean(axis=-1),
            max_virial=nine.max(axis=-1),
            min_virial=nine.min(axis=-1),
            mean_virial=np.sqrt((nine**2).mean(axis=-1)),
            energy=(energy / atoms).std(axis=0),
            force=force,
        )

    def as_dict(self) -> dict[str, Any]:
        """The seven figures by name, without the atoms' own."""
        return {name: value for name, value in vars(self).items() if name != "force"}
