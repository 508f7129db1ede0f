"""What a view asks for is one call of the campaign; here the campaign and its journal are real."""

from __future__ import annotations

import pytest

import aisteer as ai
from aisteer.errors import BadParameters
from aisteer.journal import commands as cmd
from aisteer.journal.events import Actor
from aisteer_widgets.ordered import observation_of
from aisteer_widgets.orders import carry_out


@ai.simulation
def melt(temperature, density):
    return {"diffusion": temperature * density}


@pytest.fixture
def campaign():
    made = ai.Campaign(
        "melting",
        simulation=melt,
        space=ai.Space(temperature=ai.Float(300, 2000, unit="K"), density=ai.Float(7.0, 9.0)),
        objective=ai.Maximize("diffusion"),
        budget=ai.NodeHours(5),
        cost=0.5,
    )
    yield made
    made.close()


@pytest.fixture
def proposal(campaign):
    return campaign.propose(temperature=900, density=8.0)


def order(verb, **more):
    return {"type": "order", "id": f"id-{verb}", "verb": verb, **more}


def test_an_accept_is_a_decision_of_the_human(campaign, proposal):
    answer = carry_out(campaign, order("accept", proposal=proposal.id, revision=proposal.revision))
    assert answer.ok
    now = campaign.proposals[proposal.id]
    assert (now.state, now.decision.by) == ("accepted", campaign.actor)


def test_a_decision_on_what_has_changed_is_refused_with_what_changed(campaign, proposal):
    seen = proposal.revision
    other = cmd.Reject(actor=Actor("human", "somebody else"), proposal=proposal.id, revision=seen)
    campaign.submit(other)
    answer = carry_out(campaign, order("accept", proposal=proposal.id, revision=seen))
    assert not answer.ok
    assert "has changed since you looked at it" in answer.message
    assert campaign.proposals[proposal.id].state == "rejected"


def test_an_edit_keeps_the_reason_and_selects_the_new_proposal(campaign, proposal):
    asked = order(
        "edit",
        proposal=proposal.id,
        revision=proposal.revision,
        values={"temperature": 1200},
        reason="cooler",
    )
    answer = carry_out(campaign, asked)
    assert answer.ok
    child = campaign.proposals[answer.select]
    assert (child.parameters, child.reason, child.parent) == (
        {"temperature": 1200.0, "density": 8.0},
        "cooler",
        proposal.id,
    )


def test_values_out_of_bounds_are_answered_in_words(campaign, proposal):
    asked = order("edit", proposal=proposal.id, revision=proposal.revision, values={"temperature": 9000})
    answer = carry_out(campaign, asked)
    assert not answer.ok
    assert "temperature" in answer.message
    assert campaign.proposals[proposal.id].state == "waiting"


def test_a_rejection_can_be_undone_and_a_newer_one_is_not_undone_by_an_old_click(campaign, proposal):
    carry_out(campaign, order("reject", proposal=proposal.id, revision=proposal.revision, reason="no"))
    shown = campaign.proposals[proposal.id].revision
    assert carry_out(campaign, order("undo", proposal=proposal.id, revision=shown)).ok
    assert campaign.proposals[proposal.id].state == "waiting"
    campaign.proposals[proposal.id].reject("after all")
    stale = carry_out(campaign, order("undo", proposal=proposal.id, revision=shown))
    assert not stale.ok
    assert "decided again" in stale.message
    assert campaign.proposals[proposal.id].state == "rejected"


def test_an_own_candidate_is_proposed(campaign):
    answer = carry_out(
        campaign, order("propose", task="main", values={"temperature": 500, "density": 7.5}, reason="a guess")
    )
    assert answer.ok
    assert campaign.proposals[answer.select].origin == "human"


@pytest.mark.parametrize(
    "asked",
    [
        order("accept", proposal="P99", revision=1),
        order("stop", run="R99"),
        order("propose", task="nothing", values={"a": 1}),
        order("propose", task="main", values={}),
        order("explode"),
        order("accept"),
        order("autonomy", value="whatever"),
        {"verb": None},
    ],
)
def test_nothing_that_a_view_asks_is_swallowed_or_raised(campaign, asked):
    answer = carry_out(campaign, asked)
    assert not answer.ok
    assert answer.message


def test_autonomy_is_handed_over_and_taken_back(campaign):
    assert carry_out(campaign, order("autonomy", value="calibrated")).ok
    assert str(campaign.autonomy) == "accept when calibrated; else ask"
    assert carry_out(campaign, order("autonomy", value="ask")).ok
    assert campaign.autonomy == ai.Ask()


@pytest.mark.parametrize(
    ("typed", "at"), [("", None), (" ", None), ("0", 0), ("40", 40), ("1,234", 1234), (None, None)]
)
def test_a_branch_begins_at_the_observation_that_was_typed(typed, at):
    assert observation_of(order("branch", from_observation=typed)) == at


@pytest.mark.parametrize("typed", ["soon", "-1", "1.5", "1_0", "12,34", "1e3", "٣", "9" * 40])
def test_what_is_no_number_of_an_observation_is_refused(typed):
    with pytest.raises(BadParameters, match="is no number of an observation"):
        observation_of(order("branch", from_observation=typed))
