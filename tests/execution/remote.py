"""A campaign's folder with an endpoint on loopback: what tests of remote runs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aisteer.execution.endpoint import AttemptRef, Health
from tests.execution.stage import Stage
from tests.services.loopback import Loopback

pytest.importorskip("globus_compute_sdk")
pytest.importorskip("globus_compute_endpoint")
from aisteer.execution.globus.endpoint import GlobusEndpoint

__all__ = ["LASTING", "TALKING", "At", "at", "end_of", "health", "running"]

COMPUTE = {"engine": "process", "workers": 4}
WATCH = {"role": "watch"}

TALKING = """
    import time
    from pathlib import Path

    def f(x, steps=30, pace=0.1, touch="", go_on=""):
        if touch:
            Path(touch).touch()
        for step in range(steps):
            while go_on and step == steps // 2 and not Path(go_on).exists():
                time.sleep(0.02)
            control = yield {"step": step, "value": x * step}
            if control.get("stop"):
                break
            time.sleep(pace)
        return {"y": float(x)}
"""

LASTING = """
    def f(restart=None):
        import time
        i = restart["i"] if restart else 0
        while True:
            control = yield {"i": i}, lambda: {"i": i}
            if control.get("stop"):
                return {"y": float(i)}
            i += 1
            time.sleep(0.05)
"""

At = Callable[..., Stage]


@pytest.fixture
def at(loopback: Loopback, tmp_path: Path) -> Iterator[At]:
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
    """Wait until so many observations of each have arrived."""
    stage.until(lambda: all(len(stage.seen[ref].observations) >= observations for ref in refs))


def health(stage: Stage) -> Health:
    """How the endpoint says that it is."""
    assert stage.endpoint is not None
    return stage.endpoint.status()


def end_of(stage: Stage, ref: AttemptRef) -> Any:
    """How an attempt ended, once it has."""
    stage.ended(ref, within=110)
    return stage.seen[ref].end
