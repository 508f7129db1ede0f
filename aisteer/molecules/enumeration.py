"""A pool of small organic molecules, enumerated from scaffolds and substituents. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aisteer.molecules._extra import needs_molecules

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SCAFFOLDS", "SUBSTITUENTS", "enumerate_molecules"]

SUBSTITUENTS: dict[str, str] = {
    "hydrogen": "[H]",
    "methyl": "C",
    "vinyl": "C=C",
    "ethynyl": "C#C",
    "amino": "N",
    "dimethylamino": "N(C)C",
    "hydroxy": "O",
    "methoxy": "OC",
    "mercapto": "S",
    "methylthio": "SC",
    "fluoro": "F",
    "chloro": "Cl",
    "cyano": "C#N",
    "formyl": "C=O",
    "nitro": "[N+](=O)[O-]",
    "trifluoromethyl": "C(F)(F)F",
}
"""Name to SMILES, written from the atom that is attached."""

SCAFFOLDS: dict[str, tuple[str, ...]] = {
    "benzene": ("c1({A})ccc({B})cc1", "c1({A})cc({B})ccc1", "c1({A})c({B})cccc1"),
    "pyridine": ("c1({A})ccc({B})nc1",),
    "pyrazine": ("c1({A})ncc({B})nc1",),
    "furan": ("o1c({A})ccc1{B}",),
    "thiophene": ("s1c({A})ccc1{B}",),
    "pyrrole": ("[nH]1c({A})ccc1{B}",),
    "thiazole": ("s1c({A})ncc1{B}",),
    "ethene": (r"C(\{A})=C/{B}",),
    "carbonyl": ("C({A})(=O){B}",),
    "propane": ("C({A})CC{B}",),
}
"""Ring or chain to the SMILES of its substitution patterns; ``{A}`` and ``{B}`` are substituents."""

MAX_HEAVY_ATOMS = 12


def enumerate_molecules() -> pd.DataFrame:
    """Every distinct molecule of the scaffolds with one or two substituents, in a fixed order.

    Returns:
        One row per molecule: ``smiles`` (canonical, unique), ``scaffold``, ``substituents``
        (names joined by ``+``) and ``heavy_atoms`` (at most 12). All are neutral and closed-shell.

    Raises:
        MissingExtra: RDKit or pandas is not installed.
    """
    with needs_molecules("The pool of molecules cannot be enumerated"):
        import pandas as pd
        from rdkit import Chem

    rows: dict[str, tuple[str, str, int]] = {}
    for scaffold, groups, smiles in _written():
        molecule = Chem.MolFromSmiles(smiles)
        if molecule.GetNumHeavyAtoms() <= MAX_HEAVY_ATOMS:
            canonical = Chem.MolToSmiles(molecule)
            rows.setdefault(canonical, (scaffold, groups, molecule.GetNumHeavyAtoms()))
    return pd.DataFrame(
        [(smiles, *row) for smiles, row in rows.items()],
        columns=["smiles", "scaffold", "substituents", "heavy_atoms"],
    )


def _written() -> Iterator[tuple[str, str, str]]:
    for scaffold, patterns in SCAFFOLDS.items():
        for pattern in patterns:
            for first, a in SUBSTITUENTS.items():
                for second, b in SUBSTITUENTS.items():
                    names = "+".join(name for name in (first, second) if name != "hydrogen")
                    yield scaffold, names, pattern.format(A=a, B=b)
