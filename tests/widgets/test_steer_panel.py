"""The panel that steers the AI: what it says, and that each of its orders is one call of the campaign."""

from __future__ import annotations

import copy

import pytest
from stories import MELT, Story, shown
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture
from test_orders import order

import aisteer as ai
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer_widgets.orders import carry_out
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.steer import steer
from aisteer_widgets.view_models.tally import Tally

POINT = {"temperature": 900.0, "density": 8.0}


def panel(campaign):
    state, tally = campaign.state, Tally()
    tally.refresh(state)
    return steer(Scene(state=state, now=state.time, tally=tally), Wishes(task="main"))


def ask(campaign, verb, **more):
    answer = carry_out(campaign, order(verb, task="main", **more))
    assert answer.ok, answer.message
    return answer


def test_what_is_set_stands_there_with_who_set_it_when_and_why(campaign):
    assert panel(campaign)["sub"] == "nothing is set: it goes by itself"
    ask(campaign, "steer", change={"batch": 8, "exploration": 2.0}, reason="many cheap ones first")
    now = panel(campaign)
    assert (now["batch"], now["exploration"]) == (8, 2.0)
    assert [line["words"] for line in now["set"]] == ["8 proposals at once", "exploration 2"]
    assert now["set"][0]["reason"] == "many cheap ones first"
    assert now["set"][0]["said"].startswith(f"set by {campaign.actor.name} at ")
    ask(campaign, "unsteer")
    assert panel(campaign)["set"] == []


def test_the_budget_is_changed_from_the_board_with_a_reason_and_back(campaign):
    before = campaign.budget
    answer = ask(campaign, "budget", amount=2 * before.amount, reason="it is worth it")
    assert campaign.budget == type(before)(2 * before.amount, before.counts)
    assert str(int(2 * before.amount)) in answer.message
    changed = [r.event for r in campaign.journal.records(0) if isinstance(r.event, ev.BudgetChanged)]
    assert changed[-1].reason == "it is worth it"
    ask(campaign, "budget", amount=before.amount)
    assert campaign.budget == before
    for amount in (-1, None, "much"):
        refused = carry_out(campaign, order("budget", amount=amount))
        assert not refused.ok
        assert "amount" in refused.message
    assert campaign.budget == before


def test_what_the_budget_does_not_cover_cannot_be_accepted_and_the_card_says_so():
    story = Story(budget=1.0).start()
    name, other = story.propose(POINT, {**POINT, "density": 8.2})
    assert all(card["over"] == "" for card in shown(story)["review"]["cards"])
    story.accept(name)
    (card,) = shown(story)["review"]["cards"]
    assert card["id"] == other
    assert card["over"] == "It needs 0.8\u00a0node-hours, and 0.2\u00a0node-hours are left of the budget."


@pytest.mark.parametrize(
    ("cost", "budget", "words"),
    [
        (1.5, 2.5, "It needs 1.5\u00a0node-hours, and 1\u00a0node-hour is left of the budget."),
        (1.0, 1.9996, "It needs 1\u00a0node-hour, and 0.9996\u00a0node-hours are left of the budget."),
    ],
)
def test_what_is_left_of_the_budget_is_told_in_words_and_digits_that_fit(cost, budget, words):
    definition = copy.deepcopy(MELT)
    definition["tasks"]["main"]["cost"] = cost
    story = Story(definition, budget=budget).start()
    name, _ = story.propose(POINT, {**POINT, "density": 8.2})
    story.accept(name)
    (card,) = shown(story)["review"]["cards"]
    assert card["over"] == words


def test_a_limit_of_runs_that_leaves_fewer_proposals_is_said(campaign):
    campaign.redefine(runs=3)
    campaign.propose(temperature=900, density=8.0)
    assert panel(campaign)["batch_note"] == "its limit of 3 runs leaves 2 more"
    ask(campaign, "steer", change={"batch": 3})
    assert not panel(campaign)["batch_note"]


