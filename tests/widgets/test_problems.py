"""What is asked of the AI is changed from the board: the goal, rules of outcomes and parameters, what is given."""

from __future__ import annotations

import pytest
from stories import Story, shown
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture
from test_orders import order
from test_steer_panel import panel

import aisteer as ai
from aisteer_widgets.orders import carry_out
from aisteer_widgets.problems import change


def ask(campaign, **asked):
    return carry_out(campaign, order("problem", task="main", reason="as agreed", asked=asked))


def test_the_goal_becomes_a_target_a_level_to_find_or_something_to_learn(campaign):
    for kind, value, objective in (
        ("target", "1.5", ai.Target("diffusion", 1.5)),
        ("level_set", "−2", ai.LevelSet("diffusion", -2.0)),
        ("learn", "", ai.Learn("diffusion")),
        ("minimize", "", ai.Minimize("diffusion")),
    ):
        assert ask(campaign, goal={"kind": kind, "outcome": 0, "value": value}).ok
        assert campaign.definition["tasks"]["main"]["objective"] == objective.to_json()
        assert panel(campaign)["asked"]["kind"] == kind
    before = campaign.state.position
    answer = ask(campaign, goal={"kind": "target", "outcome": 0, "value": "high"})
    assert "as a finite number" in answer.message
    assert campaign.state.position == before


def test_rules_of_outcomes_and_parameters_and_what_is_given_are_changed_line_by_line(campaign):
    answer = ask(
        campaign, feasible="diffusion <= 9\n\ndiffusion >= 1", constraints="temperature + 500*density <= 5600"
    )
    assert answer.ok, answer.message
    main = campaign.definition["tasks"]["main"]
    assert main["feasible"] == ["diffusion <= 9", "diffusion >= 1"]
    assert main["space"]["constraints"] == ["temperature + 500*density <= 5600"]
    assert ask(campaign, context="density", constraints="").ok
    assert campaign.definition["tasks"]["main"]["context"] == ["density"]
    assert not campaign.definition["tasks"]["main"]["space"].get("constraints")
    assert ask(campaign, cost_aware=True, context="").ok
    now = panel(campaign)["asked"]
    assert (now["cost_aware"], now["context"], now["feasible"]) == (
        True,
        "",
        "diffusion <= 9\ndiffusion >= 1",
    )
    assert not ask(campaign, constraints="pressure <= 2").ok
    assert not ask(campaign).ok


def test_bounds_of_numbers_are_moved_and_put_back_and_runs_beyond_them_stay_data(campaign):
    (warm, dense) = panel(campaign)["asked"]["bounds"]
    assert warm == {"name": "temperature", "label": "temperature (K)", "low": "300", "high": "2000"}
    own = campaign.propose(temperature=400, density=8.0)
    answer = ask(campaign, bounds={"temperature": ["500", "1500"]}, constraints="density <= 8.8")
    assert answer.ok, answer.message
    space = campaign.definition["tasks"]["main"]["space"]
    assert (space["parameters"]["temperature"]["low"], space["parameters"]["temperature"]["unit"]) == (
        500,
        "K",
    )
    assert space["constraints"] == ["density <= 8.8"]
    assert own.refresh().state == "waiting"
    now = panel(campaign)["asked"]
    assert now["said"].endswith(f"by {campaign.actor.name}: as agreed")
    assert now["bounds"][0]["low"] == "500"
    assert carry_out(campaign, order("unproblem", task="main")).ok
    assert panel(campaign)["asked"]["bounds"] == [warm, dense]
    assert panel(campaign)["asked"]["constraints"] == ""
    assert "the change is taken back" in panel(campaign)["asked"]["said"]


def test_bounds_that_cannot_be_are_refused_and_nothing_is_changed(campaign):
    campaign.steer(pinned={"temperature": 400})
    before = campaign.state.position
    for bounds, words in (
        ({"temperature": ["500", "1500"]}, "Release it first"),
        ({"temperature": ["900", "400"]}, "low"),
        ({"temperature": ["warm", "400"]}, "lower end of temperature as a finite number"),
        ({"pressure": ["1", "2"]}, "no number 'pressure'"),
    ):
        answer = ask(campaign, bounds=bounds)
        assert not answer.ok
        assert words in answer.message
    assert "nothing to take back" in carry_out(campaign, order("unproblem", task="main")).message
    assert campaign.state.position == before


def test_references_of_several_objectives_are_set_and_taken_back():
    space = ai.Space(temperature=ai.Float(300, 2000), density=ai.Float(7, 9))
    goals = [ai.Maximize("diffusion"), ai.Minimize("cost", reference=9.0)]
    made = ai.Campaign("two-goals", simulation=both, space=space, objective=goals, budget=ai.Runs(5))
    assert [r["value"] for r in panel(made)["asked"]["references"]] == ["", "9"]
    assert ask(made, references=["0.5", ""]).ok
    told = [one.get("reference") for one in made.definition["tasks"]["main"]["objectives"]]
    assert told == [0.5, None]
    made.close()


@ai.simulation
def both(temperature, density):
    return {"diffusion": temperature * density, "cost": temperature}


def test_a_rule_on_what_no_run_returns_is_refused():
    story = Story().start()
    story.run({"temperature": 900.0, "density": 8.0}, 3.0, 0.1)

    class There:
        state = story.state
        definition = story.state.definition

        def task_named(self, name):
            return name or "main"

    with pytest.raises(
        ai.errors.BadDefinition, match=r"No run has returned an outcome 'difusion'.*Did you mean 'diffusion'"
    ):
        change(There(), order("problem", task="main", asked={"feasible": "difusion >= 1"}))
    assert shown(story)["steer"]["asked"]["outcomes"] == ["diffusion"]
