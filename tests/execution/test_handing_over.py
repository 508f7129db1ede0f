"""Handing over what an endpoint may not take: nothing is lost or written twice, and no run waits for another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stage import Seen, Stage

from aisteer.errors import EndpointError, JournalUnavailable, SpoolError
from aisteer.execution.delivery import Delivery
from aisteer.execution.hosts import list_hosts, stop_host
from aisteer.execution.local import LocalEndpoint
from aisteer.execution.spool import Spool
from aisteer.execution.worker import lots

QUICK = "def f(x): return {'y': 2.0 * x}"
HOST = "aisteer.execution.local.start_host"


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


@pytest.fixture
def stage(stages: list[Stage]) -> Stage:
    """One of them."""
    return stages[0]


def no_host(*_: object, **__: object) -> None:
    """No process can be started on this machine now."""
    raise EndpointError("The local host process did not answer.")


def lots_in(stage: Stage) -> list[str]:
    """The lots that stand in a spool."""
    return stage.spool.handing.names()


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


def test_runs_that_wait_in_a_lot_are_not_lost_while_no_host_can_be_started(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = stage.code(QUICK)
    runs = [stage.submission(simulation, {"x": i}) for i in range(10)]
    before = Spool(stage.root)
    before.create(stage.nonce)
    before.hand_over(runs, stage.folder / "code")  # by a driver that is gone
    monkeypatch.setattr("aisteer.execution.looking._SURE", 0.0)
    monkeypatch.setattr("aisteer.execution.looking._SWEEP", 0.05)
    with monkeypatch.context() as bare:
        bare.setattr(HOST, no_host)
        with pytest.raises(EndpointError):
            stage.endpoint.attach({run.ref: None for run in runs})
        stage.seen = {run.ref: Seen() for run in runs}
        for _ in range(10):
            stage.look()  # all of them, several times
        assert not any(seen.lost for seen in stage.seen.values())
    stage.ended()
    assert {seen.end["end"] for seen in stage.seen.values()} == {"done"}


def test_a_run_of_a_lot_that_another_driver_wrote_is_gone_when_the_lot_is(stage: Stage) -> None:
    simulation = stage.code(QUICK)
    runs = [stage.submission(simulation, {"x": i}) for i in range(10)]
    writer, reader = Spool(stage.root), Spool(stage.root)
    writer.create(stage.nonce)
    writer.hand_over(runs, stage.folder / "code")
    assert not reader.is_gone(runs[3].ref)
    stranger = stage.submission(simulation, {"x": 0}).ref
    assert reader.is_gone(stranger)
    for name in lots_in(stage):
        writer.handing.remove(name)
    assert reader.is_gone(runs[3].ref)
    writer.hand_over(runs, stage.folder / "code")
    assert not Spool(stage.root).is_gone(runs[3].ref)
    assert reader.is_gone(stranger)


def test_requests_are_written_once_however_often_they_are_handed_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = stage.code(QUICK)
    runs = [stage.submission(simulation, {"x": i}) for i in range(20)]
    with monkeypatch.context() as bare:
        bare.setattr(HOST, no_host)
        for _ in range(3):
            with pytest.raises(EndpointError):
                stage.endpoint.submit(runs)
        with pytest.raises(EndpointError):
            stage.endpoint.submit(runs[:3])  # too few for a lot of their own
    assert len(lots_in(stage)) == 1
    assert not list((stage.root / "attempts").rglob("request.json"))
    stage.endpoint.close()
    stage.endpoint = LocalEndpoint(stage.root, workers=1, idle=30.0)  # of the next driver
    stage.submit_all(runs)
    stage.ended()
    assert len(lots_in(stage)) == 1
    assert {seen.end["end"] for seen in stage.seen.values()} == {"done"}


def test_what_the_second_half_of_a_lot_did_not_find_room_for_leaves_the_first_where_it_is(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = stage.code(QUICK)
    usual = [stage.submission(simulation, {"x": i}) for i in range(8)]
    large = stage.submission(simulation, {"x": 8, "text": "x" * 5000})
    monkeypatch.setattr(lots, "LARGEST", 4000)
    stage.spool.create(stage.nonce)
    with pytest.raises(SpoolError, match=f"the request of {large.ref.run} has 0 MiB"):
        stage.spool.hand_over([*usual, large], stage.folder / "code")
    with pytest.raises(SpoolError, match="a file that the simulation reads"):
        stage.spool.prepare(large.ref, large.request, stage.folder / "code")
    assert stage.spool.request(large.ref) is None
    written = lots_in(stage)
    stage.submit_all(usual)
    stage.ended()
    assert set(lots_in(stage)) == set(written)
    assert {seen.end["end"] for seen in stage.seen.values()} == {"done"}


def test_however_many_cannot_be_handed_over_the_others_are(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aisteer.execution.delivery._AGAIN", 0.0)
    missing = {**stage.code(QUICK), "code": "0" * 64}
    simulation = stage.code(QUICK)
    monkeypatch.setattr(lots, "LARGEST", 20_000)
    bad = [stage.submission(missing, {"x": i}) for i in range(32)]
    bad += [stage.submission(simulation, {"x": i, "text": "x" * 30_000}) for i in range(16)]
    good = [stage.submission(simulation, {"x": i}) for i in range(32)]
    delivery = Delivery(silent, silent)
    for run in (*bad, *good):
        delivery.follow(run.ref, stage.endpoint)
    delivery.submit([*bad, *good])
    for _ in range(2):
        delivery.retry()
    assert not any(delivery.waits(run.ref) for run in good)
    assert all(delivery.waits(run.ref) for run in bad)
