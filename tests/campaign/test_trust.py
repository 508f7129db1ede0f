"""Whether the surrogate is to be trusted, and what it expects of points that nobody has proposed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from by_hand import ended, launched, proposed

from aisteer.campaign.trust import warning
from aisteer.errors import BadParameters, NotSupported, UnknownName


def ran(campaign, off, std=0.1):
    """Runs whose outcomes lie ``off`` standard deviations from what was predicted."""
    rng = np.random.default_rng(3)
    for z in off:
        point = {"temperature": float(rng.uniform(300, 2000)), "density": float(rng.uniform(7, 9))}
        (name,) = proposed(campaign, point, predicted={"diffusion": (1.0, std)})
        campaign.proposals[name].accept(hold=0)
        (run,) = launched(campaign)
        ended(campaign, run, diffusion=1.0 + z * std)
    return campaign


def test_before_anything_was_predicted_nothing_is_trusted(make):
    found = make().trust()
    assert not found.trusted
    assert found.surrogate == ""
    assert "none yet" in repr(found)
    assert "untested" in repr(found)


def test_it_counts_what_has_just_ended_and_what_was_just_marked_bad(make):
    campaign = ran(make(), [*[-1.0, 0.3, 0.8] * 6, *[9.0] * 6])
    found = campaign.trust()
    assert (found.calibration.inside, found.calibration.of) == (18, 24)
    assert not found.trusted
    assert "do not trust" in repr(found)
    for run in list(campaign.runs)[-6:]:
        campaign.runs[run].mark_bad("another method")
    after = campaign.trust()
    assert after.trusted
    row = after.frame().loc["diffusion"]
    assert (row["inside"], row["of"], row["trusted"]) == (18, 18, True)
    assert row["low"] < row["bound"] < row["high"]


def test_what_the_surrogate_expects_can_be_asked_of_any_point(make):
    campaign = make()
    with pytest.raises(NotSupported, match="begins with 3 outcomes"):
        campaign.predict(temperature=1000, density=8)
    rng = np.random.default_rng(0)
    points = pd.DataFrame({"temperature": rng.uniform(300, 2000, 30), "density": rng.uniform(7, 9, 30)})
    truth = points["temperature"] / points["density"]
    campaign.add_data(points.assign(diffusion=truth), source="before")

    told = campaign.predict(points.iloc[::-1])
    assert list(told.index) == list(points.index[::-1])
    assert np.allclose(told["diffusion predicted"], truth[::-1], rtol=0.02)
    assert (told["diffusion std measured"] > told["diffusion std"]).all()
    assert len(campaign.predict(temperature=1000, density=8)) == 1
    assert len(campaign.proposals) == 0

    other = campaign.predict(points, surrogate="deep ensemble")["diffusion predicted"]
    assert np.corrcoef(other, truth)[0, 1] > 0.9
    assert not np.allclose(other, told["diffusion predicted"].sort_index())


def test_a_point_that_does_not_fit_is_named(make):
    campaign = make()
    with pytest.raises(BadParameters, match="density"):
        campaign.predict(temperature=1000, density=20)
    with pytest.raises(BadParameters, match="not both"):
        campaign.predict(pd.DataFrame({"temperature": [1000]}), density=8)
    with pytest.raises(BadParameters, match="Only a pool"):
        campaign.predict("Cu")
    with pytest.raises(BadParameters, match="gaussian process, deep ensemble"):
        campaign.predict(temperature=1000, density=8, surrogate="crystal ball")
    with pytest.raises(UnknownName, match="no task"):
        campaign.trust("other")


def test_a_warning_speaks_of_each_outcome_that_should_not_be_trusted():
    good, bad = ({"of": 20, "trusted": one, "words": "the words"} for one in (True, False))
    assert warning({"calibration": good}) == ""
    assert warning({"calibration": bad}) == "the words"
    outcomes = {"yield": {"calibration": good}, "cost": {"calibration": bad}}
    assert warning({"calibration": good, "outcomes": outcomes}) == "cost: the words"
