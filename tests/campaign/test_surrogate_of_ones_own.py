"""A regressor of the user's own steers a campaign on a real endpoint, over a restart, and gives way where it fails."""

from __future__ import annotations

import time

import pytest

import aisteer as ai
from aisteer.errors import BadDefinition, BadParameters, Untrusted
from tests.campaign.conftest import parabola
from tests.steering.lent import regressors

DEADLINE = 120.0
OWN = "tests.steering.lent.regressors:Nearest"


def until(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


@pytest.fixture
def steered(make):
    """Makes (or opens) a campaign with a surrogate."""

    def _steered(surrogate, **more):
        policy = {"name": "bayesian", "options": {"surrogate": surrogate}}
        problem = {"simulation": parabola, "space": ai.Space(x=ai.Float(0, 4)), "objective": ai.Minimize("y")}
        return make("own", policy=policy, hold=0.0, batch=2, initial=10, **problem, **more)

    return _steered


def done(campaign):
    return sum(run.end == "done" for run in campaign.state.runs.values())


def test_it_stands_in_the_definition_by_where_it_is_imported_from(steered, forget):
    campaign = steered(regressors.Nearest)
    assert campaign.definition["tasks"]["main"]["policy"]["options"]["surrogate"] == OWN
    position = campaign.state.position
    forget()
    campaign = steered(OWN)
    assert campaign.state.position == position, "the same cell again changes nothing"
    with pytest.raises(BadDefinition, match="module:name"):
        steered(type("Here", (), {}))
    with pytest.raises(BadParameters, match="comes with the definition"):
        campaign.steer(surrogate="shutil:rmtree")


@pytest.mark.full
def test_it_drives_a_campaign_and_goes_on_after_a_restart(steered, forget):
    campaign = steered(OWN, autonomy=ai.Accept(), runs=14)
    campaign.start()
    until(lambda: done(campaign) == 14)
    until(lambda: campaign.state.models["main"].summary["surrogate"] == OWN)
    assert campaign.trust().surrogate == "Nearest"
    forget()
    again = ai.open("own", folder=campaign.folder.parent)
    told = again.predict(x=1.0)
    assert told["y std"][0] > 0
    assert abs(again.predict(x=1.0, surrogate="gaussian process")["y predicted"][0]) < 1.0
    again.redefine(runs=18)
    again.start()
    until(lambda: done(again) == 18)
    chosen = [p for p in again.state.proposals.values() if p.predicted and p.model is not None][-4:]
    assert all(p.predicted["y"][1] > 0 for p in chosen)
    assert min(run.outcome["y"][0] for run in again.state.runs.values()) < 0.05
    assert again.state.troubles == {}


@pytest.mark.full
def test_one_that_raises_is_named_and_the_campaign_goes_on(steered):
    campaign = steered("tests.steering.lent.regressors:Raises", autonomy=ai.Accept(), runs=13)
    campaign.start()
    until(lambda: campaign.state.troubles)
    (trouble,) = campaign.state.troubles.values()
    assert "out of coffee" in trouble.message
    assert "The Gaussian process is used meanwhile" in trouble.message
    until(lambda: done(campaign) == 13)
    campaign.steer(surrogate="gaussian process")
    until(lambda: not campaign.state.troubles)


def test_of_somebody_elses_campaign_it_is_not_imported(steered, forget, monkeypatch):
    campaign = steered(OWN)
    rows = [{"x": i / 4, "y": (i / 4 - 1) ** 2} for i in range(14)]
    import pandas as pd

    campaign.add_data(pd.DataFrame(rows), source="a thesis")
    monkeypatch.setattr("aisteer.campaign.opened.folder_is_ours", lambda folder: False)
    regressors.Nearest.given.clear()
    assert campaign.predict(x=1.0)["y std"][0] > 0
    assert not regressors.Nearest.given
    with pytest.raises(Untrusted):
        campaign.start()
    monkeypatch.undo()
    campaign.predict(x=1.0)
    assert regressors.Nearest.given
