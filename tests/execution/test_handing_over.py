"""Handing over what an endpoint may not take: nothing is lost or written twice, and no run waits for another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stage import Stage

from aisteer.errors import JournalUnavailable
from aisteer.execution.delivery import Delivery
from aisteer.execution.hosts import list_hosts, stop_host
from aisteer.execution.local import LocalEndpoint

QUICK = "def f(x): return {'y': 2.0 * x}"


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[list[Stage]]:
    """Two folders with a local endpoint each."""
    made = [Stage(tmp_path / name) for name in "ab"]
    for stage in made:
        stage.endpoint = LocalEndpoint(stage.root, workers=1, idle=30.0)
    yield made
    for stage in made:
        stage.endpoint.close()
    for host in list_hosts():
        if str(tmp_path) in host.spool:
            stop_host(host)


def silent(*_: str) -> None:
    """Of troubles nothing is asked here."""


def test_what_nobody_could_be_told_of_loses_no_other_endpoint_its_runs(stages: list[Stage]) -> None:
    def refuse(source: str) -> None:
        raise JournalUnavailable(f"The disk is full, and {source} is no trouble any more.")

    delivery = Delivery(silent, refuse)
    runs = [stage.submission(QUICK, {"x": 1}) for stage in stages]
    for stage, run in zip(stages, runs, strict=True):
        delivery.follow(run.ref, stage.endpoint)
        stage.root.write_text("no folder, so nothing can be handed over there")
    delivery.submit(runs[:1])
    stages[0].root.unlink()
    with pytest.raises(JournalUnavailable):
        delivery.submit(runs)  # the first is taken now, and that cannot be written down
    assert [delivery.waits(run.ref) for run in runs] == [False, True]
    stages[1].root.unlink()
    with pytest.raises(JournalUnavailable):
        delivery.submit(runs[1:])
    assert [stage.spool.request(run.ref) for stage, run in zip(stages, runs, strict=True)] == [
        run.request for run in runs
    ]
