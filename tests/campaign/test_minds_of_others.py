"""Somebody else's mind as the policy of a campaign: in the definition, over restarts, and on a real endpoint."""

from __future__ import annotations

import time

import optuna
import pytest

import aisteer as ai
from aisteer.errors import BadDefinition, DefinitionChanged
from tests.campaign.conftest import parabola

DEADLINE = 60.0


def march(history, n, pending, *, start=0.0):
    done = len(history) + len(pending)
    return [{"x": start + (done + i) / 32} for i in range(n)]


def until(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


@pytest.fixture
def minded(make):
    """Makes (or opens) a campaign with a mind of somebody else's."""

    def _minded(policy, **more):
        problem = {
            "simulation": parabola,
            "space": ai.Space(x=ai.Float(0, 4)),
            "objective": ai.Minimize("y"),
            "hold": 0.0,
            "batch": 2,
        }
        return make("minds", policy=policy, **{**problem, **more})

    return _minded


def test_it_stands_in_the_definition_as_data_and_running_the_cell_again_changes_nothing(minded, forget):
    minds = {
        "a class": lambda: ai.generator(optuna.samplers.TPESampler, seed=1),
        "an object": lambda: ai.generator(optuna.samplers.TPESampler(seed=1)),
        "a function": lambda: ai.generator(march, start=0.5),
    }
    for name, mind in minds.items():
        campaign = minded(mind(), seed=len(name))
        said = campaign.definition["tasks"]["main"]["policy"]
        assert said["name"] == "generator"
        again = minded(mind(), seed=len(name))
        assert again.state.position == campaign.state.position
        forget()
        campaign = minded(mind(), seed=len(name))
        assert campaign.definition["tasks"]["main"]["policy"] == said
        campaign.redefine(seed=0)
        campaign.close()
        (campaign.folder / "journal.db").unlink()


def test_what_changes_of_a_mind_is_said(minded):
    minded(ai.generator(march, start=0.5))
    with pytest.raises(DefinitionChanged, match=r"options mind options start: 0.5 → 0.25"):
        minded(ai.generator(march, start=0.25))
    with pytest.raises(DefinitionChanged, match="mind"):
        minded("bayesian")

    def march_on(history, n, *, start=0.0):
        return [{"x": start + i} for i in range(n)]

    march_on.__name__ = "march"
    with pytest.raises(DefinitionChanged, match=r"the code of the mind 'march' changed"):
        minded(ai.generator(march_on, name="march", start=0.5))


def test_another_version_of_its_package_is_no_other_definition(minded, forget):
    campaign = minded(ai.generator(optuna.samplers.TPESampler, seed=1))
    older = ai.generator(optuna.samplers.TPESampler, seed=1)
    older.data["version"] = "4.4.0"
    assert minded(older).state.position == campaign.state.position


def test_the_mind_is_changed_while_it_goes_on(minded):
    campaign = minded("manual")
    campaign.start()
    said = campaign.redefine(policy=ai.generator(march, start=0.5), initial=1)
    assert "policy name: manual → generator" in said
    until(lambda: len(campaign.state.waiting) == 2)
    first, second = (campaign.state.proposals[name] for name in ("P1", "P2"))
    assert first.reasons[-1]["kind"] == "initial"
    assert second.reasons[0]["name"] == "march"
    campaign.redefine(policy="random")
    assert {campaign.state.proposals[name].state for name in ("P1", "P2")} == {"withdrawn"}
    until(lambda: len(campaign.state.waiting) == 2)
    assert {campaign.state.proposals[name].origin for name in campaign.state.waiting} == {"random"}


def test_it_drives_a_campaign_on_a_real_endpoint_and_goes_on_after_a_restart(minded, forget):
    campaign = minded(ai.generator(march, start=0.5), autonomy=ai.Accept(), runs=4)
    campaign.start()
    until(lambda: sum(run.end == "done" for run in campaign.state.runs.values()) == 4)
    assert [run.parameters["x"] for run in campaign.state.runs.values()] == [0.5 + i / 32 for i in range(4)]
    assert campaign.state.proposals["P1"].reasons[0]["words"].startswith("proposed by march;")
    forget()
    again = ai.open("minds", folder=campaign.folder.parent)
    again.redefine(runs=8)
    again.start()
    until(lambda: sum(run.end == "done" for run in again.state.runs.values()) == 8)
    assert [run.parameters["x"] for run in again.state.runs.values()][4:] == [
        0.5 + i / 32 for i in range(4, 8)
    ]
    assert again.state.troubles == {}


def test_an_object_is_asked_for_again_in_words_and_goes_on_when_it_is_brought(minded, forget):
    campaign = minded(ai.generator(optuna.samplers.RandomSampler(seed=1)))
    folder = campaign.folder.parent
    forget()
    campaign = ai.open("minds", folder=folder)
    campaign.start()
    until(lambda: campaign.state.troubles)
    (trouble,) = campaign.state.troubles.values()
    assert "nothing proposes now" in trouble.message
    assert "ai.open(name, policy=ai.generator(…))" in trouble.message
    assert not campaign.state.proposals
    for wrong, words in (
        (ai.generator(optuna.samplers.TPESampler()), "no mind that TPESampler"),
        (ai.generator(march), "takes ai.generator"),
        ("bayesian", "takes ai.generator"),
    ):
        with pytest.raises(BadDefinition, match=words):
            ai.open("minds", folder=folder, policy=wrong)
    ai.open("minds", folder=folder, policy=ai.generator(optuna.samplers.RandomSampler(seed=1)))
    campaign.note("it is here again")
    until(lambda: len(campaign.state.waiting) == 2)
    until(lambda: not campaign.state.troubles)
    assert campaign.state.proposals["P1"].reasons[0]["name"] == "RandomSampler"
