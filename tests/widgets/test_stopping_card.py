"""The card of a stop that the AI proposes: the curve, where it leads, and how such sayings held."""

from __future__ import annotations

import json
from copy import deepcopy

import numpy as np
import pytest
from stories import AI, MELT, Story, shown

from aisteer.journal import commands as cmd
from aisteer.journal.commands import Draft
from aisteer_widgets.view_models.stopping import _end
from tests.steering.foreseen import Runs, approaching


def proposed(outcome: str = "energy") -> tuple[Story, Draft, str]:
    """A campaign of which a run waits to be stopped, for the reasons that early stopping itself gave."""
    definition = deepcopy(MELT)
    definition["tasks"]["main"]["objective"] = {"kind": "minimize", "outcome": outcome, "unit": "eV"}
    story = Story(definition).start()
    run = story.live({"temperature": 1310.0, "density": 7.85}, 25)
    runs = Runs()
    (draft,) = runs.look(approaching(2.0, runs.rng, length=25)).drafts
    drafts = [
        Draft(
            task="main",
            parameters=story.state.runs[run].parameters,
            origin="ai",
            action="stop",
            predicted=draft.predicted,
            reasons=draft.reasons,
            run=run,
        )
    ]
    story.submit(cmd.Propose(actor=AI, drafts=drafts))
    return story, draft, run


def test_a_stop_shows_its_curve_its_end_the_best_and_how_such_sayings_held():
    story, draft, run = proposed()
    (card,) = shown(story)["review"]["cards"]
    json.dumps(card, allow_nan=False)
    stop = card["stopping"]
    mean, std = draft.predicted["energy"]
    assert card["who"] == f"AI, asks to stop {run}"
    assert (stop["accept"], stop["reject"]) == (f"Stop {run}", "Let it go on…")
    assert stop["end"]["mean"] == pytest.approx(mean)
    assert stop["end"]["half"] == pytest.approx(1.96 * std, rel=1e-3)
    assert stop["end"]["best"] == draft.reasons[0]["best"]
    assert stop["end"]["best_text"].startswith("best so far")
    assert len(stop["curve"]["points"]) == 25
    assert stop["curve"]["length"] == 60
    assert stop["curve"]["end"] == stop["end"]
    rows = {row["term"]: row["text"] for row in stop["rows"]}
    assert rows["Chance"].startswith("below 0.1")
    assert "a stop is proposed below 2" in rows["Chance"]
    assert "finished runs went on, by the energy seen so far" in rows["Learned from"]
    assert "would have been stopped, none of which ended better" in rows["Has held"]
    assert card["reasons"] == []


def test_an_observed_quantity_that_is_not_the_outcome_has_an_axis_of_its_own():
    story, _, _ = proposed("diffusion")
    (card,) = shown(story)["review"]["cards"]
    assert card["stopping"]["curve"]["end"] is None
    assert np.isfinite(card["stopping"]["end"]["mean"])


def test_other_proposals_have_no_such_part():
    story = Story().start()
    story.propose({"temperature": 1105.0, "density": 7.6})
    (card,) = shown(story)["review"]["cards"]
    assert card["stopping"] is None


def test_a_best_that_the_surrogate_believes_is_not_called_a_measured_one():
    told = {"final": [1.0, 0.1], "best": 5.0, "best_run": "R3"}
    words = [_end({**told, "believed": believed}, "eV")["best_text"] for believed in (False, True)]
    assert words[0].startswith("best so far 5")
    assert words[1].startswith("best so far, by the surrogate, 5")
