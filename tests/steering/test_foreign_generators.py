"""Minds of somebody else's in a campaign: in memory, through the real gate, with the real libraries."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from gest_api.generator import Generator as Standard
from gest_api.vocs import VOCS

import aisteer as ai
from aisteer.errors import BadDefinition
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.problem.parameters import Choice, Float, Int
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering import Generator
from aisteer.steering.evidence import evidence
from aisteer.steering.foreign_generators import ForeignMind, generator
from aisteer.steering.mind import Mind
from aisteer.steering.next_in_line import next_if_rejected
from tests.steering.scenes import DRIVER, HUMAN, SQUARE, Campaign, task


def hill(point: dict) -> float:
    return 10 - 40 * (point["x"] - 0.3) ** 2 - 40 * (point["y"] - 0.7) ** 2


class Recorder(Standard):
    """Walks along a line, and remembers everything that it is told."""

    returns_id = True
    made = 0

    def __init__(self, vocs, step=0.01):
        super().__init__(vocs)
        type(self).made += 1
        self.vocs, self.step, self.at, self.told = vocs, step, 0, []

    def _validate_vocs(self, vocs):
        pass

    def suggest(self, num_points=None):
        self.at += num_points
        constants = {name: one.value for name, one in self.vocs.constants.items()}
        return [
            {**constants, "x": self.step * i, "y": 0.5, "_id": i}
            for i in range(self.at - num_points + 1, self.at + 1)
        ]

    def ingest(self, results):
        self.told += results


def halves(history, n, rng):
    """Near the best so far, or anywhere."""
    if history.empty:
        return [{"x": float(rng.random()), "y": float(rng.random())} for _ in range(n)]
    best = history.loc[history["yield"].idxmax()]
    near = [
        min(1.0, max(0.0, float(best[name] + 0.1 * rng.normal()))) for name in ("x", "y") for _ in range(n)
    ]
    return [{"x": near[i], "y": near[n + i]} for i in range(n)]


class Scene:
    """A campaign in memory whose mind is somebody else's."""

    def __init__(self, folder: Path, mind: ForeignMind, space: Space | Pool = SQUARE, **more) -> None:
        self.folder = folder
        if mind.shipment is not None:
            mind.shipment.save(folder)
        if isinstance(space, Pool):
            space.save(folder)
        definition = task(space, **more)
        definition["policy"] = mind.to_json()
        self.campaign = Campaign(main=definition)
        self.minds = {} if mind.live is None else {"main": mind.live}
        self.mind = Mind(folder, self.minds)

    @property
    def state(self):
        return self.campaign.state

    def turn(self, measure=hill):
        return self.campaign.turn(self.folder, measure, self.mind)

    def restart(self) -> None:
        self.mind = Mind(self.folder, {})

    @property
    def heard(self):
        """What the generator itself holds now."""
        policy = self.mind._tasks["main"].policy
        return policy._conversation.speaker.generator

    def reasons(self, proposal: str) -> str:
        return "; ".join(r["words"] for r in self.state.proposals[proposal].reasons if r["kind"] == "mind")


# --- what can be a mind -----------------------------------------------------------------------


def test_a_sampler_of_optuna_climbs_and_its_proposals_say_whose_they_are_and_what_we_expect(tmp_path):
    scene = Scene(tmp_path, generator(optuna.samplers.TPESampler, seed=1, n_startup_trials=6))
    for _ in range(8):
        assert scene.turn().trouble == ""
    state = scene.state
    assert len(state.runs) == 32
    assert max(run.outcome["yield"][0] for run in state.runs.values()) > 8
    late = state.proposals["P30"]
    assert late.origin == "ai"
    assert late.predicted["yield"][1] > 0
    assert f"proposed by TPESampler (optuna {optuna.__version__})" in scene.reasons("P30")
    assert {"acquisition", "nearest", "calibration"} <= {r["kind"] for r in late.reasons}
    assert state.models["main"].summary["calibration"]["of"] > 10


