"""`kill -9` of the driver's process at random points: nothing decided or finished is lost, nothing runs twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import aisteer as ai
from aisteer.execution.hosts import list_hosts, stop_host


def drive(environment: dict[str, str], points: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.execution.driving_process", str(points)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def killed_after(process: subprocess.Popen[str], lines: int) -> list[str]:
    """What it had said when it was killed, after ``lines`` lines."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.strip())
        if len(said) >= lines:
            os.kill(process.pid, signal.SIGKILL)
            break
    said += [line.strip() for line in process.stdout]
    process.wait()
    return said


def check(campaigns: Path, log: Path, decided: set[str], points: int) -> None:
    campaign = ai.open("killed")
    state = campaign.state
    for name in decided:
        assert state.proposals[name].decision is not None, f"the decision on {name} was lost"
    lines = log.read_text().split("\n")
    started = Counter(line.split()[1] for line in lines if line.startswith("start"))
    finished = {float(line.split()[1]) for line in lines if line.startswith("end")}
    assert max(started.values()) == 1, "a run was executed twice"
    outcomes = {run.parameters["x"]: run.outcome["y"][0] for run in state.runs.values() if run.end == "done"}
    assert finished == set(outcomes), "a finished outcome was lost"
    assert all(y == x * x for x, y in outcomes.items())
    assert len(outcomes) == points
    campaign.close()


def kills(campaigns: Path, tmp_path: Path, times: int, points: int) -> None:
    log = tmp_path / "log"
    environment = {**os.environ, "AISTEER_TEST_LOG": str(log), "AISTEER_CAMPAIGNS": str(campaigns)}
    chance = random.Random(7)
    decided: set[str] = set()
    for _ in range(times):
        said = killed_after(drive(environment, points), chance.randrange(1, points // 2))
        decided |= {line.split()[1] for line in said if line.startswith("decided")}
    last = drive(environment, points)
    out, _ = last.communicate(timeout=240)
    assert "finished" in out
    decided |= {line.split()[1] for line in out.splitlines() if line.startswith("decided")}
    check(campaigns, log, decided, points)
    for host in list_hosts():
        if str(campaigns) in host.spool:
            stop_host(host)


def test_a_killed_driver_loses_no_decision_and_no_outcome_and_runs_nothing_twice(
    campaigns: Path, tmp_path: Path
) -> None:
    kills(campaigns, tmp_path, times=3, points=40)


@pytest.mark.full
@pytest.mark.timeout(1500)
def test_a_driver_killed_two_hundred_times_loses_nothing_and_runs_nothing_twice(
    campaigns: Path, tmp_path: Path
) -> None:
    kills(campaigns, tmp_path, times=200, points=1000)
