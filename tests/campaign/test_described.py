"""What a terminal shows of proposals and runs has units."""

from __future__ import annotations

from by_hand import ended, launched, proposed

import aisteer as ai
from aisteer.campaign.preformatted import in_lines


@ai.simulation(units={"pressure": "bar", "diffusion": "cm²/s"})
def squeeze(temperature, phase):
    return {"diffusion": temperature, "pressure": 2.0}


SPACE = ai.Space(temperature=ai.Float(300, 2000, unit="K"), phase=ai.Choice(["α", "β"]))


def test_printed_proposals_and_runs_say_their_units(make):
    goal = ai.Maximize("diffusion", unit="m²/s")
    campaign = make(simulation=squeeze, space=SPACE, objective=goal, budget=ai.Runs(5))
    point = {"temperature": 900.0, "phase": "α"}
    (name,) = proposed(campaign, point, predicted={"diffusion": [3.97, 0.11], "pressure": [2.0, 0.5]})
    shown = "P1 (temperature=900 K, phase=α) · diffusion 3.97 ± 0.11 m²/s predicted"
    for printed in (repr(campaign.proposals[name]), repr(campaign.proposals), repr(campaign)):
        assert shown in printed
        assert "pressure 2.00 ± 0.50 bar predicted" in printed
    campaign.proposals[name].accept(hold=0)
    (run,) = launched(campaign)
    ended(campaign, run, diffusion=4.0, pressure=1.5)
    assert repr(campaign.runs[run]).startswith("R1 (temperature=900 K, phase=α) · ended: done")
    assert "diffusion 4 m²/s · pressure 1.5 bar" in repr(campaign.runs[run])
    campaign.steer(pinned={"temperature": 500})
    assert "temperature pinned to 500 K" in repr(campaign.steering())


def test_what_has_no_unit_is_printed_without_one(make):
    campaign = make(space=ai.Space(temperature=ai.Float(300, 2000), density=ai.Float(7, 9)))
    own = campaign.propose(temperature=900, density=8)
    campaign.close()
    assert repr(own) == "P1 (temperature=900, density=8) · waiting"


def test_a_long_line_that_is_printed_goes_on_beneath_it_and_no_word_is_broken():
    line = (
        "  P70 (nickel=0.0393684, palladium=0.0873834) · "
        + "mixing 3 ± 14 meV/atom predicted · " * 4
        + "waiting"
    )
    found = in_lines(f"short\n{line}").split("\n")
    assert found[0] == "short"
    assert all(len(one) <= 96 for one in found)
    assert all(one.startswith(" " * 6) for one in found[2:])
    assert " ".join(" ".join(found[1:]).split()) == " ".join(line.split())
