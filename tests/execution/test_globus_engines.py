"""Workers that are killed, on the real engine for blocks of a Globus Compute endpoint."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from aisteer.execution.endpoint import AttemptRef
from tests.execution.remote import LASTING, At, at, running
from tests.execution.stage import Stage

__all__ = ["at"]


def spool(stage: Stage) -> Path:
    assert stage.endpoint is not None
    return Path(stage.endpoint.status().extra["spool"])


def goes_on(stage: Stage, ref: AttemptRef) -> None:
    """The next attempt of a run begins, and says where its simulation is when it is stopped."""
    before = stage.seen[ref]
    checkpoint = before.end["checkpoint"] if before.end else None
    restart = f"{ref.folder}/checkpoints/{checkpoint}" if checkpoint else None
    following = stage.submit(LASTING, uuid=ref.uuid, attempt=2, previous=[ref.folder], restart=restart)
    running(stage, following, observations=3)
    stage.control(following, "stop")
    seen = stage.ended(following)
    assert seen.end is not None
    first, last = seen.observations[0]["i"], seen.observations[-1]["i"]
    assert first == (before.observations[-1]["i"] if checkpoint else 0)
    assert seen.end["outcome"] == {"y": [last]}


@pytest.mark.full
def test_a_worker_that_is_killed_loses_its_run_alone_and_the_next_attempt_is_executed(at: At) -> None:
    stage = at(compute={"engine": "htex", "workers": 2, "retries": 1})
    ref, neighbour = stage.submit(LASTING), stage.submit(LASTING)
    running(stage, ref, neighbour, observations=3)
    claim = json.loads((spool(stage) / f"{ref.folder}.claim").read_text())
    os.kill(claim["pid"], signal.SIGKILL)
    # The engine tries its task again by itself: that one finds the claim and executes nothing.
    assert "is dead and left no end" in stage.ended(ref, within=90).lost
    goes_on(stage, ref)
    assert stage.seen[neighbour].end is None
    stage.control(neighbour, "stop")
    assert stage.ended(neighbour).end is not None
