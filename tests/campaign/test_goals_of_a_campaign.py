"""Goals in the user's hands: stated, changed, refused, and what a campaign says of them."""

from __future__ import annotations

import asyncio

import pytest
from by_hand import proposed

import aisteer as ai
from aisteer.errors import BadDefinition, BadParameters, DefinitionChanged, NotSupported
from aisteer.steering.evidence import evidence


@ai.simulation
def alloy(x, y):
    return {"strength": x * y, "cost": x + 2 * y, "density": 1.0 + x}


SQUARE = ai.Space(x=ai.Float(0, 1), y=ai.Float(0, 1))
BOTH = [ai.Maximize("strength", unit="GPa"), ai.Minimize("cost", reference=2.5)]


@pytest.fixture
def stated(make):
    def _stated(**options):
        return make(
            "alloy",
            **{"simulation": alloy, "space": SQUARE, "objective": ai.Target("strength", 0.5), **options},
        )

    return _stated


def test_goals_stand_in_the_definition_and_the_first_is_where_one_always_was(stated):
    campaign = stated(objective=BOTH, feasible=["density <= 1.8"], context=["y"])
    task = campaign.definition["tasks"]["main"]
    assert task["objective"] == {"kind": "maximize", "outcome": "strength", "unit": "GPa"}
    assert task["objectives"] == [
        task["objective"],
        {"kind": "minimize", "outcome": "cost", "unit": "", "reference": 2.5},
    ]
    assert task["feasible"] == ["density <= 1.8"]
    assert task["context"] == ["y"]
    assert stated(objective=BOTH, feasible=["density <= 1.8"], context=["y"]).name == campaign.name
    assert "alloy" in repr(campaign)


def test_what_changes_in_the_goals_is_said_in_words(stated):
    campaign = stated()
    with pytest.raises(DefinitionChanged, match=r"objective value: 0\.5 → 0\.6"):
        stated(objective=ai.Target("strength", 0.6))
    assert campaign.redefine(objective=BOTH, feasible=["density <= 1.8"]) == [
        "the goal was to bring strength to 0.5, and is to maximize strength and minimize cost (reference 2.5)",
        "'density <= 1.8' is asked of outcomes",
    ]
    assert campaign.redefine(objective=BOTH) == []
    assert campaign.redefine(feasible=[]) == ["'density <= 1.8' is no longer asked of outcomes"]
    assert len(campaign.redefine(objective=ai.Learn("strength"))) == 1
    assert set(campaign.definition["tasks"]["main"]) & {"objectives", "feasible"} == set()


def test_what_the_ai_proposed_for_another_goal_is_taken_back_and_ones_own_points_stay(stated):
    campaign = stated()
    own = campaign.propose(x=0.5, y=0.5)
    (old,) = proposed(campaign, {"x": 0.1, "y": 0.1})
    campaign.redefine(batch=2)
    assert campaign.proposals[old].state == "waiting"
    campaign.redefine(objective=ai.Learn("strength"), reason="to know it everywhere")
    assert campaign.proposals[old].state == "withdrawn"
    assert campaign.proposals[old].decision.reason == "the goal changed"
    assert own.refresh().state == "waiting"
    (new,) = proposed(campaign, {"x": 0.2, "y": 0.2})
    campaign.redefine(policy="random", feasible=["density <= 1.8"])
    assert campaign.proposals[new].decision.reason == "the goal and the policy changed"
    rejected = evidence(campaign.state, "main").rejected
    assert rejected == ()  # that was no judgement of the points


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objective": ai.Maximize("strenght")}, r"returns no outcome 'strenght'.*Did you mean 'strength'"),
        ({"feasible": ["desnity <= 1"]}, r"returns no outcome 'desnity'.*Did you mean 'density'"),
        ({"feasible": ["density == 1"]}, "must use <= or >="),
        ({"objective": [ai.Maximize("cost"), ai.Minimize("cost")]}, "two goals on the outcome 'cost'"),
        ({"objective": "strength"}, "will not do"),
        ({"context": ["z"]}, "no parameter of the space"),
        ({"context": ["x", "y"]}, "nothing left for the AI to choose"),
        ({"space": ai.Space(x=ai.Float(0, 1), y=ai.Float(0, 1)), "context": 3}, "takes names"),
    ],
)
def test_goals_that_cannot_be_met_are_refused_before_anything_runs(stated, options, words):
    with pytest.raises(BadDefinition, match=words):
        stated(**options)


def test_a_curved_constraint_is_asked_of_own_candidates_too(stated):
    disc = ai.Space(x=ai.Float(0, 1), y=ai.Float(0, 1), constraints=["sqrt(x**2 + y**2) <= 1"])
    campaign = stated(space=disc)
    assert campaign.propose(x=0.6, y=0.6).state == "waiting"
    with pytest.raises(BadParameters, match=r"x = 0.9, y = 0.9 does not meet the constraint sqrt"):
        campaign.propose(x=0.9, y=0.9)


def test_the_front_is_a_table_of_runs_that_were_really_made(stated):
    campaign = stated(
        objective=BOTH,
        feasible=["density <= 1.9"],
        policy="manual",
        hold=0.0,
        endpoint=ai.connect("local", workers=2),
    )
    assert campaign.pareto().empty
    campaign.start()
    for x, y in ((0.5, 0.5), (0.9, 0.2), (0.8, 0.8), (0.4, 0.6), (1.0, 0.9)):
        campaign.propose(x=x, y=y).accept()
    asyncio.run(campaign.wait(ended=5, timeout=60))
    front = campaign.pareto()
    # (1.0, 0.9) is too dense; (0.4, 0.6) is beaten by (0.5, 0.5).
    assert [(row.x, row.y) for row in front.itertuples()] == [(0.8, 0.8), (0.5, 0.5), (0.9, 0.2)]
    assert list(front.columns[:4]) == ["strength", "strength error", "cost", "cost error"]
    assert front["strength"].iloc[0] == pytest.approx(0.64)


def test_one_goal_has_no_front(stated):
    with pytest.raises(NotSupported, match="there is no front"):
        stated().pareto()
