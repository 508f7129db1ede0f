from __future__ import annotations

import pytest

import aisteer as ai
from aisteer.errors import BadDefinition
from aisteer.problem.command import CommandSimulation
from aisteer.problem.units import label


@pytest.mark.parametrize(
    ("name", "unit", "shown"),
    [
        ("ionisation_energy", "eV", "ionisation energy (eV)"),
        ("msd", "Å²", "msd (Å²)"),
        ("_hidden__name_", "", "hidden name"),
        ("diffusion", "10⁻⁹ m²/s", "diffusion (10⁻⁹ m²/s)"),
        ("___", "", "___"),
    ],
)
def test_a_name_reads_as_words_with_its_unit_in_parentheses(name, unit, shown):
    assert label(name, unit) == shown


def test_a_simulation_says_the_units_of_what_it_yields_and_returns():
    @ai.simulation(units={"energy": "eV", "force": " "})
    def relax(x):
        yield {"energy": x}
        return {"energy": x}

    assert relax.to_json()["units"] == {"energy": "eV"}
    assert relax(1.0).send(None) == {"energy": 1.0}


def test_without_units_the_definition_is_what_it_was():
    @ai.simulation
    def relax(x):
        return {"energy": x}

    assert "units" not in relax.to_json()


def test_an_executable_has_units_too():
    made = CommandSimulation(
        ["solve", "{x}"],
        outcome={"energy": {"file": "out", "pattern": "(?P<value>.+)"}},
        units={"energy": "eV"},
    )
    assert made.to_json()["units"] == {"energy": "eV"}


@pytest.mark.parametrize("units", [{"energy": 1}, {1: "eV"}, "eV", ["eV"]])
def test_units_that_are_no_text_are_refused_with_an_example(units):
    with pytest.raises(BadDefinition, match=r"units=\{'energy': 'eV'\}"):
        ai.simulation(units=units)(lambda x: {"energy": x})
