"""Runs at a Globus Compute endpoint: the real SDK and agent, and between them the emulated service on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aisteer.execution.endpoint import AttemptRef
from tests.execution.stage import Stage
from tests.services.loopback import Loopback

pytest.importorskip("globus_compute_sdk")
pytest.importorskip("globus_compute_endpoint")
from aisteer.execution.globus.endpoint import GlobusEndpoint

COMPUTE = {"engine": "process", "workers": 4}
WATCH = {"role": "watch"}

TALKING = """
    import time
    from pathlib import Path

    def f(x, steps=30, pace=0.1, touch=""):
        if touch:
            Path(touch).touch()
        for step in range(steps):
            control = yield {"step": step, "value": x * step}
            if control.get("stop"):
                break
            time.sleep(pace)
        return {"y": float(x)}
"""


@pytest.fixture
def at(loopback: Loopback, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Makes campaigns' folders with an endpoint on loopback."""
    made: list[GlobusEndpoint] = []

    def _at(folder: str = "campaign", **options: Any) -> Stage:
        options = {"compute": COMPUTE, "watch": WATCH, "spool": "$SCRATCH/aisteer", **options}
        endpoint = GlobusEndpoint(
            "globus:test", options.pop("endpoint", loopback.endpoint), folder=tmp_path / folder, **options
        )
        made.append(endpoint)
        return Stage(tmp_path / folder, endpoint)

    yield _at
    for endpoint in made:
        endpoint.close()


def running(stage: Stage, *refs: AttemptRef, observations: int = 1) -> None:
    stage.until(lambda: all(len(stage.seen[ref].observations) >= observations for ref in refs))


def test_an_ensemble_is_watched_live_and_each_observation_arrives_once(
    at: Callable[..., Stage], loopback: Loopback
) -> None:
    stage = at()
    began = time.time()
    refs = [stage.submit(TALKING, {"x": x}) for x in range(6)]
    running(stage, *refs[:3], observations=5)
    assert stage.seen[refs[0]].end is None
    health = stage.endpoint.status()
    assert (health.state, health.busy) == ("online", 4)
    assert health.extra["spool"].startswith(str(loopback.agent.scratch / "aisteer" / "campaign-"))
    stage.ended(within=90)
    for x, ref in enumerate(refs):
        seen = stage.seen[ref]
        assert seen.end["end"] == "done"
        assert seen.end["outcome"] == {"y": [float(x)]}
        assert [line["step"] for line in seen.observations] == list(range(30))
        assert seen.states[0] == "submitted"
        assert seen.gaps == []
    assert {"waiting", "claimed"} <= {state for ref in refs for state in stage.seen[ref].states}
    asked = [r for r in loopback.service.requests(began) if "/submit" in r["path"]]
    assert len(asked) <= 0.8 * (time.time() - began) + 4


def test_a_run_is_stopped_while_it_runs_and_says_so(at: Callable[..., Stage]) -> None:
    stage = at()
    ref = stage.submit(TALKING, {"x": 1, "steps": 1000})
    running(stage, ref, observations=3)
    control = stage.control(ref, "stop")
    seen = stage.ended(ref)
    assert seen.end["end"] == "partial"
    assert (control, "sent") in seen.answers


def test_a_run_that_waits_in_the_queue_is_withdrawn_and_never_starts(
    at: Callable[..., Stage], tmp_path: Path
) -> None:
    stage = at()
    busy = [stage.submit(TALKING, {"x": x, "steps": 1000}) for x in range(4)]
    running(stage, *busy)
    touched = tmp_path / "touched"
    late = stage.submit(TALKING, {"x": 9, "touch": str(touched)})
    stage.until(lambda: "submitted" in stage.seen[late].states)
    stage.control(late, "withdraw")
    assert stage.ended(late).end["end"] == "withdrawn"
    for ref in busy:
        stage.control(ref, "stop")
    stage.ended()
    after = stage.submit(TALKING, {"x": 10, "steps": 1})
    assert stage.ended(after).end["end"] == "done"
    assert not touched.exists()
