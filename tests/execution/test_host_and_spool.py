"""A host whose spool is replaced, attempts that got lost on the way, and runs that must not live twice."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest
from stage import Stage, eventually, is_alive, kill

import aisteer as ai
from aisteer.execution.ground import Ground
from aisteer.execution.hosts import HostInfo, Place, list_hosts, stop_host
from aisteer.execution.local import LocalEndpoint
from aisteer.execution.spool import Spool, Tail
from aisteer.execution.worker import root
from aisteer.execution.worker.claim import Claimant

QUICK = "def f(x): return {'y': 2.0 * x}"
COUNTING = """
    import time
    def f(restart=None):
        for i in range(4000):
            yield {"i": i}, lambda: {"i": i}
            time.sleep(0.01)
        return {"y": 1.0}
"""
OBSTINATE = """
    import os, time
    def f(log, seconds):
        until = time.monotonic() + seconds
        with open(log, "ab", buffering=0) as file:
            while time.monotonic() < until:
                try:
                    file.write(b"%s %d\\n" % (os.environ.get("WHO", "").encode(), os.getpid()))
                    time.sleep(0.01)
                except BaseException:
                    continue
                if not os.path.exists(log + ".begun"):
                    open(log + ".begun", "w").close()
        return {"y": 1.0}
"""


def hosts_of(root: Path) -> list[HostInfo]:
    return [host for host in list_hosts() if host.spool == str(root)]


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    made.endpoint = LocalEndpoint(made.root, workers=2, idle=60)
    yield made
    made.endpoint.close()
    for host in hosts_of(made.root):
        for worker in psutil.Process(host.pid).children():
            worker.kill()  # its runs are of no interest any more
        assert stop_host(host)


def anew(stage: Stage) -> Stage:
    """Another campaign in the same place, as after `rm -rf` and the same script again."""
    made = Stage(stage.folder)
    made.endpoint = LocalEndpoint(made.root, workers=2, idle=60)
    return made


# --- the spool is another one -----------------------------------------------------------------


def test_a_campaign_in_a_removed_ones_place_runs_all_of_its_runs(tmp_path):
    def once() -> list[str]:
        campaign = ai.Campaign(
            "again",
            simulation=ai.simulation(lambda x: {"y": x * x}),
            space=ai.Space(x=ai.Float(0, 100)),
            objective=ai.Maximize("y"),
            endpoint=ai.connect("local", workers=2),
            policy="manual",
            autonomy=ai.Accept(),
            hold=0,
            folder=tmp_path / "campaigns",
        )
        campaign.start()
        for x in range(6):
            campaign.propose(x=float(x))
        asyncio.run(campaign.wait(ended=6, timeout=60))
        ends = [run.state for run in campaign.state.runs.values()]
        campaign.close()
        return ends

    root = tmp_path / "campaigns" / "again" / "spool"
    assert once() == ["ended"] * 6
    first = hosts_of(root)[0]
    shutil.rmtree(tmp_path / "campaigns")
    assert once() == ["ended"] * 6
    eventually(lambda: not is_alive(first.pid))
    for host in hosts_of(root):
        assert stop_host(host)


def test_a_host_whose_spool_was_replaced_makes_room_for_the_next(stage):
    stage.submit_all([stage.submission(QUICK, {"x": i}) for i in range(4)])
    stage.ended()
    old = hosts_of(stage.root)[0]
    shutil.rmtree(stage.root)
    stage = anew(stage)
    stage.submit_all([stage.submission(QUICK, {"x": i}) for i in range(4)])
    stage.ended()
    assert {seen.end["end"] for seen in stage.seen.values()} == {"done"}
    assert [host.pid for host in hosts_of(stage.root)] != [old.pid]
    eventually(lambda: not is_alive(old.pid))
    assert len(hosts_of(stage.root)) == 1
    stage.endpoint.close()


def test_a_host_whose_spool_was_removed_ends(stage):
    stage.submit(QUICK, {"x": 1})
    stage.ended()
    host = hosts_of(stage.root)[0]
    stage.endpoint.close()
    shutil.rmtree(stage.root)
    eventually(lambda: not is_alive(host.pid))
    assert not stage.root.exists()


def test_a_spool_that_is_moved_away_and_back_is_the_same(tmp_path):
    stage = Stage(tmp_path)
    stage.spool.create(stage.nonce)
    ground = Ground(stage.root)
    stage.root.rename(tmp_path / "away")
    assert ground.lost == ""
    (tmp_path / "away").rename(stage.root)
    assert ground.lost == ""
    shutil.rmtree(stage.root)
    Stage(tmp_path).spool.create("another")
    assert "another spool" in ground.lost


def test_a_spool_that_is_brought_up_to_date_is_the_same(tmp_path, monkeypatch):
    stage = Stage(tmp_path)
    with monkeypatch.context() as earlier:
        earlier.setattr(root, "FORMAT", root.FORMAT - 1)
        stage.spool.create(stage.nonce)
    ground = Ground(stage.root)
    assert Spool(stage.root).is_of_earlier_format
    Spool(stage.root).upgrade()
    assert not Spool(stage.root).is_of_earlier_format
    assert ground.lost == ""
    root.make(str(stage.root), "another")
    assert "another spool" in ground.lost


def test_a_host_that_claims_in_an_earlier_way_ends_before_another_is_told_of_its_runs(stage, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(root, "FORMAT", root.FORMAT - 1)
        ref = stage.submit(COUNTING)
    stage.until(lambda: stage.seen[ref].observations)
    before = hosts_of(stage.root)[0]
    stage.endpoint.close()
    stage.endpoint = LocalEndpoint(stage.root, workers=2, idle=60)
    stage.endpoint.attach({ref: None})
    assert not is_alive(before.pid)
    assert not stage.spool.is_of_earlier_format
    seen = stage.ended(ref)
    assert (seen.end["end"], bool(seen.end["checkpoint"])) == ("preempted", True)
    assert stage.ended(stage.submit(QUICK, {"x": 2})).end
    assert [host.pid for host in hosts_of(stage.root)] != [before.pid]


def test_an_order_of_other_code_is_answered_and_the_host_lives(stage):
    stage.submit(QUICK, {"x": 1})
    stage.ended()
    pid = hosts_of(stage.root)[0].pid
    stage.endpoint._say({"submit": [["a" * 32 + "-1", {"a": "place"}]], "threads": 1})
    stage.until(lambda: "did not understand" in stage.endpoint.status().detail)
    stage.endpoint._say({"dance": 1})
    stage.until(lambda: "dance" in stage.endpoint.status().detail)
    assert stage.ended(stage.submit(QUICK, {"x": 2})).end["end"] == "done"
    assert [host.pid for host in hosts_of(stage.root)] == [pid]


def test_the_host_of_an_environment_is_found_by_whatever_path_leads_there(stage, tmp_path, monkeypatch):
    here = Place.of(stage.root)
    (tmp_path / "linked").symlink_to(sys.prefix)
    detour = f"{sys.prefix}/lib/.."
    for prefix in (detour, str(tmp_path / "linked")):
        monkeypatch.setattr(sys, "prefix", prefix)
        monkeypatch.setattr(sys, "executable", f"{prefix}/bin/{Path(sys.executable).name}")
        assert Place.of(stage.root) == here
    monkeypatch.setattr(sys, "executable", f"{detour}/bin/{Path(sys.executable).name}")
    assert stage.ended(stage.submit(QUICK, {"x": 2})).end["end"] == "done"


def test_a_host_of_another_protocol_is_not_spoken_to(tmp_path, monkeypatch):
    place = Place.of(tmp_path)
    monkeypatch.setattr("aisteer.execution.hosts._PROTOCOL", 1)
    assert Place.of(tmp_path) != place


def test_a_claimant_whose_file_was_removed_claims_all_the_same(tmp_path):
    claimant = Claimant(str(tmp_path))
    for name in ("claimants", "a", "b", "c"):
        (tmp_path / name).mkdir()
    assert claimant.claim(str(tmp_path / "a"))
    shutil.rmtree(tmp_path / "claimants")
    assert not claimant.claim(str(tmp_path / "b"))
    assert not (tmp_path / "b.claim").exists()
    (tmp_path / "claimants").mkdir()
    assert claimant.claim(str(tmp_path / "b"))
    shutil.rmtree(tmp_path / "claimants")
    (tmp_path / "claimants").mkdir()
    assert claimant.claim(str(tmp_path / "c"))


def test_an_attempt_whose_claim_cannot_be_written_waits_until_it_can(stage):
    stage.submit(QUICK, {"x": 1})
    stage.ended()
    (stage.root / "claimants").rename(stage.root / "elsewhere")
    os.kill(
        stage.spool.claim(next(iter(stage.seen)))["pid"], signal.SIGTERM
    )  # the next worker has no file yet
    refs = [stage.submit(QUICK, {"x": x}) for x in range(4)]
    for _ in range(5):
        stage.look()
    assert not any(stage.seen[ref].over for ref in refs[2:])
    (stage.root / "elsewhere").rename(stage.root / "claimants")
    stage.ended()
    assert {stage.seen[ref].end["end"] for ref in refs} == {"done"}


def test_what_the_host_was_never_told_of_is_handed_over_again(stage, monkeypatch):
    monkeypatch.setattr("aisteer.execution.local._REMIND", 0.2)
    stage.submit(QUICK, {"x": 1})
    stage.ended()
    say, stage.endpoint._say = stage.endpoint._say, lambda order: None  # the word is lost on its way
    ref = stage.submit(QUICK, {"x": 2})
    stage.endpoint._say = say
    assert stage.ended(ref).end["outcome"] == {"y": [4.0]}


# --- never twice ------------------------------------------------------------------------------


def lives(log: Path) -> list[str]:
    """Who wrote, in the order of their first line, with a repeat for each change."""
    found: list[str] = []
    for line in log.read_text().splitlines():
        if not found or found[-1] != line:
            found.append(line)
    return found


def test_after_a_killed_host_a_next_attempt_waits_for_the_worker_of_the_one_before(stage):
    log = stage.folder / "log"
    first = stage.submit(OBSTINATE, {"log": str(log), "seconds": 2.5})
    stage.until(lambda: log.with_name("log.begun").exists())
    worker = stage.spool.claim(first)["pid"]
    kill(hosts_of(stage.root)[0].pid)
    again = stage.submission(
        OBSTINATE,
        {"log": str(log), "seconds": 0.2},
        attempt=2,
        uuid=first.uuid,
        epoch=2,
        previous=[first.folder],
    )
    second = stage.submit_all([again])[0]
    assert stage.ended(second).end["end"] == "done"
    assert len(lives(log)) == 2, "the two attempts wrote in turns: both were alive"
    assert stage.spool.end(first) is None
    assert (stage.path(first) / "released").exists()
    eventually(lambda: not is_alive(worker))
    del stage.seen[first]


@pytest.mark.full
def test_a_worker_that_does_not_react_is_ended_before_the_next_attempt_begins(stage):
    log = stage.folder / "log"
    first = stage.submit(OBSTINATE, {"log": str(log), "seconds": 1000.0})
    stage.until(lambda: log.with_name("log.begun").exists())
    worker = stage.spool.claim(first)["pid"]
    os.kill(worker, signal.SIGSTOP)
    again = stage.submission(
        OBSTINATE,
        {"log": str(log), "seconds": 0.2},
        attempt=2,
        uuid=first.uuid,
        epoch=2,
        previous=[first.folder],
    )
    second = stage.submit_all([again])[0]
    assert stage.ended(second).end["end"] == "done"
    assert len(lives(log)) == 2
    assert not is_alive(worker)


def test_an_attempt_that_nobody_ever_claimed_holds_up_no_next_one(stage):
    first = stage.write(QUICK, {"x": 1})
    again = stage.submission(QUICK, {"x": 2}, attempt=2, uuid=first.uuid, epoch=2, previous=[first.folder])
    second = stage.submit_all([again])[0]
    assert stage.ended(second).end["outcome"] == {"y": [4.0]}


def test_a_withdrawn_attempt_does_not_wait_for_the_one_before(stage):
    log = stage.folder / "log"
    first = stage.submit(OBSTINATE, {"log": str(log), "seconds": 4.0})
    stage.until(lambda: log.with_name("log.begun").exists())
    again = stage.submission(QUICK, {"x": 2}, attempt=2, uuid=first.uuid, epoch=2, previous=[first.folder])
    second = stage.submit_all([again])[0]
    stage.control(second, "withdraw", epoch=2)
    assert stage.ended(second).end["end"] == "partial"
    assert "nothing ran" in stage.seen[second].end["message"]


# --- a driver that comes back -----------------------------------------------------------------


def lines(start: int, stop: int) -> bytes:
    return b"".join(b'{"seq":%d,"kind":"obs","values":{"i":%d}}\n' % (i, i) for i in range(start, stop))


@pytest.mark.parametrize("count", [3, 300])
def test_a_stream_that_was_replaced_while_no_driver_looked_is_a_gap(stage, count):
    ref = stage.write(QUICK, {"x": 1})
    stream = stage.path(ref) / "observations.jsonl"
    mirror = stage.folder / "observations" / ref.run / "1.jsonl"
    mirror.parent.mkdir(parents=True)
    mirror.write_bytes(lines(0, count))
    offset = mirror.stat().st_size

    stream.write_bytes(lines(0, 2 * count))
    faithful = LocalEndpoint(stage.root, workers=1, idle=5)._lookout.look({ref: offset}, [ref], [])[0]
    assert (faithful.gap, faithful.data) == ("", lines(count, 2 * count))

    stream.write_bytes(lines(count, 3 * count))
    replaced = LocalEndpoint(stage.root, workers=1, idle=5)._lookout.look({ref: offset}, [ref], [])[0]
    assert "the file was replaced" in replaced.gap
    assert replaced.data == b""


def test_a_mirror_that_is_not_there_proves_nothing(tmp_path):
    seen = Tail()
    seen.remember(10, tmp_path / "none.jsonl")
    (tmp_path / "short.jsonl").write_bytes(b"123")
    seen.remember(10, tmp_path / "short.jsonl")
    assert seen == Tail()
    assert json.dumps(seen.gap) == '""'
