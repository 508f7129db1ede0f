"""Who proposes is swapped from the board: with who and why; it outlives the process and can be taken back."""

from __future__ import annotations

import sys

import pytest
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture
from test_orders import melt, order
from test_steer_panel import panel

import aisteer as ai
from aisteer_widgets.minds import LIBRARIES, installed
from aisteer_widgets.orders import carry_out


def near_the_best(history, n, rng, *, width=0.1):
    del history, width
    return [{"temperature": float(rng.uniform(300, 2000)), "density": 8.0} for _ in range(n)]


def swap(campaign, choice, **more):
    answer = carry_out(campaign, order("mind", task="main", choice=choice, **more))
    assert answer.ok, answer.message
    return panel(campaign)["mind"]


def test_who_proposes_is_swapped_with_who_and_why_and_taken_back(campaign):
    told = panel(campaign)["mind"]
    assert told["now"] == "Bayesian optimisation, ours, with a Gaussian process"
    assert (told["said"], told["before"]) == ("", "")
    told = swap(campaign, "random", reason="a fair comparison")
    assert told["now"] == "chance: points drawn at random"
    assert told["said"].endswith(f"by {campaign.actor.name}: a fair comparison")
    assert "Bayesian" in told["before"]
    assert carry_out(campaign, order("unmind", task="main")).ok
    assert "Bayesian" in panel(campaign)["mind"]["now"]


def test_a_function_of_the_notebook_proposes_by_its_name_and_is_there_after_a_restart(campaign, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "near_the_best", near_the_best, raising=False)
    told = swap(campaign, "named", name="near_the_best", options="width=0.2", reason="my own idea")
    assert told["now"] == "near_the_best, a function of your own (width 0.2)"
    folder = campaign.folder.parent
    campaign.close()
    again = ai.open("melting", folder=folder)
    told = panel(again)["mind"]
    assert told["now"].startswith("near_the_best")
    assert told["said"].endswith("my own idea")
    swap(again, "bayesian")
    (had,) = [c for c in panel(again)["mind"]["choices"] if c["id"].startswith("had:")]
    assert had["label"] == "near_the_best, a function of your own (width 0.2) (as before)"
    assert swap(again, had["id"])["now"].startswith("near_the_best")
    again.close()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"choice": "named", "name": "nobody_wrote_this"}, "This notebook defines no 'nobody_wrote_this'"),
        ({"choice": "named", "name": "no_such_module:Mind"}, "cannot be had here"),
        ({"choice": "named", "name": "math:pi"}, "cannot propose"),
        ({"choice": "named", "name": "json:dumps", "options": "seed"}, "Options are written as"),
        ({"choice": "had:0123"}, "has had no such mind"),
        ({"choice": "an oracle"}, "There is no mind"),
    ],
)
def test_a_mind_that_cannot_be_had_is_answered_in_words_and_changes_nothing(campaign, asked, words):
    before = campaign.state.position
    answer = carry_out(campaign, order("mind", task="main", **asked))
    assert not answer.ok
    assert words in answer.message
    assert campaign.state.position == before


def test_what_was_said_of_first_points_stays_whoever_proposes(campaign):
    campaign.redefine(initial=6)
    swap(campaign, "random")
    assert campaign.definition["tasks"]["main"]["policy"] == {"name": "random", "options": {}}
    assert carry_out(campaign, order("unmind", task="main")).ok
    assert campaign.definition["tasks"]["main"]["policy"]["options"] == {"initial": 6}


def test_minds_of_libraries_are_offered_where_they_are_installed_and_can_be_told_the_goal(campaign):
    offered = {c["id"] for c in panel(campaign)["mind"]["choices"]}
    assert offered & LIBRARIES.keys() == set(installed())
    campaign.redefine(objective=ai.Learn("diffusion"))
    told = panel(campaign)["mind"]
    assert not {c["id"] for c in told["choices"]} & LIBRARIES.keys()
    assert "only a function of your own" in told["not_told"]


def test_optuna_proposes_when_it_is_chosen(campaign):
    pytest.importorskip("optuna")
    told = swap(campaign, "optuna.samplers:TPESampler")
    assert told["now"].startswith("TPESampler of optuna")


def test_a_regressor_is_no_mind_but_what_our_policy_believes_with(campaign):
    pytest.importorskip("sklearn")
    told = swap(campaign, "named", name="sklearn.ensemble:ExtraTreesRegressor")
    assert told["now"] == "Bayesian optimisation, ours, with your sklearn.ensemble:ExtraTreesRegressor"
    assert panel(campaign)["surrogates"]["options"][-1]["name"] == "sklearn.ensemble:ExtraTreesRegressor"
    answer = carry_out(campaign, order("mind", task="main", choice="named", name="test_minds:Own"))
    assert answer.ok, answer.message


class Own:
    """It fits and predicts; nothing else is asked of it here."""

    def fit(self, x, y):
        return self

    def predict(self, x):
        return [0.0] * len(x)


def test_of_several_tasks_one_is_changed():
    task = {"simulation": melt, "objective": ai.Maximize("diffusion")}
    space = ai.Space(temperature=ai.Float(300, 2000), density=ai.Float(7, 9))
    made = ai.Campaign(
        "two",
        tasks={"one": ai.Task(space=space, **task), "other": ai.Task(space=space, **task)},
        budget=ai.Runs(5),
    )
    assert carry_out(made, order("mind", task="other", choice="random")).ok
    names = {name: one["policy"]["name"] for name, one in made.definition["tasks"].items()}
    assert names == {"one": "bayesian", "other": "random"}
    with pytest.raises(ai.errors.BadDefinition, match="say which one changes"):
        made.redefine(batch=2)
    made.close()
