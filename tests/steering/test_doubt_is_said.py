"""When predictions do not hold, all who could rely on them are told: on the board, on each card, and rules ask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scenes import HUMAN, Campaign, task

from aisteer.execution.rules import Rules
from aisteer.journal import commands as cmd
from aisteer.steering.mind import Mind
from aisteer.steering.rules import Accept, Ask
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.screen import parts
from aisteer_widgets.view_models.tally import Tally


@pytest.mark.full
def test_a_simulation_that_goes_wild_costs_the_surrogate_its_trust_and_everybody_is_told(tmp_path: Path):
    campaign, mind, rng, ended = Campaign(main=task()), Mind(tmp_path), np.random.default_rng(0), 0
    for _ in range(10):
        campaign.think(mind)
        for name in list(campaign.state.waiting):
            campaign.accept(name)
        for run in campaign.launch():
            x, y = campaign.state.runs[run].parameters.values()
            ended += 1
            campaign.end(run, x + 0.5 * y if ended < 22 else float(rng.normal()) * 20)
    campaign.think(mind)
    assert not campaign.state.models["main"].summary["calibration"]["trusted"]
    tally = Tally()
    tally.refresh(campaign.state)
    scene = Scene(state=campaign.state, now=0.0, tally=tally, driver="here")
    made = parts(scene, Wishes(task="main", hindsight=True))
    # Uncertainties were widened meanwhile, so that what is left to be said is that they are not what they were.
    assert made["belief"]["sub"].startswith("no longer as calibrated as before")
    assert "do not trust its uncertainties" in made["belief"]["warning"]
    assert "which would have been too narrow" in made["belief"]["note"]
    assert made["review"]["cards"]
    assert all("the model's predictions have drifted" in card["warnings"] for card in made["review"]["cards"])
    held = next(rate for rate in made["hindsight"]["rates"] if "where the AI chose" in rate["term"])
    assert held["low"] < 0.8 < held["claimed"]
    rule = Accept(when="coverage_bound >= 0.8") | Ask()
    campaign.submit(cmd.SetAutonomy(actor=HUMAN, rule=rule.to_json()))
    assert Rules().verdicts(campaign.state, 0.0) == []
