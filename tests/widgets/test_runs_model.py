from __future__ import annotations

import pytest
from melting import melting
from stories import DRIVER, HUMAN, MELT, Story, shown

from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer_widgets.summary import static_html
from aisteer_widgets.view_models.run_pages import PAGE
from aisteer_widgets.view_models.scene import Wishes
from aisteer_widgets.view_models.screen import parts
from aisteer_widgets.view_models.trace import Trace

POINT = {"temperature": 900.0, "density": 8.0}


def rows_of(story: Story, **wishes) -> dict:
    return {r["id"]: r for r in shown(story, **wishes)["runs"]["rows"]}


def controls_of(story: Story, run: str) -> dict:
    return {c["verb"]: c["blocked"] for c in rows_of(story)[run]["controls"]}


def test_a_running_run_says_since_when_and_what_it_shows():
    story = Story().start()
    run = story.live(POINT, 60)
    story.now += 245
    row = rows_of(story)[run]
    assert (row["words"], row["since"], row["tone"]) == ("running", "4\u00a0min", "run")
    assert 2 <= len(row["spark"]) <= 61
    assert row["latest"].startswith("energy −3.")


def test_observations_stand_with_the_units_that_the_simulation_says():
    task = {**MELT["tasks"]["main"]}
    task["simulation"] = {**task["simulation"], "units": {"energy": "eV", "msd": "Å²", "step": ""}}
    story = Story({**MELT, "tasks": {"main": task}}).start()
    run = story.live(POINT, 60)
    made = shown(story)
    assert (made["runs"]["live_label"], made["runs"]["live_unit"]) == ("Live energy", "eV")
    row = made["runs"]["rows"][0]
    assert "\u00a0eV  msd" in row["latest"]
    assert row["latest"].endswith("\u00a0Å²")
    assert "eV" not in row["latest_short"]  # it stands in the head
    assert (made["live"]["y_label"], made["live"]["x_label"]) == ("energy (eV)", "step")
    assert made["live"]["curves"][0]["latest"].endswith("\u00a0eV")
    chosen = shown(story, quantity="msd")
    assert chosen["runs"]["live_label"] == "Live msd"
    trace = story.traces[run].curves["msd"].last[1]
    assert abs(chosen["runs"]["rows"][0]["spark"][-1][1] - trace) < 1e-4


def test_runs_that_show_different_things_each_say_what():
    story = Story().start()
    story.live(POINT, 20)
    other = story.live({**POINT, "density": 8.2}, 20)
    story.traces[other] = Trace()
    story.traces[other].feed([{"step": 1, "force": 0.5}, {"step": 2, "force": 0.25}])
    made = shown(story)["runs"]
    assert made["live_label"] == "Live"
    assert {r["latest_short"].split()[0] for r in made["rows"]} == {"energy", "force"}


def test_a_run_says_whose_idea_it_was_in_words_and_by_a_shape():
    story = Story().start()
    ai = story.run(POINT, 1.0)
    own = story.run({**POINT, "density": 8.1}, 2.0, origin="human")
    arm = story.run({**POINT, "density": 8.2}, 3.0, task="random arm")
    (edited,) = story.propose({**POINT, "density": 8.3})
    revision = story.state.proposals[edited].revision
    made = story.submit(
        cmd.Edit(actor=HUMAN, proposal=edited, revision=revision, parameters={**POINT, "density": 8.4})
    )
    child = next(e.proposal for e in made if isinstance(e, ev.ProposalMade))
    story.accept(child)
    edit = story.launch(child)
    (grown,) = story.propose(
        {**POINT, "density": 8.5}, origin="human", action="branch", run=ai, restart="R1/1/3"
    )
    story.accept(grown)
    branch = story.launch(grown)
    told = {name: r["origin"] for name, r in rows_of(story).items()}
    assert told == {
        ai: {"mark": "ai", "words": "AI proposal P1"},
        own: {"mark": "human", "words": "own candidate P2"},
        arm: {"mark": "random", "words": "random arm"},
        edit: {"mark": "human", "words": f"edit of {edited}"},
        branch: {"mark": "branch", "words": f"branch of {ai}"},
    }