def test_a_function_of_ones_own_sees_the_history_and_travels_as_source(tmp_path):
    mine = generator(halves)
    assert mine.data["speaks"] == "function"
    assert (tmp_path / mine.shipment.file).suffix == ".py"
    scene = Scene(tmp_path, mine)
    for _ in range(5):
        assert scene.turn().trouble == ""
    assert max(run.outcome["yield"][0] for run in scene.state.runs.values()) > 7
    assert "proposed by halves" in scene.reasons("P20")


def test_a_generator_of_the_standard_is_told_each_outcome_once_in_order_with_its_own_names(tmp_path):
    scene = Scene(tmp_path, generator(Recorder, step=0.02))
    for _ in range(3):
        scene.turn()
    scene.campaign.run(1.0, x=0.9, y=0.9)
    scene.campaign.run(None, how="failed", x=0.8, y=0.8)
    scene.turn()
    told = scene.heard.told
    assert [result.get("_id") for result in told] == [*range(1, 13), None]
    assert [result["yield"] for result in told[:12]] == [
        hill({"x": 0.02 * i, "y": 0.5}) for i in range(1, 13)
    ]
    assert told[12] == {"x": 0.9, "y": 0.9, "yield": 1.0}


def test_after_a_restart_it_is_told_everything_again_once_and_goes_on(tmp_path):
    scene = Scene(tmp_path, generator(Recorder))
    for _ in range(3):
        scene.turn()
    before = [{k: v for k, v in result.items() if k != "_id"} for result in scene.heard.told]
    scene.restart()
    thought = scene.turn()
    assert thought.trouble == ""
    # Its first 12 suggestions come again, and are left out.
    assert [draft.parameters["x"] for draft in thought.drafts] == pytest.approx([0.13, 0.14, 0.15, 0.16])
    assert scene.heard.told[:8] == before
    assert len(scene.heard.told) == 12


def test_a_run_that_is_marked_bad_is_taken_from_it_by_making_it_anew(tmp_path):
    scene = Scene(tmp_path, generator(Recorder))
    scene.turn()
    scene.turn()
    first = scene.heard
    scene.campaign.submit(cmd.Mark(actor=HUMAN, run="R2", bad=True, reason="wrong mesh"))
    scene.turn()
    assert scene.heard is not first
    assert [round(100 * result["x"]) for result in scene.heard.told] == [1, 3, 4, 5, 6, 7, 8]


def test_ours_can_be_lent_to_ourselves_and_takes_failures(tmp_path):
    scene = Scene(tmp_path, generator(Generator, seed=4))
    scene.turn()
    scene.campaign.run(None, how="failed", x=0.5, y=0.5)
    scene.turn()
    assert len(scene.heard._failed) == 1
    assert len(scene.heard._data) == 4


def test_whole_numbers_choices_and_constraints_come_through(tmp_path):
    space = Space(
        constraints=["n + z <= 9"],
        n=Int(1, 8),
        z=Float(0.1, 10, log=True),
        gas=Choice(["Ar", "He"]),
    )
    for mind in (generator(optuna.samplers.RandomSampler, seed=2), generator(Generator)):
        scene = Scene(tmp_path, mind, space)
        for _ in range(2):
            thought = scene.turn(lambda point: point["n"] + point["z"])
            assert len(thought.drafts) == 4
            assert thought.trouble == ""
        for run in scene.state.runs.values():
            assert space.validate(run.parameters) == run.parameters


def test_candidates_of_a_pool_are_options(tmp_path):
    pool = Pool({"key": list("abcdefgh"), "f": [float(i) for i in range(8)]}, "key", features=["f"])
    scene = Scene(tmp_path, generator(optuna.samplers.RandomSampler, seed=1), pool)
    for _ in range(2):
        scene.turn(lambda point: float(ord(point["key"])))
    assert {run.parameters["key"] for run in scene.state.runs.values()} == set("abcdefgh")


