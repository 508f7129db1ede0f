"""Small organic molecules and their ionisation energies: a pool to steer through, with real chemistry."""

from __future__ import annotations

from aisteer.molecules.enumeration import enumerate_molecules
from aisteer.molecules.ionisation import ionisation_energy

__all__ = ["enumerate_molecules", "ionisation_energy"]
