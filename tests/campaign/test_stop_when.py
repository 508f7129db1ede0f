"""A rule that stops a run by what it yields."""

from __future__ import annotations

import asyncio

import pytest

import aisteer as ai
from aisteer.errors import BadDefinition


@ai.simulation
def climbing(slope):
    height = 0.0
    while height < 100:
        height += slope
        control = yield {"height": height}
        if control.get("stop"):
            break
    return {"top": height}


def task(**settings):
    return ai.Task(
        simulation=climbing,
        space=ai.Space(slope=ai.Float(0.1, 1)),
        objective=ai.Maximize("top"),
        **settings,
    )


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("height > 5", [{"observation": "height", "above": 5.0}]),
        (
            ["height<-2.5e-3", "x > +1"],
            [{"observation": "height", "below": -0.0025}, {"observation": "x", "above": 1.0}],
        ),
        ((), None),
    ],
)
def test_rules_stand_in_the_definition_as_the_worker_reads_them(given, read):
    made = task(stop_when=given)
    assert made.to_json(made.ship()).get("stop_when") == read


@pytest.mark.parametrize(
    "given", ["height", "height > high", "height >= 5", "height > 1.2.3", "5 < height", 7, [7]]
)
def test_what_compares_nothing_is_refused(given):
    with pytest.raises(BadDefinition, match="stop_when"):
        task(stop_when=given)


def test_what_is_never_yielded_is_refused_where_that_is_known():
    melt = ai.CommandSimulation(
        ["lmp"],
        inputs={"in": "{temperature}"},
        parser={"file": "log", "pattern": "(?P<energy>[0-9]+)"},
        outcome={"energy": {"observation": "energy"}},
    )
    made = {
        "simulation": melt,
        "space": ai.Space(temperature=ai.Float(1, 2)),
        "objective": ai.Minimize("energy"),
    }
    assert ai.Task(**made, stop_when="energy > 3").stop_when == "energy > 3"
    with pytest.raises(BadDefinition, match=r"'energie'.*it yields energy.*Did you mean"):
        ai.Task(**made, stop_when="energie > 3")


def test_a_run_stops_itself_and_says_why(tmp_path):
    campaign = ai.Campaign(
        "climb",
        simulation=climbing,
        space=ai.Space(slope=ai.Float(0.1, 1)),
        objective=ai.Maximize("top"),
        stop_when="height > 5",
        policy="manual",
        folder=tmp_path,
    )
    campaign.start()
    campaign.propose(slope=1.0).accept(hold=0)
    asyncio.run(campaign.wait(ended=1, timeout=60))
    run = campaign.runs["R1"]
    assert run.end == "partial"
    assert "height is above 5" in run.message
    assert run.outcome["top"].value == 6.0
    campaign.close()
