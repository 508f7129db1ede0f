"""Ionisation energies: the numbers, the live curve, and what happens when it cannot be done."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from ase.calculators.calculator import CalculationFailed
from ase.data.cccbdb_ip import IP as MEASURED
from tblite.ase import TBLite

from aisteer.molecules import ionisation_energy


def run(smiles, *, restart=None, stop_at=None):
    """Observations, checkpoints and the outcome."""
    relaxation = ionisation_energy(smiles, restart=restart)
    seen, checkpoints = [], []
    try:
        values, checkpoint = next(relaxation)
        while True:
            seen.append(values)
            checkpoints.append(checkpoint())
            control = {"stop": True} if stop_at == len(seen) else None
            values, checkpoint = relaxation.send(control)
    except StopIteration as end:
        return seen, checkpoints, end.value


@pytest.mark.parametrize(
    ("smiles", "electronvolts"),
    [("Oc1ccccc1", 8.75), ("c1ccccc1", 9.54), ("CO", 10.94), ("Nc1ccccc1", 8.01), ("C=O", 11.28)],
)
def test_the_method_gives_its_known_values(smiles, electronvolts):
    assert run(smiles)[2]["ionisation_energy"] == pytest.approx(electronvolts, abs=0.03)


def test_it_is_half_an_electronvolt_from_photoelectron_maxima_on_average():
    measured = {
        "C": "CH4", "N": "NH3", "C#C": "C2H2", "C=C": "C2H4", "C#N": "HCN",
        "C=O": "H2CO", "CO": "CH3OH", "CCl": "CH3Cl", "CS": "CH3SH", "c1ccccc1": "C6H6",
    }  # fmt: skip
    off = [run(s)[2]["ionisation_energy"] - MEASURED[name][1] for s, name in measured.items()]
    assert np.abs(off).mean() < 0.45


def test_each_optimiser_step_is_an_observation_and_the_last_one_is_relaxed():
    seen, _, outcome = run("CCN")
    assert [values["step"] for values in seen] == list(range(len(seen)))
    assert seen[-1]["energy"] < seen[0]["energy"]
    assert seen[-1]["force"] <= 0.05 < seen[0]["force"]
    assert outcome["energy"] == seen[-1]["energy"]
    assert outcome["steps"] == seen[-1]["step"]


def test_the_same_molecule_gives_the_same_answer():
    assert run("CC(=O)N")[2] == run("CC(=O)N")[2]


def test_a_stop_ends_it_where_it_is():
    seen, _, outcome = run("CCN", stop_at=2)
    assert len(seen) == 2
    assert outcome["steps"] == 1
    assert np.isfinite(outcome["ionisation_energy"])


def test_it_goes_on_from_a_checkpoint_to_the_same_answer():
    seen, checkpoints, outcome = run("CCN")
    resumed, _, again = run("CCN", restart=checkpoints[3])
    assert resumed[0]["step"] == 3
    assert resumed[0]["energy"] == pytest.approx(seen[3]["energy"], abs=1e-6)
    assert again["ionisation_energy"] == pytest.approx(outcome["ionisation_energy"], abs=0.01)


def test_a_checkpoint_of_another_molecule_is_refused():
    _, checkpoints, _ = run("CO")
    with pytest.raises(ValueError, match="checkpoint is of CO, but the run is of CN"):
        run("CN", restart=checkpoints[0])


def test_text_that_is_no_molecule_is_refused():
    with pytest.raises(ValueError, match="not a SMILES that RDKit can read"):
        run("C1CC(")


def test_an_electronic_structure_that_does_not_converge_is_a_failed_run(monkeypatch):
    honest = TBLite.calculate

    def fails_for_cations(self, *arguments, **options):
        if self.parameters["charge"] == 1:
            raise CalculationFailed("SCF not converged")
        return honest(self, *arguments, **options)

    monkeypatch.setattr(TBLite, "calculate", fails_for_cations)
    with pytest.raises(RuntimeError, match="C=O did not converge as a cation"):
        run("C=O")


def test_importing_it_loads_no_chemistry():
    code = "import sys, aisteer.molecules; print({'rdkit', 'ase', 'tblite', 'pandas'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
