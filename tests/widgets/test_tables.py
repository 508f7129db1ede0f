"""A table that is pasted into the board: read as people write it, checked row by row, added as one."""

from __future__ import annotations

import pandas as pd
import pytest
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture
from test_orders import melt, order

import aisteer as ai
from aisteer_widgets.orders import carry_out
from aisteer_widgets.reading import number, same_unit, sheet, without_unit
from aisteer_widgets.taking import preview

RESULTS = "temperature (K)\tDensity\tdiffusion\tdiffusion error\tnote\n900\t8.0\t3.1\t0.1\tdry\n1200\t8.5\t4.2\t\twet\n"
POINTS = "temperature,density\n400,7.5\n500,8\n"


def take(campaign, text, purpose, **more):
    return carry_out(campaign, order("take", task="main", text=text, purpose=purpose, **more))


def test_results_are_previewed_and_then_inform_the_ai(campaign):
    told = preview(campaign, "main", RESULTS)
    assert (told["purpose"], told["rows"], told["wrong"]) == ("results", 2, "")
    assert [c["words"] for c in told["columns"]] == [
        "parameter",
        "parameter",
        "outcome",
        "standard error",
        "not taken: no parameter and no outcome",
    ]
    assert told["sample"][0] == ["900", "8", "3.1", "0.1", ""]
    assert (told["results"]["fit"], told["results"]["out"]) == (2, 0)
    answer = take(campaign, RESULTS, "results", source="Smith 2021", reason="a known series")
    assert answer.message == "2 results from Smith 2021 inform the AI as D1."
    assert campaign.state.added["D1"]["rows"] == 2
    assert "Say where the data comes from" in take(campaign, RESULTS, "results", source=" ").message


def test_points_are_proposed_as_ones_own_and_those_that_are_known_stay(campaign):
    campaign.propose(temperature=400, density=7.5)
    told = preview(campaign, "main", POINTS)
    assert told["purpose"] == "points"
    assert told["no_results"]
    answer = take(campaign, POINTS, "points", reason="a scan")
    assert answer.message == "1 candidate of yours waits; 1 row had been proposed before."
    assert [p.origin for p in campaign.proposals.waiting] == ["human", "human"]


def test_each_row_that_does_not_fit_is_named_and_nothing_is_added_unless_it_is_left_out(campaign):
    text = "temperature,density,diffusion\n900,8,1\n9000,8,1\n900,eight,1\n900,8,\n900\n950,8,2\n"
    told = preview(campaign, "main", text)
    faults = {f["line"]: f["words"] for f in told["results"]["faults"]}
    assert list(faults) == [3, 4, 5, 6]
    assert "2000" in faults[3]
    assert "“eight” is no number" in faults[4]
    assert faults[5] == "no outcome is given"
    assert "it has 1 cell" in faults[6]
    assert (told["results"]["fit"], told["points"]["fit"]) == (2, 3)
    answer = take(campaign, text, "results", source="here")
    assert "Line 3 does not fit, and nothing was added" in answer.message
    assert not campaign.state.added
    answer = take(campaign, text, "results", source="here", leave_out=True)
    assert answer.message == "2 results from here inform the AI as D1; 4 rows left out."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("temperature (°C),density,diffusion\n900,8,1\n", "is in °C here and in K in the campaign"),
        ("temperature,diffusion\n900,1\n", "no column 'density'"),
        ("temperature,Temperature,density\n900,900,8\n", "Two columns say temperature"),
        ("temperature,density\n", "no row was found"),
        ("", "no row was found"),
        ('temperature,density\n"900,8\n', "Line 2 cannot be read"),
    ],
)
def test_what_is_wrong_with_a_whole_table_is_said_before_anything_is_done(campaign, text, words):
    assert words in preview(campaign, "main", text)["wrong"]
    assert not take(campaign, text, "points").ok


def test_a_thousand_rows_are_read_checked_and_added_as_one(campaign):
    rows = [f"{300 + i};{7 + i / 1000:.3f};{i / 7:.4f}".replace(".", ",") for i in range(1000)]
    text = "temperature;density;diffusion\n" + "\n".join(rows)
    before = campaign.state.position
    assert preview(campaign, "main", text)["results"]["fit"] == 1000
    assert take(campaign, text, "results", source="a sweep").ok
    assert campaign.state.position == before + 1
    assert campaign.state.added["D1"]["rows"] == 1000


def test_choices_and_keys_of_a_pool_are_found_as_they_are_written(tmp_path):
    space = ai.Space(temperature=ai.Float(300, 2000), density=ai.Choice([7, 8.5, "solid"]))
    made = ai.Campaign("chosen", simulation=melt, space=space, objective=ai.Maximize("diffusion"))
    told = preview(made, "main", "temperature,density\n400,7.0\n400,8.5\n400,Solid\n400,9\n")
    assert [f["line"] for f in told["points"]["faults"]] == [5]
    made.close()

    @ai.simulation
    def weigh(smiles):
        return {"mass": len(smiles)}

    pool = ai.Pool(pd.DataFrame({"smiles": ["CO", "CCO"], "n": [1, 2]}), "smiles", features=["n"])
    made = ai.Campaign("weighed", simulation=weigh, space=pool, objective=ai.Minimize("mass"))
    told = preview(made, "main", "smiles\nCO\nCC\n")
    assert [f["line"] for f in told["points"]["faults"]] == [3]
    assert take(made, "smiles\nCO\n", "points").ok
    assert take(made, "smiles,mass\nCCO,46\n", "results", source="weighed by hand").ok
    made.close()


def test_numbers_and_units_are_read_as_people_write_them():
    assert number("−3.5e-2") == -0.035
    assert number("1,5", comma=True) == 1.5
    assert sheet("a;b\n1,5;2\n").comma
    for wrong in ("1,385", "inf", "3 K"):
        with pytest.raises(ValueError, match=r"no number|not finite"):
            number(wrong)
    assert without_unit("density [g/cm³]") == ("density", "g/cm³")
    assert without_unit("density") == ("density", "")
    assert same_unit("g/cm^3", "g/cm³")
    assert same_unit("10^-9 m²/s", "10⁻⁹ m²/s")
    assert not same_unit("°C", "K")
