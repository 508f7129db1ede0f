"""Molecules as the surrogate sees them: Morgan fingerprints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aisteer.molecules._extra import needs_molecules
from aisteer.molecules.enumeration import enumerate_molecules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aisteer.problem.pool import Pool

__all__ = ["fingerprints", "pool"]

RADIUS = 1
BITS = 2048


def fingerprints(smiles: Iterable[str]) -> NDArray[np.float64]:
    """Morgan fingerprints: which atoms with their neighbours a molecule holds.

    Radius 1 and 2,048 bits: substituents and their place of attachment are what an ionisation energy
    depends on here, larger neighbourhoods make every molecule a stranger to every other.

    Args:
        smiles: Valid SMILES.

    Returns:
        ``molecules x bits`` of 0 and 1, without the bits that none of the molecules has.
    """
    with needs_molecules("Molecules cannot be described"):
        import numpy as np
        from rdkit import Chem
        from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    bits = np.array([generator.GetFingerprintAsNumPy(Chem.MolFromSmiles(text)) for text in smiles])
    return bits[:, bits.any(axis=0)].astype(np.float64)


def pool() -> Pool:
    """Some 1,800 small organic molecules to choose from, each with its fingerprint, named by its SMILES.

    Example:
        >>> space = pool()
        >>> "Nc1ccccc1" in space
        True
    """
    from aisteer.problem.pool import Pool

    frame = enumerate_molecules()
    return Pool(frame, "smiles", features=fingerprints(frame["smiles"]), name="small organic molecules")
