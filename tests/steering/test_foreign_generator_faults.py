"""A mind that raises, hangs or talks nonsense: the campaign goes on, another policy fills in, and says so."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from gest_api.generator import Generator as Standard

from aisteer.problem.parameters import Choice, Float, Int
from aisteer.problem.space import Space
from aisteer.steering.foreign_generators import generator
from tests.steering.test_foreign_generators import Scene, hill

GOOD = {"x": 0.25, "y": 0.5}


class Talker:
    """Says what it is given to say, one list of points for each question, and then walks on."""

    def __init__(self, *answers):
        self.answers, self.step, self.told, self.asked = list(answers), 0, [], 0

    def suggest(self, n):
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            return answer(n)
        if answer is not None:
            return answer
        self.step += n
        return [{"x": i / 100, "y": 0.5} for i in range(self.step - n, self.step)]

    def ingest(self, results):
        self.told += results


def spoken_to(folder: Path, *answers, **more) -> tuple[Scene, Talker]:
    """A campaign that has four good outcomes of others, and a mind that says ``answers``."""
    talker = Talker(*answers)
    scene = Scene(folder, generator(talker, **more))
    for i in range(4):
        scene.campaign.run(hill({"x": i / 4, "y": 0.9}), x=i / 4, y=0.9)
    return scene, talker


NAN = math.nan
NONSENSE = {
    "a wrong name": [{"x": 0.5, "z": 0.5}],
    "a name too many": [{**GOOD, "z": 1}],
    "a name too few": [{"x": 0.5}],
    "out of bounds": [{"x": 1.5, "y": 0.5}],
    "not a number": [{"x": NAN, "y": 0.5}],
    "infinite": [{"x": 0.5, "y": math.inf}],
    "text": [{"x": "a lot", "y": 0.5}],
    "nothing": [{"x": None, "y": 0.5}],
    "a list in a point": [{"x": [0.1, 0.2], "y": 0.5}],
    "no dict": [3.0, "x"],
    "a dict of lists": {"x": [0.1], "y": [0.2]},
    "a number": 7,
}


@pytest.mark.full
@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_not_proposed_and_named_and_the_batch_is_whole(tmp_path, said):
    scene, _ = spoken_to(tmp_path, said)
    thought = scene.turn()
    assert len(thought.drafts) == 4
    for draft in thought.drafts:
        assert 0 <= draft.parameters["x"] <= 1
        assert 0 <= draft.parameters["y"] <= 1
    assert "Talker" in thought.trouble
    assert "of 'bayesian' instead; runs go on, and nothing was lost" in thought.trouble
    assert "campaign.redefine(policy=" in thought.trouble
    assert thought.drafts[-1].reasons[0]["instead_of"] == "Talker"
    assert "of 'bayesian', as Talker" in thought.drafts[-1].reasons[0]["words"]
    assert scene.turn().trouble == ""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "gave 0 of 4 new points"),
        ([GOOD], "gave 1 of 4 new points"),
        ([GOOD] * 4, r"gave 1 of 4 new points \(\d+ proposed before\)"),
        ([{"x": 0.25, "y": 0.9}] * 4, r"gave 0 of 4 new points \(\d+ proposed before\)"),
    ],
)
def test_too_few_and_repeated_points_are_filled_up(tmp_path, said, words):
    scene, _ = spoken_to(tmp_path, *[said] * 100)
    thought = scene.turn()
    assert len({(d.parameters["x"], d.parameters["y"]) for d in thought.drafts}) == 4
    assert thought.drafts[0].parameters == GOOD or GOOD not in said
    assert re.search(words, thought.trouble)


def test_more_points_than_were_asked_for_are_the_best_of_them(tmp_path):
    scene, _ = spoken_to(tmp_path, [{"x": i / 9, "y": 0.1} for i in range(9)])
    thought = scene.turn()
    assert [draft.parameters["x"] for draft in thought.drafts] == [0, 1 / 9, 2 / 9, 3 / 9]
    assert thought.trouble == ""


def test_good_points_beside_a_bad_one_are_kept(tmp_path):
    scene, _ = spoken_to(tmp_path, [GOOD, {"x": NAN, "y": 0.5}, {"x": 0.5, "y": 0.5}])
    thought = scene.turn()
    assert [d.parameters for d in thought.drafts[:2]] == [GOOD, {"x": 0.5, "y": 0.5}]
    assert ["instead_of" in d.reasons[0] for d in thought.drafts] == [False, False, True, True]
    assert "2 of 4 proposals are of 'bayesian'" in thought.trouble


def test_one_that_raises_is_replaced_until_it_no_longer_does(tmp_path):
    scene, talker = spoken_to(tmp_path, *[RuntimeError("matrix is singular")] * 4)
    for _ in range(2):
        thought = scene.campaign.think(scene.mind)
        assert "Talker raised RuntimeError: matrix is singular." in thought.trouble
        assert len(thought.drafts) == 4
        # It stays said for as long as it is so, also where nothing is to be proposed.
        assert scene.campaign.think(scene.mind).trouble == thought.trouble
        for name in list(scene.state.waiting):
            scene.campaign.accept(name)
        for run in scene.campaign.launch():
            scene.campaign.end(run, 1.0)
    assert scene.turn().trouble == ""
    assert len(talker.told) == 12


def test_one_that_wants_to_exit_or_finds_no_end_does_neither(tmp_path):
    leaves, endless = SystemExit(3), ({"x": i % 7 / 7, "y": 0.1} for i in itertools.count())
    scene, _ = spoken_to(tmp_path, leaves, endless)
    assert "Talker raised RuntimeError: SystemExit: 3" in scene.turn().trouble
    thought = scene.turn()
    assert thought.trouble == ""
    assert [draft.parameters["x"] for draft in thought.drafts] == [0, 1 / 7, 2 / 7, 3 / 7]


def test_one_that_raises_when_it_is_told_something_is_not_told_it_twice(tmp_path):
    class Deaf(Talker):
        def ingest(self, results):
            self.told += results
            if len(self.told) <= 4:
                raise ValueError("too little data")

    talker = Deaf()
    scene = Scene(tmp_path, generator(talker))
    for i in range(4):
        scene.campaign.run(1.0 + i, x=i / 4, y=0.9)
    assert "too little data" in scene.turn().trouble
    assert scene.turn().trouble == ""
    assert [result["yield"] for result in talker.told[:4]] == [1.0, 2.0, 3.0, 4.0]
    assert len(talker.told) == 8


def test_one_that_needs_data_to_begin_is_no_trouble_before_there_is_any(tmp_path):
    talker = Talker(*[RuntimeError("no data contained in generator")] * 2)
    scene = Scene(tmp_path, generator(talker))
    thought = scene.turn()
    assert thought.trouble == ""
    assert (
        "proposes nothing before the first outcome (raised RuntimeError"
        in thought.drafts[0].reasons[0]["words"]
    )
    assert scene.turn().trouble == ""
    assert scene.reasons("P5").startswith("proposed by Talker")


def test_one_that_hangs_is_left_alone_and_what_it_says_at_last_is_used(tmp_path):
    wake = threading.Event()
    answered = threading.Event()

    def sleeps(n):
        wake.wait(60)
        answered.set()
        return [{"x": (i + 1) / 7, "y": 0.3} for i in range(n)]

    scene, talker = spoken_to(tmp_path, sleeps, patience=0.2)
    for _ in range(2):
        thought = scene.turn()
        assert "Talker has not answered for " in thought.trouble
        assert len(thought.drafts) == 4
    assert talker.asked == 1
    assert "Talker has not answered" in scene.campaign.think(scene.mind).trouble
    for name in list(scene.state.waiting):
        scene.campaign.reject(name)
    wake.set()
    assert answered.wait(60)
    for thread in threading.enumerate():
        if thread.name == "aisteer-generator":
            thread.join(60)
    thought = scene.turn()
    assert thought.trouble == ""
    assert [draft.parameters["y"] for draft in thought.drafts] == [0.3] * 4
    scene.turn()
    assert len(talker.told) == len([r for r in scene.state.runs.values() if r.end == "done"]) - 4


def test_one_that_hangs_does_not_hold_up_the_end_of_the_process():
    code = """
