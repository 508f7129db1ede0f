"""The views of the surrogate, made of a told story: what is drawn, and what is said of it."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from melting import melting
from stories import MELT, MOLECULES, Story, shown

from aisteer.journal import events as ev
from aisteer.steering.widening import in_words
from aisteer_widgets.view_models.asked import Beliefs, Question
from aisteer_widgets.view_models.belief import _sub, belief
from aisteer_widgets.view_models.front import unbeaten
from aisteer_widgets.view_models.packed import unpack
from aisteer_widgets.view_models.questions import axes_of, views_of
from aisteer_widgets.view_models.scene import Wishes
from aisteer_widgets.view_models.tasks import task_of

TUBE = copy.deepcopy(MELT)
TUBE["tasks"]["main"]["space"]["parameters"] |= {
    "pressure": {"kind": "float", "low": 1e-3, "high": 10.0, "unit": "bar", "log": True},
    "metal": {"kind": "choice", "options": ["Cu", "Ni", "Ag"], "ordered": False},
    "cells": {"kind": "int", "low": 2, "high": 8},
}

TWO = copy.deepcopy(MELT)
TWO["tasks"]["main"]["objectives"] = [
    {"kind": "maximize", "outcome": "diffusion", "unit": "u", "reference": 0.5},
    {"kind": "minimize", "outcome": "cost", "unit": "€"},
]


def fitted(definition=MELT, **summary):
    story = Story(copy.deepcopy(definition)).start()
    story.append(ev.SurrogateFitted(task="main", model=1, runs=5, summary=summary))
    return story


def seen(story, view, answer, names=(), **wishes):
    beliefs = Beliefs({Question("main", view, names): {"model": 1, **answer}})
    return belief(story.scene(beliefs=beliefs), Wishes(task="main", belief=view, **wishes))


def test_a_map_may_be_of_any_two_parameters_and_the_rest_is_held_by_what_suits_it():
    story = fitted(TUBE)
    names = ("metal", "pressure")
    answer = {
        "x": np.array(["Cu", "Ni", "Ag"]),
        "y": np.geomspace(1e-3, 10, 5),
        "mean": np.arange(15.0).reshape(5, 3),
        "std": np.ones((5, 3)),
        "at": {"temperature": 900.0, "density": 8.0, "cells": 4},
        "names": list(names),
        "best_run": "R7",
    }
    part = seen(story, "map", answer, names, belief_x="metal", belief_y="pressure")
    chart = part["chart"]
    assert chart["x"]["ticks"] == ["Cu", "Ni", "Ag"]
    assert chart["y"]["log"]
    assert chart["mean"]["shape"] == [5, 3]
    assert [(f["name"], f["kind"], f["value"]) for f in part["held"]["fields"]] == [
        ("temperature", "float", 900.0),
        ("density", "float", 8.0),
        ("cells", "int", 4),
    ]
    assert part["held"]["words"] == "as in R7, the best run"
    assert len(part["axes"]["options"]) == 5


def test_an_axis_that_is_chosen_twice_gives_way():
    task = task_of(fitted(TUBE).state, "main")
    assert axes_of(task, Wishes(belief_x="density", belief_y="density")) == ("density", "temperature")
    assert axes_of(task, Wishes(belief_x="none")) == ("temperature", "density")


def test_marks_say_whose_they_are_and_how_far_from_the_picture():
    story = melting(12)
    chart = shown(story)["belief"]["chart"]
    letters = chart["marks"]["letters"]
    assert {"a", "f", "A", "H"} <= set(letters)
    assert letters.count("f") == len(story.state.live)
    assert len(unpack(chart["marks"]["x"])) == len(letters) == len(chart["marks"]["names"])


def test_beyond_a_constraint_there_is_no_value_and_the_reason_is_said():
    definition = copy.deepcopy(MELT)
    definition["tasks"]["main"]["space"]["constraints"] = ["temperature + 500*density <= 5000"]
    edge = np.array([[1.0, math.nan], [0.5, 2.0]])
    grid = {"x": np.array([300.0, 2000.0]), "y": np.array([7.0, 9.0]), "mean": edge, "std": edge}
    names = ("temperature", "density")
    chart = seen(fitted(definition), "map", {**grid, "names": names, "at": {}}, names)["chart"]
    assert np.isnan(unpack(chart["mean"])[0, 1])
    assert "outside temperature + 500*density <= 5000; nothing is predicted there" in chart["blank"]


def test_a_slice_says_how_far_each_run_is_from_it_and_bands_are_of_95_per_cent():
    story = fitted()
    story.run({"temperature": 900.0, "density": 8.0}, 1.0)
    story.run({"temperature": 900.0, "density": 9.0}, 2.0, 0.1)
    line = {"mean": np.array([1.0, 2.0]), "std": np.array([0.5, 0.1])}
    along = [
        {"x": np.array([300.0, 2000.0]), **line, "names": ["temperature"]},
        {"x": np.array([7.0, 9.0]), **line, "names": ["density"]},
    ]
    point = {"temperature": 900.0, "density": 8.02}
    chart = seen(story, "slices", {"slices": along, "at": point, "best_run": "R1"})["chart"]
    first = chart["panels"][0]
    assert unpack(first["off"]).tolist() == pytest.approx([0.01, 0.49])
    assert unpack(first["low"]).tolist() == pytest.approx([1.0 - 1.96 * 0.5, 2.0 - 1.96 * 0.1], abs=1e-4)
    assert unpack(chart["runs"]["e"]).tolist() == pytest.approx([0.0, 0.196], abs=1e-3)
    assert [p["here"] for p in chart["panels"]] == [900.0, 8.02]


def test_where_the_ai_was_told_to_keep_out_is_on_the_map_as_far_as_the_picture_cuts_it():
    story = fitted(TUBE)
    names = ("temperature", "density")
    boxes = [{"temperature": [300.0, 500.0]}, {"density": [8.0, 9.0], "metal": ["Ag"]}]
    story.state.steering["main"] = {"forbidden": boxes, "pinned": {"density": 7.5}}
    grid = {
        "x": np.array([300.0, 2000.0]),
        "y": np.array([7.0, 9.0]),
        "mean": np.ones((2, 2)),
        "std": np.ones((2, 2)),
    }
    at = {"pressure": 1.0, "metal": "Cu", "cells": 3}
    chart = seen(story, "map", {**grid, "names": names, "at": at}, names)["chart"]
    assert chart["regions"] == [
        {"kind": "forbidden", "x": [300.0, 500.0], "y": [7.0, 9.0]},
        {"kind": "pinned", "x": [300.0, 2000.0], "y": [7.5, 7.5]},
    ]


def test_of_several_outcomes_the_picture_is_of_the_one_that_is_chosen():
    story = fitted(TWO)
    names = ("temperature", "density")
    grid = {"x": np.array([300.0, 2000.0]), "y": np.array([7.0, 9.0]), "names": names, "at": {}}
    both = {
        "mean": np.ones((2, 2)),
        "std": np.ones((2, 2)),
        "mean of cost": 5 * np.ones((2, 2)),
        "std of cost": np.ones((2, 2)),
    }
    part = seen(story, "map", grid | both, names, belief_outcome="cost")
    assert part["outcomes"]["chosen"] == "cost"
    assert part["chart"]["z_label"] == "cost (€)"
    assert unpack(part["chart"]["mean"]).max() == 5
    assert seen(story, "map", grid | both, names)["chart"]["z_label"] == "diffusion (u)"


def drive(**more):
    known = {
        "names": ["temperature", "density"],
        "first": [0.1, 0.6],
        "total": [0.2, 0.7],
        "scales": [1.4, 0.25],
        "spread": 2.0,
        "doubt": 0.5,
        "predictions": 4096,
        "constrained": False,
    }
    ends = {f"{w}_{e}": known[w] for w in ("first", "total") for e in ("low", "high")}
    return known | ends | more


def test_what_drives_it_is_told_with_its_length_scale_the_strongest_first():
    part = seen(fitted(), "drives", drive())
    rows = part["chart"]["rows"]
    assert [r["label"] for r in rows] == ["density", "temperature"]
    assert rows[0]["text"] == "60\u00a0% alone, 70\u00a0% in all"
    assert rows[0]["scale"] == "length scale 0.5\u00a0g/cm³"
    assert rows[1]["scale"] == "length scale 1.4 × its range"
    assert "do not trust" not in part["chart"]["words"]
    assert "do not trust these shares" in seen(fitted(), "drives", drive(doubt=3.0))["chart"]["words"]


def test_predictions_are_tested_twice_before_the_run_and_from_the_others_without_a_refit():
    story = fitted(noise=0.05)
    run = story.run({"temperature": 900.0, "density": 8.0}, 1.0, 0.1, predicted={"diffusion": [1.1, 0.2]})
    answer = {
        "runs": [run],
        "measured": [1.0],
        "error": [0.1],
        "loo_mean": [3.0],
        "loo_std": [0.4],
        "skill": None,
    }
    before, others = seen(story, "tested", answer)["chart"]["panels"]
    assert unpack(before["marks"]["ex"])[0] == pytest.approx(1.96 * math.hypot(0.2, 0.1), abs=1e-3)
    assert unpack(before["marks"]["inside"])[0] == 1
    assert unpack(others["marks"]["inside"])[0] == 0
    assert "not refitted" in others["note"]
    from_members = {**answer, "held_out": "each from members that were not trained on it"}
    others = seen(story, "tested", from_members)["chart"]["panels"][1]
    assert "leave-one-out: each from members that were not trained on it." in others["note"]
    assert "refitted" not in others["note"]


def test_calibration_is_a_curve_with_its_interval_and_moves_with_the_last_outcomes():
    story = fitted()
    for i in range(60):
        off = 0.1 if i < 40 else 1.0
        guess = {"diffusion": [1.0 + off * (-1) ** i, 0.2]}
        origin = "random" if i % 4 == 0 else "ai"
        story.run({"temperature": 300.0 + i, "density": 8.0}, 1.0, predicted=guess, origin=origin)
    chart = seen(story, "calibration", {})["chart"]
    place = chart["levels"].index(0.9)
    assert chart["share"][place] == pytest.approx(40 / 60)
    assert chart["low"][place] < 40 / 60 < chart["high"][place]
    assert chart["rolling"]["share"][-1] == 0
    assert chart["rolling"]["share"][0] == 1
    assert "they drift" in chart["words"]
    groups = {group["term"].split(" (")[0]: group for group in chart["groups"]}
    assert list(groups) == ["chosen by the AI", "drawn at random"]
    assert groups["drawn at random"]["text"] == "10 of 15"
    assert groups["chosen by the AI"]["claimed"] == 0.9
    assert groups["chosen by the AI"]["more"].endswith("; over-confident")
    # 0.2 predicted: 0.1 off in 40 of 60, 1.0 off in 20.
    expected = np.mean([0.5 * z**2 for z in [0.5] * 40 + [5.0] * 20]) + np.log(0.2) + 0.5 * np.log(2 * np.pi)
    assert f"density {expected:.3g}" in chart["density"].replace("−", "-")


def test_when_the_surrogate_should_not_be_trusted_the_panel_says_so():
    known = {
        "inside": 4,
        "of": 12,
        "low": 0.1,
        "high": 0.6,
        "trusted": False,
        "words": "over-confident: do not trust it",
    }
    assert "do not trust it" in seen(fitted(calibration=known), "drives", drive())["warning"]
    assert not seen(fitted(calibration=known | {"trusted": True}), "drives", drive())["warning"]
    other = {"diffusion": {"calibration": known | {"trusted": True}}, "cost": {"calibration": known}}
    warning = seen(fitted(TWO, outcomes=other), "drives", drive())["warning"]
    assert warning == "cost: over-confident: do not trust it"


def test_of_several_objectives_the_unbeaten_runs_are_the_front():
    story = Story(TWO).start()
    for i, (d, c) in enumerate([(1.0, 5.0), (2.0, 6.0), (1.5, 7.0), (3.0, 9.0)]):
        run = story.run({"temperature": 400.0 + i, "density": 8.0}, d)
        story.state.runs[run].outcome["cost"] = (c, 0.2)
    chart = belief(story.scene(), Wishes(task="main", belief="front"))["chart"]
    assert unpack(chart["marks"]["top"]).tolist() == [1, 1, 0, 1]
    assert chart["front"] == [[1.0, 5.0], [2.0, 6.0], [3.0, 9.0]]
    assert chart["reference"] == [0.5, None]
    assert "3 runs of 4 are beaten by no other" in chart["words"]


def test_of_several_objectives_no_run_is_the_best_and_the_head_names_them_all():
    story = Story(TWO).start()
    story.run({"temperature": 400.0, "density": 8.0}, 2.0)
    made = shown(story)
    assert made["header"]["objective"] == "maximise diffusion (u) and minimise cost (€)"
    assert story.tally.best("main") is None
    assert made["convergence"]["title"] == "Hypervolume so far"
    assert made["convergence"]["points"] == []


def test_of_several_objectives_the_hypervolume_grows_and_says_from_where_it_is_counted():
    story = Story(TWO).start()
    for i, (d, c) in enumerate([(1.0, 5.0), (0.9, 7.0), (2.0, 6.0), (3.0, 9.0)]):
        run = story.run({"temperature": 400.0 + i, "density": 8.0}, d)
        story.state.runs[run].outcome["cost"] = (c, 0.2)
    made = shown(story)["convergence"]
    (arm,) = made["arms"]
    grown = [y for _, y in arm["steps"]]
    assert grown == sorted(grown)
    assert [row["besides"] for row in shown(story)["runs"]["rows"]][-1] == ["cost 5.00 ± 0.20\u00a0€"]
    assert [p["run"] for p in made["points"]] == ["R1", "R3", "R4"]
    # From 0.5 and 9.4, the worst of the front and a tenth of its extent: three steps of a staircase.
    assert grown[-1] == pytest.approx(0.5 * 4.4 + 1.0 * 3.4 + 1.0 * 0.4)
    words = made["note"].replace("\u00a0", " ")
    assert words == "counted from the reference diffusion 0.5 u, cost 9.4 € (from the runs)"
    assert made["sub"] == "6; 3 runs on the front"


def test_what_does_not_meet_what_is_asked_of_outcomes_is_neither_best_nor_on_the_front():
    definition = copy.deepcopy(MELT)
    definition["tasks"]["main"]["feasible"] = ["life >= 3"]
    story = Story(definition).start()
    for value, life in ((2.0, 5.0), (9.0, 1.0), (3.0, None)):
        (name,) = story.propose({"temperature": 400.0 + value, "density": 8.0})
        story.accept(name)
        run = story.launch(name)
        outcome = {"diffusion": [value, 0.1]} | ({} if life is None else {"life": [life, 0.0]})
        story.append(ev.AttemptEnded(run=run, attempt=1, end="done", outcome=outcome))
    made = shown(story)
    assert story.tally.best("main").value == 2.0
    assert [p["out"] for p in made["convergence"]["points"]] == ["", "not feasible", "not feasible"]
    besides = {row["id"]: row["besides"] for row in made["runs"]["rows"]}
    assert besides == {"R1": [], "R2": ["not feasible"], "R3": ["not feasible"]}
    assert made["header"]["objective"].endswith("feasible when life >= 3")
    chance = {"kind": "feasibility", "constraints": [{"text": "life >= 3", "probability": 0.2}]}
    story.propose({"temperature": 900.0, "density": 8.0}, reasons=[[chance]])
    (card,) = shown(story)["review"]["cards"]
    assert card["risks"] == [{"term": "Feasible", "text": "life >= 3: 20\u00a0% sure", "bad": True}]


def test_equal_runs_do_not_beat_each_other():
    assert unbeaten(np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 2.0], [0.0, 1.0]])).tolist() == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("objective", "best", "words"),
    [
        ({"kind": "target", "value": 1.5}, "R2", "bring diffusion (u) to 1.5 u"),
        ({"kind": "level_set", "threshold": 0.5}, None, "find where diffusion (u) crosses 0.5 u"),
        ({"kind": "learn"}, None, "learn diffusion (u)"),
    ],
)
def test_goals_without_a_best_have_none_and_a_target_has_the_nearest(objective, best, words):
    definition = copy.deepcopy(MELT)
    definition["tasks"]["main"]["objective"] = {"outcome": "diffusion", "unit": "u", **objective}
    story = Story(definition).start()
    for value in (0.2, 1.4, 2.0):
        story.run({"temperature": 400.0 + value, "density": 8.0}, value)
    made = shown(story)
    found = story.tally.best("main")
    assert (found.run if found else None) == best
    assert task_of(story.state, "main").objective.words.replace("\u00a0", " ") == words
    steered = [a for a in made["convergence"]["arms"] if a["name"] == "steered"]
    assert bool(steered) == (best is not None)
    assert made["convergence"]["title"] == ("Best so far" if best else "Outcomes so far")


def test_goals_that_are_redefined_count_anew_who_is_the_best():
    story = Story().start()
    for value in (1.0, 3.0):
        story.run({"temperature": 400.0 + value, "density": 8.0}, value)
    assert shown(story)["convergence"]["sub"].endswith("R2")
    changed = copy.deepcopy(story.state.definition)
    changed["tasks"]["main"]["objective"]["kind"] = "minimize"
    story.state.definition = changed
    story.run({"temperature": 500.0, "density": 8.0}, 2.0)
    assert shown(story)["convergence"]["sub"].endswith("R1")


def test_a_pool_has_no_map_and_its_candidates_are_ranked():
    story = Story(MOLECULES).start()
    story.append(ev.SurrogateFitted(task="main", model=1, runs=5))
    views = [v["name"] for v in views_of(story.state, task_of(story.state, "main"), tested=True)]
    assert views == ["pool", "tested", "calibration"]
    answer = {"keys": ["C", "CC", "CCC"], "mean": np.array([3.0, 1.0, 2.0]), "std": np.array([0.1, 0.2, 0.3])}
    story.run({"smiles": "CCC"}, 2.1)
    chart = seen(story, "pool", answer)["chart"]
    assert unpack(chart["mean"]).tolist() == [1.0, 2.0, 3.0]
    assert unpack(chart["runs"]["x"]).tolist() == [2.0]


def test_what_has_drifted_is_not_called_well_calibrated():
    counted = {"inside": 48, "of": 49, "low": 0.89, "high": 1.0}
    assert _sub((0, 0), {"calibration": counted}).startswith("well calibrated: 48 of 49")
    drifted = {**counted, "drift": {"found": True}}
    assert _sub((0, 0), {"calibration": drifted}).startswith("no longer as calibrated as before: 48 of 49")


def test_what_is_said_of_calibration_names_the_outcome_and_calls_a_correction_no_doubt():
    held = {"inside": 48, "of": 50, "low": 0.87, "high": 0.99, "trusted": True, "words": "they hold"}
    drifted = {"inside": 44, "of": 50, "low": 0.76, "high": 0.94, "trusted": False, "drift": {"found": True}}
    said = in_words(1.42)
    outcomes = {
        "diffusion": {"calibration": held, "widened": 1.0, "words": ""},
        "cost": {"calibration": {**drifted, "words": "drifted"}, "widened": 1.42, "words": said},
    }
    part = belief(fitted(TWO, **outcomes["diffusion"], outcomes=outcomes).scene(), Wishes(task="main"))
    assert part["sub"] == (
        "diffusion well calibrated: 48 of the last 50 outcomes in their 90\u00a0% intervals; "
        "cost no longer as calibrated as before: 44 of the last 50 outcomes in their 90\u00a0% intervals"
    )
    assert part["warning"] == "cost: drifted"
    assert part["note"] == f"cost: {said}"
    assert "1.42 times as wide as the surrogate's own, which would have been too narrow" in said


def test_intervals_that_hold_at_90_per_cent_and_are_far_off_at_50_are_not_called_calibrated():
    story = fitted()
    for i in range(60):
        point = {"temperature": 900.0 + i, "density": 8.0}
        story.run(point, 0.3 if i % 10 else 1.8, predicted={"diffusion": [0.0, 1.0]})
    part = belief(story.scene(), Wishes(task="main", belief="calibration"))
    assert part["sub"] == (
        "too cautious: 54 of 60 outcomes in their 90\u00a0% intervals, 54 in their 50\u00a0% ones"
    )
    assert "50\u00a0% ones 54: wider than they need be" in part["chart"]["words"]
    assert part["chart"]["recent"] is None


def test_of_a_long_record_the_latest_outcomes_have_a_curve_of_their_own():
    story = fitted()
    for i in range(100):
        point = {"temperature": 900.0 + i, "density": 8.0}
        story.run(point, 0.1 if i < 50 else 3.0, predicted={"diffusion": [0.0, 1.0]})
    chart = belief(story.scene(), Wishes(task="main", belief="calibration"))["chart"]
    assert chart["recent"] == {"n": 50, "share": [0.0] * len(chart["levels"])}
