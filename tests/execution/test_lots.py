"""Many short runs are handed over in one file and end in one: every law holds for them as for any other."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import Stage, eventually, is_alive

from aisteer.execution.hosts import list_hosts, stop_host
from aisteer.execution.local import LocalEndpoint
from aisteer.execution.spool import Spool
from aisteer.execution.worker import book, lots

QUICK = "def f(x): return {'y': 2 * x}"
SLOW = """
    import os, pathlib, time
    def f(x, log, seconds=0.0):
        with open(log, "a") as file:
            file.write(f"{x} {os.getpid()}\\n")
        time.sleep(seconds)
        return {"y": 2 * x}
"""
STEPS = """
    import time
    def f(x):
        for i in range(10000):
            time.sleep(0.01)
            control = yield {"i": i}
            if control.get("stop"):
                break
        return {"y": x}
"""


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path, LocalEndpoint(tmp_path / "spool", workers=2, idle=30.0))
    yield stage
    stage.endpoint.close()
    for host in list_hosts():
        if host.spool == str(stage.root):
            stop_host(host)


def lot_of(stage, simulation, parameters):
    simulation = stage.code(simulation)
    return [stage.submission(simulation, each) for each in parameters]


def started(log):
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def test_short_runs_of_one_lot_need_no_folder_each_and_have_all_their_outcomes(stage):
    refs = stage.submit_all(lot_of(stage, QUICK, [{"x": x} for x in range(100)]))
    stage.ended()
    assert [stage.seen[ref].end["outcome"]["y"] for ref in refs] == [[2.0 * x] for x in range(100)]
    assert not any(stage.path(ref).exists() for ref in refs)
    assert len(list((stage.root / "lots").iterdir())) == 1
    claims = {ref: stage.spool.claim(ref) for ref in refs}
    assert all(claims[ref]["by"] == stage.seen[ref].end["by"] for ref in refs)


def test_a_run_of_a_lot_that_leaves_more_than_its_end_has_a_folder(stage):
    yields = "def f(x):\n    yield {'a': x}\n    print('said', x)\n    return {'y': x}"
    refs = stage.submit_all(lot_of(stage, yields, [{"x": x} for x in range(10)]))
    stage.ended()
    assert [stage.seen[ref].observations for ref in refs] == [[{"a": x}] for x in range(10)]
    names = {path.name for path in stage.path(refs[3]).iterdir()}
    assert names == {"observations.jsonl", "stdout.log", "end.json"}


def test_few_runs_have_their_requests_in_their_folders(stage):
    refs = stage.submit_all(lot_of(stage, QUICK, [{"x": x} for x in range(3)]))
    assert all((stage.path(ref) / "request.json").exists() for ref in refs)


@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=5), st.none() | st.integers() | st.text() | st.booleans(), max_size=5
        ),
        min_size=1,
        max_size=10,
    )
)
def test_every_request_comes_out_of_a_lot_as_it_went_in(tmp_path_factory, parameters):
    root = tmp_path_factory.mktemp("spool")
    spool = Spool(root)
    spool.create("nonce")
    requests = [
        {"uuid": uuid.uuid4().hex, "attempt": 1, "task": f"t{i % 2}", "parameters": p, "nested": {"x": [p]}}
        for i, p in enumerate(parameters)
    ]
    places = spool.handing.put(requests)
    keys = [f"{r['uuid']}-1" for r in requests]
    reader, another = lots.Lots(str(root)), Spool(root)
    another.handing.find(keys)
    for key, place, request in zip(keys, places, requests, strict=True):
        assert reader.read(key, list(place)) == another.handing.request(key) == request
        assert another.handing.place(key) == place
        assert reader.read("stranger-1", place) is None
    reader.close()
    another.handing.close()


def test_requests_too_large_for_one_lot_are_several(tmp_path, monkeypatch):
    monkeypatch.setattr(lots, "LARGEST", 10_000)
    spool = Spool(tmp_path)
    spool.create("nonce")
    requests = [{"uuid": uuid.uuid4().hex, "attempt": 1, "parameters": {"x": "y" * 3000}} for _ in range(9)]
    spool.handing.put(requests)
    assert 3 <= len(spool.handing.names()) <= 9
    assert [spool.handing.request(f"{each['uuid']}-1") for each in requests] == requests


@pytest.mark.parametrize(
    "place",
    [None, [], ["../../etc/passwd", 0, 9], ["0" * 32, -1, 5], ["0" * 32, 0, 1 << 40], ["0" * 32, 0, 5]],
)
def test_a_place_that_is_none_leads_nowhere(tmp_path, place):
    Spool(tmp_path).create("nonce")
    assert lots.Lots(str(tmp_path)).read("abcd-1", place) is None


def test_half_a_line_in_a_book_is_no_end(stage):
    stage.spool.create(stage.nonce)
    refs = [s.ref for s in lot_of(stage, QUICK, [{"x": 1}, {"x": 2}])]
    writing = book.Book(str(stage.root), "abcdef")
    writing.write(refs[0].key, {"end": "done", "outcome": {"y": [1.0]}})
    writing.close()
    path = next((stage.root / "ends").iterdir())
    with path.open("ab") as file:
        file.write(b'{"attempt":"%s","format":1,"end":"do' % refs[1].key.encode())
    assert stage.spool.end(refs[0])["outcome"] == {"y": [1.0]}
    assert stage.spool.end(refs[1]) is None


def test_a_book_that_was_removed_underneath_loses_no_end(stage):
    stage.spool.create(stage.nonce)
    refs = [s.ref for s in lot_of(stage, QUICK, [{"x": 1}, {"x": 2}])]
    writing = book.Book(str(stage.root), "abcdef")
    writing.write(refs[0].key, {"end": "done"})
    next((stage.root / "ends").iterdir()).unlink()
    writing.write(refs[1].key, {"end": "done"})
    writing.close()
    assert stage.spool.end(refs[1])["end"] == "done"


def test_a_worker_that_is_killed_in_the_middle_of_a_lot_ends_one_run_and_repeats_none(stage, tmp_path):
    log = tmp_path / "log"
    parameters = [{"x": x, "log": str(log), "seconds": 60.0 if x == 20 else 0.0} for x in range(40)]
    refs = stage.submit_all(lot_of(stage, SLOW, parameters))
    eventually(lambda: stage.look() or (log.exists() and "20 " in log.read_text()))
    pid = next(int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("20 "))
    os.kill(pid, signal.SIGKILL)
    stage.ended()
    assert stage.seen[refs[20]].end["end"] == "lost"
    done = [ref for ref in refs if stage.seen[ref].end["end"] == "done"]
    assert len(done) == 39
    assert sorted(map(int, started(log))) == list(range(40))


def test_one_run_of_a_lot_can_be_taken_back_before_it_starts(stage, tmp_path):
    log = tmp_path / "log"
    parameters = [{"x": x, "log": str(log), "seconds": 1.0 if x < 2 else 0.0} for x in range(12)]
    refs = stage.submit_all(lot_of(stage, SLOW, parameters))
    stage.control(refs[11], "withdraw")
    stage.ended()
    assert stage.seen[refs[11]].end["end"] == "withdrawn"
    assert sorted(map(int, started(log))) == list(range(11))


def test_a_long_run_of_a_lot_is_stopped_like_any_other(stage, tmp_path):
    refs = stage.submit_all(lot_of(stage, STEPS, [{"x": x} for x in range(8)]))
    stage.until(lambda: stage.seen[refs[0]].observations)
    for ref in reversed(refs):
        stage.control(ref, "stop")
    stage.ended()
    assert stage.seen[refs[0]].end["end"] == "partial"
    assert stage.seen[refs[7]].end["end"] == "withdrawn"


def test_an_attempt_of_a_lot_that_is_fenced_before_it_started_never_starts(stage, tmp_path):
    log = tmp_path / "log"
    parameters = [{"x": x, "log": str(log), "seconds": 1.0 if x < 2 else 0.0} for x in range(12)]
    refs = stage.submit_all(lot_of(stage, SLOW, parameters))
    stage.spool.fence(refs[11].folder, 2)
    stage.ended(*refs[:11])
    assert stage.spool.claim(refs[11])["by"].startswith("fence-")
    assert "11" not in started(log)


def test_another_driver_finds_what_a_lot_holds_and_runs_nothing_twice(stage, tmp_path):
    log = tmp_path / "log"
    parameters = [{"x": x, "log": str(log), "seconds": 0.05} for x in range(20)]
    refs = stage.submit_all(lot_of(stage, SLOW, parameters))
    eventually(lambda: len(started(log)) > 4)
    stage.endpoint.close()
    stage.spool = Spool(stage.root)
    stage.endpoint = LocalEndpoint(stage.root, workers=2, idle=30.0)
    stage.endpoint.attach(dict.fromkeys(refs))
    stage.ended()
    assert {stage.seen[ref].end["end"] for ref in refs} == {"done"}
    assert sorted(map(int, started(log))) == list(range(20))


def test_a_killed_host_loses_nothing_of_a_lot(stage, tmp_path):
    log = tmp_path / "log"
    parameters = [{"x": x, "log": str(log), "seconds": 0.05} for x in range(30)]
    refs = stage.submit_all(lot_of(stage, SLOW, parameters))
    eventually(lambda: stage.look() or len(started(log)) > 4)
    host = next(host for host in list_hosts() if host.spool == str(stage.root))
    os.kill(host.pid, signal.SIGKILL)
    eventually(lambda: not is_alive(host.pid))
    stage.ended()
    # What was executed when its host died goes on to its end, what waited is taken up by the next host: each once.
    assert [stage.seen[ref].lost for ref in refs] == [""] * 30
    assert [stage.seen[ref].end["end"] for ref in refs] == ["done"] * 30
    assert [stage.seen[ref].end["outcome"]["y"] for ref in refs] == [[2.0 * x] for x in range(30)]
    assert sorted(map(int, started(log))) == list(range(30))


def test_a_spool_removed_underneath_loses_the_runs_of_a_lot_and_says_so(stage, tmp_path, monkeypatch):
    monkeypatch.setattr("aisteer.execution.looking._SURE", 0.3)
    monkeypatch.setattr("aisteer.execution.looking._CUT_OFF", 1.0)
    parameters = [{"x": x, "log": str(tmp_path / "log"), "seconds": 3.0} for x in range(10)]
    refs = stage.submit_all(lot_of(stage, SLOW, parameters))
    stage.look()
    shutil.rmtree(stage.root, ignore_errors=True)
    shutil.rmtree(stage.root, ignore_errors=True)
    stage.ended()
    assert all(stage.seen[ref].lost or stage.seen[ref].end for ref in refs)
    assert "spool" in stage.seen[refs[9]].lost


def test_packing_leaves_nothing_of_a_lot_but_an_archive_of_whole_folders_and_a_claim_each(stage):
    refs = stage.submit_all(lot_of(stage, QUICK, [{"x": x} for x in range(30)]))
    stage.ended()
    assert stage.endpoint.pack(refs[:10]) == 10
    assert len(list((stage.root / "lots").iterdir())) == 1
    assert stage.endpoint.pack(refs) == 20
    assert not list((stage.root / "lots").iterdir())
    assert {path.name for path in stage.root.glob("attempts/*/*")} == {f"{ref.key}.claim" for ref in refs}
    workers = {path.stem for path in (stage.root / "claimants").iterdir()}
    assert {path.name.partition("-")[0] for path in (stage.root / "ends").iterdir()} <= workers
    stage.endpoint.close()
    host = next(host for host in list_hosts() if host.spool == str(stage.root))
    stop_host(host)
    eventually(lambda: not is_alive(host.pid))
    assert Spool(stage.root).archives.pack([]) == 0
    assert not list((stage.root / "ends").iterdir())
    with zipfile.ZipFile(stage.root / "archives" / "000001.zip") as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
        assert names == {"request.json", "claim.json", "end.json"}
    end = Spool(stage.root).archives.read(refs[29].folder, "end.json")
    assert b'"outcome":{"y":[58.0]}' in end.replace(b" ", b"")


def test_a_spool_of_format_1_is_read_and_its_claims_count(stage):
    ref = stage.write(QUICK, {"x": 1})
    (stage.root / "spool.json").write_text(f'{{"format":1,"nonce":"{stage.nonce}"}}')
    (stage.path(ref) / "claim.json").write_text('{"by":"somebody"}')
    assert stage.spool.claim(ref) == {"by": "somebody"}
    seen = stage.execute(ref)
    assert seen.end is None
    for name in ("ends", "lots"):
        (stage.root / name).rmdir()
    Spool(stage.root).create(stage.nonce)
    assert (stage.root / "lots").is_dir()