import threading
from aisteer.steering.foreign_generators_patience import NoAnswer, Patience
patience = Patience(0.1)
try:
    patience.ask(threading.Event().wait)
except NoAnswer as late:
    print(late)
"""
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert told.stdout.startswith("has not answered for 0 s")


def test_one_that_gives_a_point_at_a_time_is_asked_for_one_and_waited_for(tmp_path):
    class Simplex:
        """Gives one point, and no other before it has its result."""

        def __init__(self):
            self.open, self.step, self.told = False, 0, []

        def suggest(self, n):
            if n > 1:
                raise ValueError("this generator gives one point at a time")
            if self.open:
                raise RuntimeError("the last point has no result yet")
            self.open, self.step = True, self.step + 1
            return [{"x": self.step / 50, "y": 0.5}]

        def ingest(self, results):
            self.told += results
            self.open = False

    simplex = Simplex()
    scene = Scene(tmp_path, generator(simplex), slots=4)
    for i in range(1, 4):
        thought = scene.campaign.think(scene.mind)
        assert [draft.parameters["x"] for draft in thought.drafts] == [i / 50]
        scene.campaign.accept(f"P{i}")
        (run,) = scene.campaign.launch()
        waiting = scene.campaign.think(scene.mind)
        assert (list(waiting.drafts), waiting.trouble) == ([], "")
        scene.campaign.end(run, float(i))
    assert len(simplex.told) == 2


def test_one_that_waits_for_a_point_that_was_refused_is_made_anew(tmp_path):
    class Stubborn(Standard):
        """Gives the same point until it is told its result."""

        def __init__(self, vocs):
            self.step = 1

        def _validate_vocs(self, vocs):
            pass

        def suggest(self, n):
            if n > 1:
                raise ValueError("one point at a time")
            return [{"x": self.step / 50, "y": 0.5}]

        def ingest(self, results):
            self.step += len(results)

    scene = Scene(tmp_path, generator(Stubborn), slots=4)
    scene.turn()
    scene.campaign.think(scene.mind)
    assert scene.state.proposals["P2"].parameters["x"] == 2 / 50
    scene.campaign.reject("P2")
    thought = scene.turn()
    assert "gave 0 of 4 new points" in thought.trouble
    assert len(thought.drafts) == 4
    assert scene.turn().trouble == ""
    assert scene.reasons("P7").startswith("proposed by Stubborn")


def test_what_violates_a_constraint_is_left_out_and_counted(tmp_path):
    space = Space(constraints=["x + y <= 1"], x=Float(0, 1), y=Float(0, 1))
    talker = Talker(
        [{"x": 0.9, "y": 0.9}, {"x": 0.1, "y": 0.2}], [{"x": 0.8, "y": 0.8}, {"x": 0.2, "y": 0.2}], [], []
    )
    scene = Scene(tmp_path, generator(talker), space)
    scene.campaign.run(1.0, x=0.5, y=0.1)
    thought = scene.turn(lambda point: 1.0)
    assert len(thought.drafts) == 4
    assert all(space.feasible(draft.parameters) for draft in thought.drafts)
    assert "2 violates x + y <= 1" in thought.trouble


def test_whole_numbers_that_come_as_floats_and_bounds_missed_by_a_rounding_are_meant(tmp_path):
    space = Space(n=Int(1, 8), x=Float(0, 1), gas=Choice(["Ar", "He"]))
    talker = Talker([{"n": 3.0, "x": 1.0 + 1e-12, "gas": "He"}, {"n": 4, "x": -1e-13, "gas": "Ar"}])
    scene = Scene(tmp_path, generator(talker), space, batch=2)
    thought = scene.turn(lambda point: 1.0)
    assert thought.trouble == ""
    assert [d.parameters for d in thought.drafts] == [
        {"n": 3, "x": 1.0, "gas": "He"},
        {"n": 4, "x": 0.0, "gas": "Ar"},
    ]


def test_a_mind_that_cannot_be_made_is_a_fault_and_one_whose_package_is_gone_is_missed(tmp_path):
    def made(vocs):
        raise OSError("no licence for the solver")

    scene = Scene(tmp_path, generator(made))
    scene.campaign.run(1.0, x=0.5, y=0.1)
    assert "made raised OSError: no licence for the solver" in scene.turn().trouble
    gone = generator(made)
    gone.data.clear()
    gone.data.update(name="Genius", speaks="gest-api", package="genius", version="2.1", options={})
    gone.data.update(mode="installed", reference="genius.generators:Genius", module="genius.generators")
    scene = Scene(tmp_path, gone)
    thought = scene.turn()
    assert not thought.drafts
    assert "Genius (genius 2.1) cannot be loaded here, so nothing proposes now" in thought.trouble
    assert "pip install 'genius==2.1'" in thought.trouble


def test_code_that_was_changed_on_the_disk_is_not_run(tmp_path):
    def march(history, n):
        return [{"x": i / n, "y": 0.5} for i in range(n)]

    mind = generator(march)
    scene = Scene(tmp_path, mind)
    (tmp_path / mind.shipment.file).write_text("def march(history, n): raise SystemExit\n")
    thought = scene.turn()
    assert not thought.drafts
    assert "march cannot be loaded here" in thought.trouble
    assert "not what its hash says" in thought.trouble


def test_the_fallback_can_be_random_and_is_where_torch_is_missing(tmp_path, monkeypatch):
    broken = [RuntimeError("broken")] * 2
    scene, _ = spoken_to(tmp_path, *broken, fallback="random")
    thought = scene.turn()
    assert "of 'random' instead" in thought.trouble
    assert {draft.origin for draft in thought.drafts} == {"random"}
    monkeypatch.setitem(sys.modules, "torch", None)
    scene, _ = spoken_to(tmp_path, None, *broken)
    thought = scene.turn()
    assert thought.drafts[0].predicted == {}
    assert "pip install 'aisteer[steer]'" in str(thought.drafts[0].reasons)
    assert "of 'random' instead" in scene.turn().trouble
