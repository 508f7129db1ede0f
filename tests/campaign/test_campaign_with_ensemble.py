"""A campaign whose surrogate is a deep ensemble, from its definition to its proposals."""

from __future__ import annotations

import time

import numpy as np
import pytest

from aisteer.errors import BadParameters

ENSEMBLE = {"name": "bayesian", "options": {"surrogate": "deep ensemble"}}


def first_prediction(campaign):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        for proposal in campaign.state.proposals.values():
            if proposal.predicted:
                return proposal
        time.sleep(0.1)
    raise AssertionError("nothing was proposed")


def test_a_campaign_is_steered_by_a_deep_ensemble(make):
    campaign = make(policy=ENSEMBLE)
    rng = np.random.default_rng(0)
    known = {"temperature": rng.uniform(300, 2000, 40), "density": rng.uniform(7, 9, 40)}
    known["diffusion"] = known["temperature"] / known["density"] + rng.normal(0, 1, 40)
    campaign.add_data({name: column.tolist() for name, column in known.items()}, source="before")
    campaign.start()
    proposal = first_prediction(campaign)
    mean, std = proposal.predicted["diffusion"]
    assert 30 < mean < 350
    assert std > 0
    assert campaign.state.models["main"].summary["kernel"] == "deep ensemble"
    with pytest.raises(BadParameters, match="gaussian process, deep ensemble"):
        campaign.steer(surrogate="crystal ball")
    assert campaign.steer(surrogate="gaussian process").settings == {"surrogate": "gaussian process"}
    assert "surrogate" in repr(campaign.steering())