TWO = [
    {"kind": "maximize", "outcome": "yield", "unit": "g"},
    {"kind": "minimize", "outcome": "cost", "unit": ""},
]


@pytest.mark.parametrize(
    "mind", [generator(optuna.samplers.NSGAIISampler, seed=1), generator(Generator, seed=1)]
)
def test_several_objectives_are_told(tmp_path, mind):
    scene = Scene(tmp_path, mind, objectives=TWO, feasible=["cost <= 5"], batch=2)
    for _ in range(2):
        thought = scene.campaign.think(scene.mind)
        assert thought.trouble == ""
        assert len(thought.drafts) == 2
        for name in list(scene.state.waiting):
            scene.campaign.accept(name)
        for run in scene.campaign.launch():
            point = scene.state.runs[run].parameters
            outcome = {"yield": [hill(point)], "cost": [point["x"]]}
            ended = ev.AttemptEnded(run=run, attempt=1, end="done", outcome=outcome, seconds=1.0)
            scene.campaign.submit(cmd.Report(actor=DRIVER, epoch=1, events=[ended]))
    scene.campaign.think(scene.mind)
    assert len(scene.mind._tasks["main"].policy._conversation.runs) == 4


@pytest.mark.parametrize(
    ("goal", "mind", "words"),
    [
        ({"kind": "target", "value": 1.5}, generator(optuna.samplers.RandomSampler), "goal 'target'"),
        ({"kind": "level_set", "threshold": 0.5}, generator(Recorder), "goal 'level_set'"),
        ({"kind": "target", "value": 1.5}, generator(halves), ""),
        ({"kind": "learn"}, generator(Recorder), ""),
    ],
)
def test_a_goal_that_it_cannot_be_told_is_said_and_filled_in_for(tmp_path, goal, mind, words):
    scene = Scene(tmp_path, mind, objective={"outcome": "yield", "unit": "g", **goal})
    scene.campaign.run(1.0, x=0.5, y=0.1)
    thought = scene.turn()
    assert len(thought.drafts) == 4
    assert words in thought.trouble
    assert bool(words) == bool(thought.trouble)


def test_what_steering_pins_holds_for_it_too(tmp_path):
    scene = Scene(tmp_path, generator(optuna.samplers.RandomSampler, seed=1))
    scene.campaign.submit(cmd.Steer(actor=HUMAN, task="main", change={"pinned": {"y": 0.25}}))
    thought = scene.turn()
    assert {draft.parameters["y"] for draft in thought.drafts} == {0.25}
    assert len(thought.drafts) == 4


def test_what_is_believed_is_ours_and_it_is_not_asked_what_it_would_do(tmp_path):
    scene = Scene(tmp_path, generator(Recorder))
    for _ in range(2):
        scene.turn()
    scene.campaign.think(scene.mind)
    known = evidence(scene.state, "main")
    shown = scene.mind.belief(known, x="x", resolution=11)
    assert shown["mean"].shape == shown["acquisition"].shape == (11,)
    asked = scene.heard.at
    told = next_if_rejected(scene.mind.policy_of(known), known, "P9")
    assert (told["parameters"], scene.heard.at) == (None, asked)
    assert "asking would change it" in told["words"]


def test_a_rejected_suggestion_of_optuna_is_a_trial_that_failed(tmp_path):
    scene = Scene(tmp_path, generator(optuna.samplers.RandomSampler, seed=1), slots=4)
    scene.campaign.think(scene.mind)
    scene.campaign.reject("P1")
    for name in list(scene.state.waiting):
        scene.campaign.accept(name)
    for run in scene.campaign.launch():
        scene.campaign.end(run, 1.0)
    scene.campaign.think(scene.mind)
    study = scene.mind._tasks["main"].policy._conversation.speaker.study
    assert [trial.state.name for trial in study.trials[:4]] == ["FAIL", *["COMPLETE"] * 3]


