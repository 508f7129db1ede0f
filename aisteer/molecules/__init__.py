"""Small organic molecules and their ionisation energies: a pool to steer through, with real chemistry."""

from __future__ import annotations

from aisteer.molecules.enumeration import enumerate_molecules
from aisteer.molecules.fingerprints import fingerprints, pool
from aisteer.molecules.ionisation import IPEA_SHIFT, ionisation_energy

__all__ = ["IPEA_SHIFT", "enumerate_molecules", "fingerprints", "ionisation_energy", "pool"]