def test_regions_are_forbidden_and_favoured_and_what_is_in_them_is_withdrawn(campaign):
    draft = cmd.Draft(task="main", parameters={"temperature": 350.0, "density": 8.0}, origin="ai")
    campaign.submit(cmd.Propose(actor=Actor("ai", "bayesian"), drafts=[draft]))
    answer = ask(campaign, "steer", change={"forbidden": [{"temperature": [300, 500]}]}, reason="it freezes")
    assert "withdrawn, as it leaves them out: P1" in answer.message
    (region,) = panel(campaign)["regions"]
    assert (region["kind"], region["words"]) == ("forbidden", "temperature 300 to 500\u00a0K")
    ask(campaign, "steer", change={"forbidden": None})
    assert panel(campaign)["regions"] == []


def test_pins_are_added_one_by_one_and_released_one_by_one(campaign):
    ask(campaign, "pin", pins={"temperature": 900})
    ask(campaign, "pin", pins={"density": 8.0})
    assert {p["name"]: p["value"] for p in panel(campaign)["pins"]} == {
        "temperature": "900\u00a0K",
        "density": "8",
    }
    ask(campaign, "pin", pins={"temperature": None})
    assert [p["name"] for p in panel(campaign)["pins"]] == ["density"]


def test_the_search_may_be_held_around_the_best_run(campaign):
    trust = panel(campaign)["trust"]
    assert trust["values"][trust["now"]] is False
    ask(campaign, "steer", change={"trust_region": 0.3})
    trust = panel(campaign)["trust"]
    assert trust["values"][trust["now"]] == 0.3
    assert trust["labels"][trust["now"]] == "around the best run, 30\u00a0% of each side"
    assert panel(campaign)["set"][0]["words"] == "trust region 0.3"


def test_what_cannot_be_set_is_answered_in_words_and_changes_nothing(campaign):
    answer = carry_out(campaign, order("steer", task="main", change={"batch": 0}))
    assert not answer.ok
    assert "batch must be a whole number from 1 on" in answer.message
    assert not carry_out(campaign, order("steer", task="main", change={})).ok
    assert panel(campaign)["set"] == []


def test_a_bad_result_leaves_the_fit_and_is_put_back():
    story = Story().start()
    run = story.run({"temperature": 900.0, "density": 8.0}, 3.0, 0.1)
    story.submit(cmd.Mark(actor=story_actor(), run=run, bad=True, reason="the rig leaked"))
    (line,) = shown(story)["steer"]["bad"]
    assert line["words"] == f"{run}: 3.00 ± 0.10"
    assert line["said"] == "by ada: the rig leaked"
    story.submit(cmd.Mark(actor=story_actor(), run=run, bad=False))
    assert shown(story)["steer"]["bad"] == []


def story_actor():
    return Actor("human", "ada")


def test_acceptance_can_be_earned_with_a_bound_a_count_and_a_limit_of_cost(campaign):
    ask(campaign, "rule", coverage=0.8, least=20, cost=0.5)
    assert campaign.autonomy == ai.Accept(when="coverage_bound >= 0.8", least=20, cost_below=0.5) | ai.Ask()
    words = panel(campaign)["rule"]["words"]
    assert "coverage_bound >= 0.8" in words
    assert "counted from 20 on" in words
    for wrong in ({"coverage": 1.5, "least": 20}, {"coverage": 0.8, "least": None}):
        assert not carry_out(campaign, order("rule", **wrong)).ok


def test_how_far_the_ai_has_come_in_earning_it_is_said():
    story = Story().start()
    known = {"inside": 27, "of": 30, "bound": 0.76, "low": 0.7, "high": 0.96, "trusted": True, "words": ""}
    story.append(ev.SurrogateFitted(task="main", model=1, runs=30, summary={"calibration": known}))
    assert "coverage is at least 76\u00a0%" in shown(story)["steer"]["rule"]["earned"]


def test_of_several_objectives_the_one_that_held_worst_says_how_far_it_has_come():
    two = copy.deepcopy(MELT)
    first = two["tasks"]["main"]["objective"]
    two["tasks"]["main"]["objectives"] = [first, {"kind": "minimize", "outcome": "cost", "unit": ""}]
    story = Story(two).start()
    told = {
        name: {
            "calibration": {"inside": n, "of": 30, "bound": bound, "low": 0.4, "high": 0.9, "trusted": False}
        }
        for name, n, bound in (("diffusion", 29, 0.85), ("cost", 20, 0.5))
    }
    summary = {**told["diffusion"], "outcomes": told}
    story.append(ev.SurrogateFitted(task="main", model=1, runs=30, summary=summary))
    said = shown(story)["steer"]["rule"]["earned"]
    assert "coverage is at least 50" in said
    assert "20 of 30 outcomes of cost" in said


