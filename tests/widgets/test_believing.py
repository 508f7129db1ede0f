"""What the surrogate believes reaches the board: a real mind is asked, with real runs behind it."""

from __future__ import annotations

import json
import math
from concurrent.futures import Future

import pytest
from stories import MELT, Story
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture

from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer_widgets.believing import Believing
from aisteer_widgets.view_models.belief import belief
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tally import Tally

pytest.importorskip("botorch")
DRIVER = Actor("driver", "here")


class Asked:
    """The driver as far as a view may ask it: the mind is real, the thread is ours."""

    driving = True

    def __init__(self, mind):
        self.mind, self.questions = mind, 0

    def ask(self, question):
        self.questions += 1
        answer = Future()
        try:
            answer.set_result(question(self.mind))
        except Exception as error:  # noqa: BLE001  as the mind's own thread does
            answer.set_exception(error)
        return answer


def finish(campaign, epoch, temperature, density):
    proposal = campaign.propose(temperature=temperature, density=density)
    proposal.accept(hold=0)
    wish = cmd.LaunchRequest(uuid=proposal.id, endpoint="local", seed=1, proposal=proposal.id)
    (record,) = campaign.submit(cmd.Launch(actor=DRIVER, epoch=epoch, launches=[wish])).events
    outcome = {"diffusion": [temperature * density / 1e4, 0.01]}
    end = ev.AttemptEnded(run=record.event.run, attempt=1, end="done", outcome=outcome)
    campaign.submit(cmd.Report(actor=DRIVER, epoch=epoch, events=[end]))


def test_the_map_is_asked_once_per_fit_and_shows_the_surrogate_itself(campaign):
    from aisteer.steering.mind import Mind

    campaign.submit(cmd.Start(actor=campaign.actor))
    epoch = campaign.journal.take_lease({}, DRIVER)
    for i in range(5):
        finish(campaign, epoch, 400.0 + 300 * i, 7.2 + 0.35 * i)
    fit = ev.SurrogateFitted(task="main", model=0, runs=5)
    campaign.submit(cmd.Fitted(actor=DRIVER, epoch=epoch, fit=fit))
    campaign.opened.driver = asked = Asked(Mind(campaign.folder))
    try:
        believing = Believing(campaign)
        state, wanted = campaign.state, {("main", "map")}
        assert not believing.look(state, wanted)
        assert believing.look(state, wanted)
        believing._asked = 0.0
        assert not believing.look(state, wanted)
        assert asked.questions == 1
        tally = Tally()
        tally.refresh(state)
        scene = Scene(state=state, now=state.time, tally=tally, beliefs=believing.known, driver="here")
        chart = belief(scene, Wishes(task="main"))["chart"]
    finally:
        campaign.opened.driver = None
    assert (len(chart["mean"]), len(chart["mean"][0]), len(chart["x"]), len(chart["y"])) == (33, 33, 33, 33)
    assert (chart["x"][0], chart["x"][-1], chart["y"][-1]) == (300.0, 2000.0, 9.0)
    assert min(min(row) for row in chart["std"]) >= 0
    assert sum(m["kind"] == "run" for m in chart["marks"]) == 5


def test_a_belief_that_is_elsewhere_is_said_to_be(campaign):
    tally = Tally()
    state = campaign.state
    scene = Scene(state=state, now=0.0, tally=tally)
    assert "fitted when three runs of this task have ended" in belief(scene, Wishes(task="main"))["empty"]


def test_beyond_a_constraint_there_is_no_value_and_the_reason_is_said():
    definition = json.loads(json.dumps(MELT))
    definition["tasks"]["main"]["space"]["constraints"] = ["temperature + 500*density <= 5000"]
    story = Story(definition).start()
    story.append(ev.SurrogateFitted(task="main", model=1, runs=5))
    cell, edge = [[1.0, math.nan], [0.5, 2.0]], [1.0, math.nan]
    beliefs = {
        ("main", "map"): {"x": [300.0, 2000.0], "y": [7.0, 9.0], "mean": cell, "std": cell},
        ("main", "slice:density"): {"x": [7.0, 9.0], "mean": edge, "std": edge, "at": {}},
    }
    for view in ("map", "slice:density"):
        chart = belief(story.scene(beliefs=beliefs), Wishes(task="main", belief=view))["chart"]
        json.dumps(chart, allow_nan=False)
        assert None in (chart["mean"][0] if view == "map" else chart["mean"])
        assert "outside temperature + 500*density <= 5000; nothing is predicted there" in chart["blank"]


def test_a_slice_says_how_far_each_run_is_from_it_and_bands_are_of_95_per_cent():
    story = Story().start()
    on = story.run({"temperature": 900.0, "density": 8.0}, 1.0)
    far = story.run({"temperature": 900.0, "density": 9.0}, 2.0)
    story.append(ev.SurrogateFitted(task="main", model=1, runs=2))
    line = {"x": [300.0, 2000.0], "mean": [1.0, 2.0], "std": [0.5, 0.1], "at": {"density": 8.02}}
    chosen = Wishes(task="main", belief="slice:temperature")
    chart = belief(story.scene(beliefs={("main", "slice:temperature"): line}), chosen)["chart"]
    assert {p["run"]: p["off"] for p in chart["points"]} == {on: 0.01, far: 0.49}
    assert (chart["near"], chart["far"]) == (
        "at this density",
        "elsewhere in density, the further the fainter",
    )
    assert chart["low"] == pytest.approx([1.0 - 1.96 * 0.5, 2.0 - 1.96 * 0.1], abs=1e-4)
    assert chart["high"] == pytest.approx([1.0 + 1.96 * 0.5, 2.0 + 1.96 * 0.1], abs=1e-4)
