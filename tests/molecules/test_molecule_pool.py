"""The pool: enough molecules, all distinct, all something that can be computed."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors

from aisteer.molecules import enumerate_molecules, fingerprints, pool


@pytest.fixture(scope="module")
def molecules():
    return enumerate_molecules()


def test_there_are_at_least_1500_distinct_molecules(molecules):
    assert len(molecules) >= 1500
    assert molecules["smiles"].is_unique


def test_every_molecule_is_canonical_neutral_closed_shell_and_small(molecules):
    for row in molecules.itertuples():
        molecule = Chem.MolFromSmiles(row.smiles)
        assert Chem.MolToSmiles(molecule) == row.smiles
        assert Chem.GetFormalCharge(molecule) == 0
        assert Descriptors.NumRadicalElectrons(molecule) == 0
        assert molecule.GetNumHeavyAtoms() == row.heavy_atoms <= 12


def test_a_molecule_holds_the_scaffold_and_substituents_it_is_listed_under(molecules):
    listed = molecules.set_index("smiles")
    assert listed.loc["Nc1ccccc1", ["scaffold", "substituents"]].tolist() == ["benzene", "amino"]
    assert listed.loc["C=O", "scaffold"] == "carbonyl"
    assert listed.loc["C/C=C/O", "scaffold"] == "ethene"


def test_the_pool_is_the_same_each_time_it_is_made():
    assert pool().sha256 == pool().sha256


def test_fingerprints_are_binary_and_tell_nearly_all_molecules_apart(molecules):
    bits = fingerprints(molecules["smiles"])
    assert set(np.unique(bits)) == {0.0, 1.0}
    assert bits.any(axis=0).all()
    assert len(np.unique(bits, axis=0)) > 0.99 * len(molecules)