def test_the_best_run_so_far_is_marked_and_can_be_listed_first():
    story = Story().start()
    low, best = story.run(POINT, 1.0), story.run({**POINT, "density": 8.1}, 2.0)
    arm = story.run({**POINT, "density": 8.2}, 3.0, task="random arm")
    last = story.run({**POINT, "density": 8.3}, 1.5)
    said = {name: r["best"] for name, r in rows_of(story).items()}
    assert said == {
        low: "",
        best: "best so far, the random arm aside",
        arm: "best of the random arm",
        last: "",
    }
    made = shown(story, runs_filter="best")["runs"]
    assert [row["id"] for row in made["rows"]] == [best, last, low]
    assert made["left_out"] == "without the 1 run of the random arm"
    story.propose({**POINT, "density": 8.5}, predicted={"diffusion": [2.0, 0.1]})
    assert "(R2, the random arm aside)" in shown(story)["review"]["cards"][0]["expected"]["best_text"]
    better = story.run({**POINT, "density": 8.4}, 3.5)
    assert rows_of(story)[better]["best"] == "best so far"


def test_a_stop_is_requested_until_the_run_has_answered():
    story = Story().start()
    run = story.live(POINT, 10)
    made = story.submit(cmd.Request(actor=HUMAN, run=run, verb="stop"))
    assert rows_of(story)[run]["words"] == "stop requested…"
    assert "asked already" in controls_of(story, run)["stop"]
    control = made[0].control
    story.append(
        ev.ControlAcknowledged(run=run, control=control, answer="refused", detail="in the last step")
    )
    row = rows_of(story)[run]
    assert (row["words"], row["message"]) == ("running", "stop refused: in the last step")


@pytest.mark.parametrize("verb", ["pause", "branch"])
def test_what_a_simulation_cannot_do_is_disabled_with_the_reason(verb):
    definition = {**MELT, "tasks": {"main": {**MELT["tasks"]["main"]}}}
    definition["tasks"]["main"]["simulation"] = {
        "kind": "function",
        "name": "f",
        "generator": True,
        "checkpoint": False,
        "controls": [],
    }
    story = Story(definition).start()
    run = story.live(POINT, 5)
    assert "no checkpoints" in controls_of(story, run)[verb]
    assert "no new values" in controls_of(story, run)["extend"]
    assert controls_of(story, run)["stop"] == ""


def test_a_run_can_be_branched_once_a_checkpoint_is_there():
    story = Story().start()
    run = story.live(POINT, 5)
    assert controls_of(story, run)["branch"] == f"{run} has written no checkpoint yet."
    story.traces[run].checkpoint = "3"
    assert controls_of(story, run)["branch"] == ""


def test_a_failure_says_why_and_offers_to_try_again():
    row = next(iter(rows_of(melting()).values()))
    assert (row["words"], row["tone"]) == ("failed", "bad")
    assert "try a smaller step" in row["message"]
    assert [c["verb"] for c in row["controls"]] == ["retry"]


def test_a_partial_outcome_is_not_shown_as_a_result():
    story = Story().start()
    run = story.live(POINT, 5)
    story.end(run, 1.2, 0.1, end="partial")
    row = rows_of(story)[run]
    assert (row["words"], row["value"]["text"], row["value"]["note"]) == (
        "stopped, partial",
        "1.20 ± 0.10",
        "partial: not in the fit",
    )
    assert shown(story)["convergence"]["points"] == []


def test_live_runs_and_fresh_failures_stand_before_the_rest():
    story = melting()
    names = list(rows_of(story))
    assert names[:5] == ["R42", "R43", "R44", "R45", "R46"]
    assert len(names) == PAGE
    second = list(rows_of(story, runs_page=1))
    assert not set(names) & set(second)
    everything = [n for page in range(6) for n in rows_of(story, runs_page=page)]
    assert sorted(everything, key=lambda n: int(n[1:])) == [f"R{i}" for i in range(1, 47)]


def test_progress_is_what_the_run_says_and_is_not_guessed_from_its_number_of_steps():
    main = {**MELT["tasks"]["main"]}
    main["simulation"] = {**main["simulation"], "defaults": {"steps": 200}}
    story = Story({**MELT, "tasks": {"main": main}}).start()
    run = story.live(POINT, 101)
    assert rows_of(story)[run]["progress"] is None  # it may equilibrate before its steps begin to count
    story.traces[run].feed([{"step": 102, "energy": -3.4, "progress": 0.25}])
    row = rows_of(story)[run]
    assert row["progress"] == 0.25
    assert "progress" not in row["latest"]
    assert "progress" not in {q["name"] for q in shown(story)["live"]["quantities"]}


