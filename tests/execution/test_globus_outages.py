"""Remote runs while services are down, blocks are taken away, the disk there is full, and whoever drives is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import aisteer as ai
from aisteer.execution.globus import watcher
from tests.execution.driven import fill, finished, small_disk
from tests.execution.remote import COMPUTE, LASTING, TALKING, WATCH, At, at, end_of, health, running
from tests.execution.remote_driving import campaign_of
from tests.execution.stage import Stage, eventually
from tests.services.loopback import Loopback

__all__ = ["at"]


def whole(stage: Stage, steps: int, within: float = 110.0) -> None:
    """Every run is done, and each of its observations is here once."""
    stage.ended(within=within)
    for seen in stage.seen.values():
        assert seen.lost == ""
        assert seen.end is not None
        assert (seen.end["end"], seen.gaps) == ("done", [])
        assert [line["step"] for line in seen.observations] == list(range(steps))


def test_a_service_that_is_down_then_busy_then_slow_and_a_sign_in_that_expired_cost_nothing(
    at: At, loopback: Loopback
) -> None:
    stage = at()
    first = stage.submit(TALKING, {"x": 1, "steps": 2000})
    running(stage, first)
    loopback.service.stop()
    second = stage.submit(TALKING, {"x": 2, "steps": 2000})
    stage.until(lambda: health(stage).state == "offline")
    assert "nothing is lost; it is tried again" in health(stage).detail
    loopback.service.start()
    loopback.service.answer_with(429, seconds=3)
    loopback.service.be_slow(2.0, seconds=8)
    stage.until(lambda: health(stage).state == "online")
    loopback.service.answer_with(401, seconds=600)
    stage.until(lambda: "sign-in has expired" in health(stage).detail)
    assert "aisteer_widgets.Connect()" in health(stage).detail
    loopback.service.answer_with(401, seconds=0)
    running(stage, second)
    stage.until(lambda: health(stage).state == "online")
    for ref in (first, second):
        stage.control(ref, "stop")
        assert end_of(stage, ref)["end"] == "partial"
        seen = stage.seen[ref]
        assert [line["step"] for line in seen.observations] == list(range(len(seen.observations)))
        assert (seen.gaps, seen.lost) == ([], "")


@pytest.mark.full
@pytest.mark.timeout(400)
def test_a_service_that_is_down_for_a_minute_costs_nothing(at: At, loopback: Loopback) -> None:
    stage = at()
    first = stage.submit(TALKING, {"x": 1, "steps": 1200})
    running(stage, first)
    loopback.service.stop()
    stage.submit(TALKING, {"x": 2, "steps": 1200})
    back = time.monotonic() + 60
    stage.until(lambda: time.monotonic() > back, within=90)
    assert health(stage).state == "offline"
    loopback.service.start()
    whole(stage, 1200, within=300)


def test_code_that_is_purged_there_is_brought_again(at: At) -> None:
    stage = at()
    code = stage.code(TALKING)
    assert end_of(stage, stage.submit(code, {"x": 1, "steps": 2}))["end"] == "done"
    spool = Path(health(stage).extra["spool"])
    shutil.rmtree(spool / "code")
    assert end_of(stage, stage.submit(code, {"x": 2, "steps": 2}))["end"] == "done"
    assert list((spool / "code").glob(f"{code['code']}.py"))


@pytest.mark.full
def test_a_full_disk_there_is_named_and_runs_go_on_when_there_is_room(at: At, loopback: Loopback) -> None:
    with small_disk(loopback.agent.scratch / "small", "2m") as disk:
        filler = fill(disk)
        stage = at(spool="$SCRATCH/small")
        first = stage.submit(TALKING, {"x": 1, "steps": 40})
        stage.until(lambda: "No space left on device" in health(stage).detail)
        assert health(stage).state == "offline"
        filler.unlink()
        running(stage, first)
        filler = fill(disk)
        stage.submit(TALKING, {"x": 2, "steps": 40})
        stage.look(3.0)
        filler.unlink()
        whole(stage, 40)


@pytest.mark.full
def test_an_endpoint_that_was_stopped_while_idle_is_started_again_by_the_next_run(
    at: At, loopback: Loopback
) -> None:
    stage = at(compute={**COMPUTE, "idle_heartbeats": 2})
    before = set(loopback.agent.find("_start-user-endpoint"))
    ref = stage.submit(TALKING, {"x": 1, "steps": 3})
    stage.ended(ref, within=110)
    assert not stage.seen[ref].lost, stage.seen[ref].lost
    started = set(loopback.agent.find("_start-user-endpoint")) - before
    assert started
    eventually(lambda: started - set(loopback.agent.find("_start-user-endpoint")), within=90)
    assert end_of(stage, stage.submit(TALKING, {"x": 2, "steps": 3}))["end"] == "done"


def blocks(loopback: Loopback) -> list[psutil.Process]:
    """The processes of all blocks, and nothing else that endpoints here have started."""
    found: dict[int, psutil.Process] = {}
    for word in ("-m parsl", "process_worker_pool"):
        for pid in loopback.agent.find(word):
            with suppress(psutil.NoSuchProcess):
                begun = psutil.Process(pid)
                found.update({process.pid: process for process in [begun, *begun.children(recursive=True)]})
    return list(found.values())


def taken_away(processes: list[psutil.Process], number: signal.Signals) -> None:
    """What a batch system does to the processes of a block."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@pytest.mark.full