def test_a_mind_made_by_a_function_travels_with_it(tmp_path):
    def two_at_once(vocs, n):
        return Recorder(vocs, step=n / 100)

    scene = Scene(tmp_path, generator(two_at_once, n=3))
    thought = scene.turn()
    assert [draft.parameters["x"] for draft in thought.drafts] == pytest.approx([0.03, 0.06, 0.09, 0.12])
    assert "proposed by two_at_once" in scene.reasons("P1")


def test_the_first_points_can_be_spread_before_it_is_asked(tmp_path):
    mind = generator(Recorder)
    definition = mind.to_json()
    definition["options"]["initial"] = 6
    scene = Scene(tmp_path, ForeignMind(mind.data, {**mind.options, "initial": 6}, mind.shipment))
    scene.turn()
    thought = scene.turn()
    assert [bool(scene.reasons(f"P{i}")) for i in range(1, 9)] == [False] * 6 + [True] * 2
    assert thought.trouble == ""


# --- objects of this process ------------------------------------------------------------------


def test_an_object_is_used_as_it_is_and_nothing_proposes_when_it_is_gone_until_it_is_brought(tmp_path):
    sampler = optuna.samplers.TPESampler(seed=3)
    scene = Scene(tmp_path, generator(sampler))
    assert scene.turn().trouble == ""
    scene.restart()
    for _ in range(2):
        thought = scene.campaign.think(scene.mind)
        assert "was an object of a process that is gone, so nothing proposes" in thought.trouble
        assert "ai.open(name, policy=" in thought.trouble
        assert not thought.drafts
    mine = scene.campaign.propose(x=0.31, y=0.69)
    scene.campaign.think(scene.mind)
    assert scene.state.proposals[mine].predicted["yield"][1] > 0
    scene.mind.minds["main"] = optuna.samplers.TPESampler(seed=3)
    scene.campaign.reject(mine)
    thought = scene.turn()
    assert len(thought.drafts) == 4
    assert thought.trouble == ""


def test_constants_of_an_object_of_ones_own_come_and_go_with_its_points(tmp_path):
    vocs = VOCS(
        variables={"x": [0, 1], "y": [0, 0.5]}, objectives={"yield": "MAXIMIZE"}, constants={"alpha": 0.5}
    )
    scene = Scene(tmp_path, generator(Recorder(vocs), name="mine"))
    for _ in range(2):
        assert scene.turn().trouble == ""
    assert [result["alpha"] for result in scene.heard.told] == [0.5] * 4
    assert scene.reasons("P5").startswith("proposed by mine")


def test_an_object_that_was_told_of_a_run_that_counts_no_more_says_so(tmp_path):
    scene = Scene(tmp_path, generator(optuna.samplers.RandomSampler(seed=3)))
    scene.turn()
    scene.turn()
    scene.campaign.submit(cmd.Mark(actor=HUMAN, run="R2", bad=True, reason="wrong mesh"))
    scene.turn()
    assert "it was told of R2, which no longer counts" in scene.reasons("P9")


# --- what cannot be a mind --------------------------------------------------------------------


def _needs_more(history, n, weather):
    return []


def _alone(history):
    return []


@pytest.mark.parametrize(
    ("mind", "options", "words"),
    [
        (7, {}, "cannot propose"),
        (int, {}, "cannot propose"),
        (_alone, {}, r"propose\(history, n\)"),
        (_needs_more, {}, "weather is missing"),
        (halves, {"colour": 1}, "colour is unknown"),
        (optuna.samplers.TPESampler, {"seed": object()}, "plain data"),
        (optuna.samplers.TPESampler(), {"seed": 1}, "an object already"),
        (halves, {"patience": 0}, "patience"),
        (halves, {"fallback": "hope"}, "fallback"),
    ],
)
def test_what_cannot_be_a_mind_is_refused_in_words(mind, options, words):
    with pytest.raises(BadDefinition, match=words):
        generator(mind, **options)


def test_it_is_among_the_public_names():
    assert ai.generator is generator