def test_audits_counterfactuals_and_the_end_are_set_from_the_panel(campaign):
    finish = {"stagnation": 15, "gain_below": None, "budget": True}
    ask(campaign, "oversee", audit=0.1, counterfactual=0.2, finish=finish)
    defined = campaign.definition["tasks"]["main"]
    assert (defined["audit"], defined["counterfactual"]) == (0.1, 0.2)
    assert defined["finish"] == {"stagnation": 15, "budget": True}
    told = panel(campaign)["oversight"]
    assert (told["audit"], told["stagnation"], told["gain_below"], told["budget"]) == (0.1, 15, None, True)
    answer = carry_out(campaign, order("oversee", audit=3.0, counterfactual=0.0, finish={}))
    assert "share from 0 to 1" in answer.message
    assert told["stop_below"] == 0.02
    ask(campaign, "oversee", audit=0.0, counterfactual=0.0, early_stopping=0.05, finish={})
    assert panel(campaign)["oversight"]["stop_below"] == 0.05
    assert told["failing"]
    ask(campaign, "oversee", audit=0.0, counterfactual=0.0, finish={"failing": False})
    assert not panel(campaign)["oversight"]["failing"]
    ask(campaign, "oversee", audit=0.0, counterfactual=0.0, finish={"failing": True})
    assert not {"audit", "counterfactual", "finish"} & campaign.definition["tasks"]["main"].keys()


def test_what_the_policy_was_told_from_the_start_is_what_is_usual():
    definition = copy.deepcopy(MELT)
    options = {"acquisition": "ucb", "fixed": {"density": 8.0}}
    definition["tasks"]["main"]["policy"] = {"name": "bayesian", "options": options}
    made = shown(Story(definition).start())["steer"]
    assert made["acquisitions"][0] == {"name": "ucb", "label": "upper confidence bound (usual)"}
    (pin,) = made["pins"]
    assert (pin["name"], pin["fixed"]) == ("density", True)


def test_what_the_ai_works_on_stands_in_the_panel():
    definition = copy.deepcopy(MELT)
    main = definition["tasks"]["main"]
    main |= {
        "policy": {"name": "bayesian", "options": {"surrogate": "deep ensemble"}},
        "feasible": ["life >= 3"],
    }
    main["space"] |= {"constraints": ["temperature + 500*density <= 5600"]}
    main["context"] = ["density"]
    told = shown(Story(definition).start())["steer"]
    lines = {p["term"]: p["text"] for p in told["problem"]}
    assert lines["Sought"].endswith("feasible when life >= 3")
    assert lines["Space"].replace("\u00a0", " ") == "temperature 300 to 2,000 K, density 7 to 9 g/cm³"
    assert lines["Constraints"] == "temperature + 500*density <= 5600"
    assert lines["Given"].startswith("density")
    assert told["mind"]["now"] == "Bayesian optimisation, ours, with a deep ensemble"


def test_weights_are_offered_where_there_are_several_objectives():
    definition = copy.deepcopy(MELT)
    goals = [
        {"kind": "maximize", "outcome": "diffusion"},
        {"kind": "minimize", "outcome": "cost", "weight": 3.0},
    ]
    definition["tasks"]["main"] |= {"objectives": goals, "policy": {"name": "bayesian", "options": {}}}
    made = shown(Story(definition).start())["steer"]
    assert [(w["name"], w["value"]) for w in made["weights"]] == [("diffusion", 1.0), ("cost", 3.0)]
    assert len(made["acquisitions"]) > 1
    assert (
        made["surrogates"]["now"] == made["surrogates"]["usual"] == made["surrogates"]["options"][0]["name"]
    )


@pytest.mark.parametrize("policy", ["manual"])
def test_where_nothing_proposes_there_is_nothing_to_steer(policy):
    definition = copy.deepcopy(MELT)
    definition["tasks"]["main"]["policy"] = {"name": policy}
    assert "Nothing proposes" in shown(Story(definition).start())["steer"]["blocked"]