def test_a_mark_takes_a_run_out_of_what_is_best():
    story = Story().start()
    good, best = story.run(POINT, 1.0, 0.1), story.run({**POINT, "density": 8.1}, 2.0, 0.1)
    assert shown(story)["convergence"]["sub"].endswith(best)
    story.submit(cmd.Mark(actor=HUMAN, run=best, bad=True, reason="the rig leaked"))
    story.tally.refresh(story.state, [best])
    assert shown(story)["convergence"]["sub"].endswith(good)
    assert rows_of(story)[best]["value"]["note"] == "not in the fit: marked bad by ada, the rig leaked"
    assert controls_of(story, best)["unmark"] == ""
    assert "mark" in controls_of(story, good)
    story.submit(cmd.Mark(actor=HUMAN, run=best, bad=False))
    story.tally.refresh(story.state, [best])
    assert shown(story)["convergence"]["sub"].endswith(best)


def test_the_random_arm_has_a_staircase_of_its_own():
    arms = {a["name"]: a for a in shown(melting())["convergence"]["arms"]}
    assert arms["steered"]["runs"] == 28
    assert arms["random"]["runs"] == 13
    values = [v for _, v in arms["random"]["steps"]]
    assert values == sorted(values)


def test_calibration_is_counted_from_predictions_made_before_the_run():
    story = melting()
    assert shown(story)["belief"]["sub"] == "well calibrated: 24 of 28 outcomes in their 90\u00a0% intervals"


def test_an_old_failure_takes_its_place_among_the_others():
    story = melting()
    story.now += 3600
    assert next(iter(rows_of(story))) == "R43"
    assert list(rows_of(story, runs_filter="failed")) == ["R42"]


def test_a_paused_run_can_be_resumed():
    story = Story().start()
    run = story.live(POINT, 5)
    story.append(ev.AttemptEnded(run=run, attempt=1, end="paused", final=False, checkpoint="2"), DRIVER)
    row = rows_of(story)[run]
    assert row["words"] == "paused"
    assert controls_of(story, run)["resume"] == ""
    assert "1 paused" in shown(story)["runs"]["sub"]


def test_where_nobody_drives_a_live_run_is_as_it_was_last_known_and_its_clock_stands():
    story = Story().start()
    run = story.live(POINT, 5)
    story.traces[run].feed([{"step": 6, "energy": -3.4, "progress": 0.5}])
    story.now += 30
    scene, wishes = story.scene(driver=""), Wishes(task="main")
    (row,) = parts(scene, wishes)["runs"]["rows"]
    assert (row["words"], row["tone"], row["progress"]) == ("last known: running", "dim", None)
    assert row["since"].startswith("since ")
    assert row["since"].endswith("; nobody drives")
    story.now += 300
    later = parts(story.scene(driver=""), wishes)["runs"]
    assert later["rows"][0]["since"] == row["since"]
    assert later["sub"] == "1 live when last heard of"
    assert "1 live when last heard of" in static_html(story.scene(driver=""), wishes)


def test_outcomes_without_an_error_have_the_same_decimals():
    story = Story().start()
    for i, value in enumerate((8.042, 8.73)):
        story.run({**POINT, "density": 8.0 + i / 10}, value)
    assert [row["value"]["text"] for row in rows_of(story).values()] == ["8.730", "8.042"]


def test_rows_that_somebody_points_at_stay_where_they_are_while_others_begin_and_end():
    story = Story().start()
    for i in range(9):
        story.run({**POINT, "density": 8.0 + i / 10}, 1.0 + i)
    held = tuple(rows_of(story))
    begun = story.live({**POINT, "density": 7.5}, 3)
    assert next(iter(rows_of(story))) == begun
    assert tuple(rows_of(story, runs_held=held)) == held
    part = shown(story, runs_held=held)["runs"]
    assert part["elsewhere"] == f"{begun} goes here, too; rows are put in order when the pointer leaves them"
    assert shown(story)["runs"]["elsewhere"] == ""


def test_the_head_says_whose_values_stand_in_a_row_and_each_row_names_its_own():
    story = Story().start()
    story.run(POINT, 1.0)
    part = shown(story)["runs"]
    assert part["point_names"] == "temperature · density"
    (row,) = part["rows"]
    assert row["what"] == "900\u00a0K · 8\u00a0g/cm³"
    assert row["point"] == "temperature 900\u00a0K, density 8\u00a0g/cm³"
    assert shown(story)["ledger"]["point_names"] == "temperature · density"
