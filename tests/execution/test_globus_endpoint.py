"""Runs at a Globus Compute endpoint: the real SDK and agent, and between them the emulated service on loopback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.execution.remote import TALKING, At, at, end_of, health, running
from tests.services.loopback import Loopback

__all__ = ["at"]


def test_an_ensemble_is_watched_live_and_each_observation_arrives_once(
    at: At, loopback: Loopback, tmp_path: Path
) -> None:
    stage = at()
    began = time.time()
    go_on = tmp_path / "go on"
    asked_of_all = {"steps": 60, "go_on": str(go_on)}  # from the middle, however slowly the others come up
    refs = [stage.submit(TALKING, {"x": x, **asked_of_all}) for x in range(6)]  # two wait for a worker
    running(stage, *refs[:4], observations=5)
    seen_now = health(stage)
    assert (seen_now.state, seen_now.busy) == ("online", 4)
    assert seen_now.extra["spool"].startswith(str(loopback.agent.scratch / "aisteer" / "campaign-"))
    go_on.touch()
    stage.ended(within=90)
    for x, ref in enumerate(refs):
        seen, end = stage.seen[ref], end_of(stage, ref)
        assert (end["end"], end["outcome"]) == ("done", {"y": [float(x)]})
        assert [line["step"] for line in seen.observations] == list(range(60))
        assert seen.states[0] == "submitted"
        assert seen.gaps == []
    assert "claimed" in {state for ref in refs for state in stage.seen[ref].states}
    asked = [r for r in loopback.service.requests(began) if "/submit" in r["path"]]
    assert len(asked) <= 0.8 * (time.time() - began) + 4


def test_a_run_is_stopped_while_it_runs_and_says_so(at: At) -> None:
    stage = at()
    ref = stage.submit(TALKING, {"x": 1, "steps": 1000})
    running(stage, ref, observations=3)
    control = stage.control(ref, "stop")
    assert end_of(stage, ref)["end"] == "partial"
    assert (control, "sent") in stage.seen[ref].answers


def test_a_run_that_waits_in_the_queue_is_withdrawn_and_never_starts(at: At, tmp_path: Path) -> None:
    stage = at()
    busy = [stage.submit(TALKING, {"x": x, "steps": 1000}) for x in range(4)]
    running(stage, *busy)
    touched = tmp_path / "touched"
    late = stage.submit(TALKING, {"x": 9, "touch": str(touched)})
    stage.until(lambda: "waiting" in stage.seen[late].states)
    stage.control(late, "withdraw")
    assert end_of(stage, late)["end"] == "withdrawn"
    for ref in busy:
        stage.control(ref, "stop")
    stage.ended()
    after = stage.submit(TALKING, {"x": 10, "steps": 1})
    assert end_of(stage, after)["end"] == "done"
    assert not touched.exists()


@pytest.mark.full
@pytest.mark.timeout(400)
def test_while_nobody_looks_observations_come_twice_a_minute_and_ends_at_once(
    at: At, loopback: Loopback
) -> None:
    stage = at()
    ref = stage.submit(TALKING, {"x": 1, "steps": 1800})
    running(stage, ref)
    quiet = time.time() + 65
    stage.until(lambda: time.time() > quiet, within=100)
    stage.until(lambda: time.time() > quiet + 90, within=100)
    asked = [r for r in loopback.service.requests(quiet) if "/submit" in r["path"]]
    assert 2 <= len(asked) <= 4
    short = stage.submit(TALKING, {"x": 2, "steps": 3})
    begun = time.monotonic()
    assert end_of(stage, short)["end"] == "done"
    assert time.monotonic() - begun < 20
    stage.control(ref, "stop")
    assert end_of(stage, ref)["end"] == "partial"


def test_without_a_watcher_runs_are_executed_and_the_board_says_what_waits(at: At) -> None:
    stage = at(watch=None, direct=False)
    ref = stage.submit(TALKING, {"x": 1, "steps": 20})
    stage.until(lambda: "wait for a free worker" in health(stage).detail)
    assert end_of(stage, ref)["end"] == "done"
    assert [line["step"] for line in stage.seen[ref].observations] == list(range(20))


def test_where_the_notebook_sees_the_spool_it_reads_the_files_itself(at: At, loopback: Loopback) -> None:
    stage = at(watch=None)
    began = time.time()
    refs = [stage.submit(TALKING, {"x": x, "steps": 1000}) for x in range(4)]
    running(stage, *refs, observations=5)
    late = stage.submit(TALKING, {"x": 9})
    asked = len(loopback.service.requests(began))
    running(stage, *refs, observations=20)
    for ref in (late, *refs):
        stage.control(ref, "stop")
    assert end_of(stage, late)["end"] == "withdrawn"
    assert {end_of(stage, ref)["end"] for ref in refs} == {"partial"}
    assert "free worker" not in health(stage).detail
    assert len(loopback.service.requests(began)) - asked <= 2
