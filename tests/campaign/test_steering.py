"""``campaign.steer(…)``: what a user says, sees and takes back."""

from __future__ import annotations

import pytest
from by_hand import ended, launched, proposed

import aisteer as ai
from aisteer.cli.drive import _line
from aisteer.errors import BadDefinition, BadParameters, Refused, UnknownName
from aisteer.journal import commands as cmd
from aisteer.journal.events import Actor

BY_AI = Actor("ai", "bayesian")


def waiting(campaign, *points):
    drafts = [cmd.Draft(task="main", parameters=point, origin="ai") for point in points]
    campaign.submit(cmd.Propose(actor=BY_AI, drafts=drafts))


def test_what_is_told_shows_and_is_there_tomorrow(make, forget):
    campaign = make()
    campaign.steer(pinned={"temperature": 500}, exploration=2, reason="the furnace")
    forget()
    again = make()
    assert again.steering().settings == {"pinned": {"temperature": 500.0}, "exploration": 2.0}
    assert "steered: temperature pinned to 500 K" in repr(again)
    assert "exploration 2 (by " in repr(again.steering())
    assert ": the furnace)" in repr(again.steering())
    assert list(again.steering().frame().index) == ["pinned", "exploration"]


def test_a_steering_is_undone_and_taken_back(make):
    campaign = make()
    campaign.steer(batch=2)
    told = campaign.steer(batch=3, forbidden={"density": [7, 8]})
    assert told.undo().settings == {"batch": 2}
    with pytest.raises(Refused, match="changed since"):
        told.undo()
    assert campaign.steer(batch=None).settings == {}
    assert campaign.steering().undo().settings == {"batch": 2}
    assert campaign.steer().settings == {"batch": 2}


def test_what_the_ai_wanted_elsewhere_is_withdrawn_and_named(make):
    campaign = make()
    waiting(campaign, {"temperature": 400.0, "density": 8.0}, {"temperature": 900.0, "density": 8.0})
    own = campaign.propose(temperature=410, density=8)
    told = campaign.steer(forbidden={"temperature": [300, 500]}, reason="too cold")
    assert told.withdrawn == ("P1",)
    assert (
        campaign.proposals["P1"].decision.reason
        == "it lies in a forbidden region (temperature 300 K to 500 K)"
    )
    assert own.refresh().state == "waiting"


def test_a_pool_is_steered_by_its_columns(make):
    pool = ai.Pool({"key": ["a", "b", "c"], "mass": [1.0, 2.0, 3.0]}, key="key", features=["mass"])

    @ai.simulation
    def weigh(key):
        return {"y": 1.0}

    campaign = make(simulation=weigh, space=pool, objective=ai.Maximize("y"))
    waiting(campaign, {"key": "a"}, {"key": "c"})
    assert campaign.steer(forbidden={"mass": [0, 1.5]}).withdrawn == ("P1",)
    with pytest.raises(BadParameters, match="no candidate of the pool is left"):
        campaign.steer(forbidden={"mass": [0, 5]})
    with pytest.raises(BadParameters, match="No candidate of the pool has key = 'd'"):
        campaign.steer(pinned={"key": "d"})
    with pytest.raises(BadParameters, match="no column 'weight'"):
        campaign.steer(favoured={"weight": [0, 5]})


def test_a_task_that_is_not_there_is_named(make):
    with pytest.raises(UnknownName, match="no task 'other'"):
        make().steer("other", batch=2)


# --- options of a campaign --------------------------------------------------------------------


def test_the_ledger_says_what_edits_bring_where_their_originals_run_too(make):
    campaign = make(counterfactual=1.0)
    for i in range(6):
        (name,) = proposed(
            campaign, {"temperature": 400.0 + i, "density": 8.0}, predicted={"diffusion": [1.0, 0.5]}
        )
        campaign.proposals[name].edit(temperature=900 + i, reason="hotter").accept(hold=0)
        for run in launched(campaign):
            ended(campaign, run, diffusion=campaign.runs[run].parameters["temperature"] / 100)
    found = campaign.ledger.analysis()
    assert found.effect.mean == pytest.approx(5.0)
    assert "Edits made outcomes better: by 5 on average" in repr(found)
    frame = found.frame()
    assert list(frame["ai temperature"]) == [400.0 + i for i in range(6)]
    assert list(frame["ai_outcome"]) == pytest.approx([4.0 + i / 100 for i in range(6)])
    assert list(campaign.ledger.frame()["ai_outcome"].dropna()) == list(frame["ai_outcome"])


def test_shares_and_rules_for_the_end_are_checked_and_can_be_redefined(make):
    campaign = make(audit=0.1, counterfactual=0.2, finish={"stagnation": 20, "budget": True})
    defined = campaign.definition["tasks"]["main"]
    assert (defined["audit"], defined["counterfactual"]) == (0.1, 0.2)
    assert defined["finish"] == {"stagnation": 20, "budget": True}
    campaign.redefine(finish={"gain_below": 0.5}, audit=0.0)
    assert campaign.definition["tasks"]["main"]["finish"] == {"gain_below": 0.5}
    assert "audit" not in campaign.definition["tasks"]["main"]
    for change, words in (
        ({"audit": 2}, "audit is a share from 0 to 1"),
        ({"counterfactual": "some"}, "counterfactual is a share"),
        ({"finish": {"stagnated": 3}}, "Did you mean 'stagnation'"),
        ({"finish": {"stagnation": 0}}, "at least 1"),
        ({"finish": {"gain_below": -1}}, "above 0"),
        ({"finish": {"budget": 3}}, "True or False"),
        ({"finish": 3}, "finish takes rules"),
    ):
        with pytest.raises(BadDefinition, match=words):
            make("other", **change)


def test_a_baseline_is_not_audited_and_does_not_end_by_itself(make):
    campaign = make(audit=0.1, finish={"budget": True}, baseline=ai.RandomArm(runs=3))
    arm = next(task for task in campaign.definition["tasks"].values() if task.get("baseline"))
    assert not {"audit", "counterfactual", "finish"} & arm.keys()


def test_a_proposal_tells_what_the_rules_say_of_it(make):
    campaign = make(autonomy=ai.Accept(when=["coverage_bound >= 0.8", "cost < 10 node_hours"]) | ai.Ask())
    (name,) = proposed(campaign, {"temperature": 400.0, "density": 8.0}, cost=2.0)
    verdict = campaign.proposals[name].verdict()
    assert verdict.verdict == "ask"
    assert campaign.autonomy.rules[0].when == ("coverage_bound >= 0.8", "cost < 10 node-hours")
    campaign.autonomy = ai.Accept(when="cost < 10 node_hours")
    assert campaign.proposals[name].verdict().verdict == "accept"
    campaign.autonomy = ai.Accept(when="coverage_bound >= 0.8", least=5)
    why = campaign.proposals[name].verdict().rule
    assert why.startswith(
        "no rule applies (accept when coverage_bound >= 0.8, counted from 5 on: coverage_bound 0.000"
    )


def test_the_log_of_a_driver_tells_what_was_steered_and_added(make):
    campaign = make()
    campaign.steer(pinned={"temperature": 500}, batch=2, reason="the furnace")
    campaign.steer(batch=None)
    campaign.add_data({"temperature": [400.0], "density": [8.0], "diffusion": [1.0]}, source="smith")
    lines = [_line(record) for record in campaign.journal.records()[-3:]]
    assert "ai.steered: main temperature pinned to 500; batch 2 the furnace (human" in lines[0]
    assert "main batch taken back" in lines[1]
    assert "data.added: main D1 smith" in lines[2]