def test_a_preempted_run_leaves_a_checkpoint_between_the_two_signals_and_goes_on(
    at: At, loopback: Loopback
) -> None:
    stage = at(compute={"engine": "htex", "workers": 1, "retries": 0})
    ref = stage.submit(LASTING)
    running(stage, ref, observations=5)
    block = blocks(loopback)
    taken_away(block, signal.SIGTERM)
    time.sleep(3.0)  # the grace that a batch system gives
    taken_away(block, signal.SIGKILL)
    seen = stage.ended(ref, within=110)
    assert seen.end is not None
    assert seen.end["end"] == "preempted"
    folder = f"{ref.folder}/checkpoints/{seen.end['checkpoint']}"
    following = stage.submit(LASTING, uuid=ref.uuid, attempt=2, previous=[ref.folder], restart=folder)
    stage.until(lambda: stage.seen[following].observations, within=110)
    assert stage.seen[following].observations[0]["i"] == seen.observations[-1]["i"]
    stage.control(following, "stop")
    assert end_of(stage, following)["end"] == "partial"


@pytest.mark.full
def test_runs_of_a_block_whose_manager_is_killed_are_lost_by_name_and_the_next_ones_are_executed(
    at: At, loopback: Loopback
) -> None:
    stage = at(compute={"engine": "htex", "workers": 2, "retries": 1, "blocks": 2})
    busy = [stage.submit(LASTING) for _ in range(2)]
    running(stage, *busy, observations=3)
    late = stage.submit(TALKING, {"x": 9, "steps": 3})
    taken_away(blocks(loopback), signal.SIGKILL)
    stage.ended(*busy, within=110)
    assert all(stage.seen[ref].lost for ref in busy)
    assert end_of(stage, late)["end"] == "done"


@pytest.mark.full
def test_runs_outlive_an_agent_whose_program_alone_is_killed_and_what_its_successor_cannot_start_yet_waits(
    at: At, loopback: Loopback
) -> None:
    stage = at()
    busy = [stage.submit(TALKING, {"x": x, "steps": 5000}) for x in range(2)]
    running(stage, *busy, observations=50)
    loopback.agent.kill()  # what it started for this user stays, and holds the place of what is to come
    left = [pid for pid in loopback.agent.processes() if psutil.Process(pid).name().startswith("Globus")]
    counted = {ref: len(stage.seen[ref].observations) for ref in busy}
    loopback.agent.start()
    late = stage.submit(TALKING, {"x": 9, "steps": 3})
    stage.until(lambda: "Another instance of this endpoint is running" in health(stage).detail, within=90)
    assert "it is tried again" in health(stage).detail
    stage.until(lambda: all(len(stage.seen[ref].observations) > counted[ref] + 20 for ref in busy))
    for ref in busy:
        stage.control(ref, "stop")
        assert end_of(stage, ref)["end"] == "partial"
        seen = stage.seen[ref]
        assert [line["step"] for line in seen.observations] == list(range(len(seen.observations)))
        assert (seen.gaps, seen.lost) == ([], "")
    assert left
    for pid in left:  # it goes by itself when it is idle for long enough; its administrator is faster
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).terminate()
    assert end_of(stage, late)["end"] == "done"


@pytest.mark.full
def test_a_spool_that_is_removed_at_the_endpoint_is_named_and_made_again_when_it_is_opened_again(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "_GONE", 2.0)
    monkeypatch.setattr(watcher, "_SURE", 2)
    stage = at()
    busy = stage.submit(TALKING, {"x": 1, "steps": 5000})
    running(stage, busy, observations=5)
    shutil.rmtree(health(stage).extra["spool"], ignore_errors=True)
    stage.until(lambda: "spool.json is missing" in health(stage).detail)
    assert "open it again" in health(stage).detail
    assert "What was mirrored is kept" in stage.ended(busy, within=110).lost
    kept = [line["step"] for line in stage.seen[busy].observations]
    assert kept == list(range(len(kept)))
    assert stage.endpoint is not None
    stage.endpoint.close()
    stage.endpoint = at().endpoint
    assert end_of(stage, stage.submit(TALKING, {"x": 2, "steps": 3}))["end"] == "done"


def drive_until_killed(address: str, log: Path, where: str) -> None:
    """A driver that ends as by ``kill -9``, before or after the service took its first run."""
    driver = subprocess.run(
        [sys.executable, "-m", "tests.execution.remote_driving", address, str(log), "3", where],
        env=dict(os.environ),
        timeout=60,
        check=False,
        capture_output=True,
    )
    assert driver.returncode == -signal.SIGKILL, driver.stderr


def test_a_driver_that_is_killed_between_launch_record_and_task_id_loses_and_doubles_nothing(
    loopback: Loopback, campaigns: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    address = ai.connect(
        f"globus:{loopback.endpoint}", compute=COMPUTE, watch=WATCH, spool="$SCRATCH/aisteer"
    ).address
    for where in ("unsent", "sent"):
        drive_until_killed(address, log, where)
    campaign = campaign_of(address, str(log))
    campaign.start()
    finished(campaign, 3)
    lines = Counter(log.read_text().split("\n"))
    assert all(lines[f"{what} {x}"] == 1 for what in ("start", "end") for x in range(3))
    assert all((run.end, len(run.attempts)) == ("done", 1) for run in campaign.state.runs.values())
    campaign.close()
