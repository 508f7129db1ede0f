"""What a view costs must not grow with the campaign."""

from __future__ import annotations

from stories import MELT, Story, shown

from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.screen import parts
from aisteer_widgets.view_models.tally import Tally


class Counting(dict):
    """Counts how many values are looked at."""

    looks = 0

    def __getitem__(self, key):
        self.looks += 1
        return super().__getitem__(key)

    def get(self, key, default=None):
        self.looks += 1
        return super().get(key, default)


def long_story(runs: int) -> Story:
    story = Story(MELT, budget=None).start()
    for i in range(runs):
        point = {"temperature": 300.0 + i % 1700, "density": 8.0}
        story.run(point, float(i % 97), 0.1, predicted={"diffusion": [1.0, 0.5]})
    return story


def test_a_page_of_a_long_campaign_looks_at_a_page_of_runs():
    story = long_story(600)
    shown(story)
    story.state.runs = Counting(story.state.runs)
    story.state.proposals = Counting(story.state.proposals)
    story.run({"temperature": 900.0, "density": 8.5}, 1.0)
    before = story.state.runs.looks
    made = shown(story)
    assert story.state.runs.looks - before < 60
    assert len(made["runs"]["rows"]) == 8
    assert made["runs"]["pages"] == 76


def test_points_of_a_long_campaign_are_thinned_to_what_can_be_seen():
    made = shown(long_story(1000))
    assert len(made["convergence"]["points"]) <= 401
    assert made["convergence"]["points"][-1]["x"] == 1000
    assert len(made["belief"]["chart"]["panels"][0]["marks"]["names"]) == 400


def test_the_tally_in_steps_is_the_tally_at_once():
    story = Story().start()
    steps = Tally()
    for i in range(40):
        story.run({"temperature": 300.0 + i, "density": 8.0}, float(i * 7 % 11), 0.1)
        if i % 3 == 0:
            steps.refresh(story.state)
    steps.refresh(story.state)
    once = Tally()
    once.refresh(story.state)
    assert steps.of("main") == once.of("main")
    assert steps.best("main") == once.best("main")


def test_a_tally_that_catches_up_says_nothing_rather_than_half_of_it():
    story = long_story(50)
    tally = Tally()
    tally.refresh(story.state, at_most=20)
    assert tally.behind == 30
    assert tally.best("main") is None
    story.tally = tally
    made = parts(Scene(state=story.state, now=story.now, tally=tally), Wishes(task="main"))
    assert made["convergence"]["empty"] == "Reading 30 earlier runs…"
    assert made["runs"]["total"] == 50
    while tally.behind:
        tally.refresh(story.state, at_most=20)
    once = Tally()
    once.refresh(story.state)
    assert (tally.of("main"), tally.best("main")) == (once.of("main"), once.best("main"))
