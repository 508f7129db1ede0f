"""Runs at the local endpoint: a host of our own, its workers, and everything that can happen to them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from stage import Stage, eventually, is_alive, kill

from aisteer.errors import SpoolError
from aisteer.execution.endpoint import AttemptRef, Endpoint
from aisteer.execution.hosts import Place, list_hosts, stop_host
from aisteer.execution.local import LocalEndpoint

QUICK = "def f(x): return {'y': 2.0 * x}"
SLOW = """
    import os, time
    def f(steps=2000, pause=0.02, restart=None):
        i = restart["i"] if restart else 0
        while i < steps:
            control = yield {"i": i, "pid": os.getpid()}, lambda: {"i": i}
            if control.get("stop"):
                return {"y": float(i)}
            steps = control.get("steps", steps)
            time.sleep(pause)
            i += 1
        return {"y": float(i)}
"""


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    made.endpoint = LocalEndpoint(made.root, workers=2, idle=60)
    yield made
    made.endpoint.close()
    for host in list_hosts():
        if host.spool == str(made.root):
            stop_it(host)


def stop_it(host):
    """End a host at once: its runs are of no interest any more."""
    for worker in psutil.Process(host.pid).children():
        worker.kill()
    assert stop_host(host)


def host_of(stage):
    return next((host for host in list_hosts() if host.spool == str(stage.root)), None)


def running(stage, ref):
    """Follow until it computes; returns the worker's process."""
    stage.until(lambda: stage.seen[ref].observations)
    return stage.seen[ref].claim["pid"] if stage.seen[ref].claim else stage.spool.claim(ref)["pid"]


# --- the ordinary way -------------------------------------------------------------------------


def test_it_is_an_endpoint(stage):
    assert isinstance(stage.endpoint, Endpoint)
    assert stage.endpoint.address == "local"
    assert not stage.endpoint.status().trusted_code


def test_runs_are_executed_observed_and_ended(stage):
    refs = [stage.submit(SLOW, {"steps": 5}) for _ in range(3)]
    stage.ended()
    for ref in refs:
        seen = stage.seen[ref]
        assert [o["i"] for o in seen.observations] == [0, 1, 2, 3, 4]
        assert (seen.end["end"], seen.end["outcome"], seen.end["length"]) == (
            "done",
            {"y": [5.0]},
            len(seen.data),
        )
    assert {len({o["pid"] for o in stage.seen[r].observations}) for r in refs} == {1}


def test_many_short_runs_share_warm_workers(stage):
    refs = stage.submit_all([stage.submission(QUICK, {"x": i}) for i in range(300)])
    stage.ended()
    assert [stage.seen[ref].end["outcome"]["y"][0] for ref in refs] == [2.0 * i for i in range(300)]
    assert len({stage.seen[ref].end["where"]["pid"] for ref in refs}) <= 2
    assert stage.endpoint.status().state == "online"


def test_short_runs_do_not_wait_behind_a_long_one(stage):
    stage.submit_all([stage.submission(QUICK, {"x": i}) for i in range(100)])
    stage.ended()  # both workers are now sent several at once
    long = stage.submission(SLOW)
    short = [stage.submission(QUICK, {"x": i}) for i in range(30)]
    stage.submit_all([*short[:10], long, *short[10:]])
    stage.ended(*(s.ref for s in short))
    assert stage.seen[long.ref].end is None
    stage.control(long.ref, "stop")
    stage.ended()


def test_the_same_submission_twice_runs_once(stage, tmp_path):
    source = f"""
        def f():
            with open({str(tmp_path / "log")!r}, "a") as log:
                log.write("ran\\n")
            return {{"y": 1}}
    """
    submission = stage.submission(source)
    for _ in range(3):
        stage.submit_all([submission])
    stage.ended()
    stage.endpoint.submit([submission])
    stage.submit(QUICK, {"x": 1})
    stage.ended()
    assert (tmp_path / "log").read_text() == "ran\n"


def test_a_worker_has_one_thread_for_numerical_libraries_unless_the_run_needs_more(stage):
    source = "import os\ndef f(): return {'y': float(os.environ['OMP_NUM_THREADS'])}"
    one, four = stage.submit(source), stage.submit(source, resources={"cpus": 4})
    stage.ended()
    assert (stage.seen[one].end["outcome"]["y"], stage.seen[four].end["outcome"]["y"]) == ([1.0], [4.0])


def test_modules_beside_the_notebook_are_found(stage, tmp_path, monkeypatch):
    import hashlib

    content = b"def f(): return {'y': 5}\n"
    (tmp_path / "beside_the_notebook.py").write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    simulation = {
        "kind": "function",
        "mode": "reference",
        "reference": "beside_the_notebook:f",
        "name": "f",
        "code": hashlib.sha256(content).hexdigest(),
    }
    ref = stage.submit(simulation)
    stage.ended()
    assert stage.seen[ref].end["outcome"] == {"y": [5.0]}
    # Edited: a warm worker that has imported it gives way to a fresh one.
    content = b"def f(): return {'y': 6.5}\n"
    (tmp_path / "beside_the_notebook.py").write_bytes(content)
    stale, fresh = (
        stage.submit(simulation),
        stage.submit({**simulation, "code": hashlib.sha256(content).hexdigest()}),
    )
    stage.ended()
    assert stage.seen[fresh].end["outcome"] == {"y": [6.5]}
    assert stage.seen[stale].end["end"] in {"done", "failed"}


# --- controls ---------------------------------------------------------------------------------


def test_stop_pause_set_and_withdraw(stage):
    first, second = stage.submit(SLOW), stage.submit(SLOW)
    waiting = stage.submit(QUICK, {"x": 1})
    running(stage, first)
    running(stage, second)
    stage.control(waiting, "withdraw")
    assert stage.ended(waiting).end["end"] == "withdrawn"
    stop = stage.control(first, "stop")
    stage.control(second, "set", steps=10**6)
    pause = stage.control(second, "pause")
    stage.ended()
    assert stage.seen[first].end["end"] == "partial"
    assert (stop, "sent") in stage.seen[first].answers
    assert stage.seen[second].end["end"] == "paused"
    assert (pause, "done") in stage.seen[second].answers
    assert stage.seen[second].end["checkpoint"]


@pytest.mark.full
def test_a_run_that_neither_returns_nor_can_be_interrupted_is_ended_with_its_process_group(stage):
    ref = stage.submit(
        """
        import signal, subprocess, time
        def f():
            child = subprocess.Popen(["sleep", "1000"])
            yield {"child": child.pid}
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            while True:
                time.sleep(1000)
    """,
        grace=0.1,
    )
    other = stage.submit(SLOW)
    stage.until(lambda: stage.seen[ref].observations)
    child = stage.seen[ref].observations[0]["child"]
    control = stage.control(ref, "stop")
    seen = stage.ended(ref)
    assert seen.end["end"] == "partial"
    assert "process group was ended" in seen.end["message"]
    assert seen.answers[-1] == (control, "ended")
    assert not is_alive(child)
    stage.control(other, "stop")
    assert stage.ended(other).end["end"] == "partial"


def test_a_slow_step_is_interrupted_and_the_worker_stays(stage):
    ref = stage.submit(
        """
        import time
        def f():
            yield {"i": 0}
            time.sleep(1000)
    """,
        grace=0.1,
    )
    worker = running(stage, ref)
    stage.control(ref, "stop")
    seen = stage.ended(ref)
    assert (seen.end["end"], seen.answers[-1][1]) == ("partial", "ended")
    assert is_alive(worker)


# --- deaths -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("death", "end", "words"),
    [
        ("os._exit(7)", "failed", "exit code 7"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "lost", "ran out of memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "lost", "SIGSEGV"),
    ],
)
def test_a_run_that_takes_its_process_along_is_the_only_one_that_ends(stage, death, end, words):
    stage.endpoint.workers = 4
    dying = stage.submit(f"""
        import os, signal, sys
        def f():
            yield {{"i": 0}}
            print("my last words", file=sys.stderr)
            {death}
    """)
    others = [stage.submit(SLOW, {"steps": 40}) for _ in range(3)]
    stage.ended()
    seen = stage.seen[dying]
    assert seen.end["end"] == end
    assert words in seen.end["message"]
    assert "my last words" in seen.end["message"]
    assert (stage.path(dying) / "stderr.log").read_text().startswith("my last words")
    assert seen.end["length"] == len(seen.data)
    assert [stage.seen[ref].end["end"] for ref in others] == ["done"] * 3


def test_memory_that_is_not_there_ends_one_run_of_four(stage):
    """The kernel kills the largest: here a limit on the run's own process does it."""
    stage.endpoint.workers = 4
    dying = stage.submit("""
        import os, resource, signal, threading, time
        def f(limit=300 << 20):
            def kernel():
                while True:
                    if int(open("/proc/self/statm").read().split()[1]) * 4096 > limit:
                        os.kill(os.getpid(), signal.SIGKILL)
                    time.sleep(0.001)
            threading.Thread(target=kernel, daemon=True).start()
            hoard = []
            while True:
                yield {"mb": len(hoard)}
                hoard.append(bytearray(b"x") * (1 << 20))
    """)
    others = [stage.submit(SLOW, {"steps": 30}) for _ in range(3)]
    stage.ended()
    assert stage.seen[dying].end["end"] == "lost"
    assert [stage.seen[ref].end["end"] for ref in others] == ["done"] * 3


def test_what_waited_for_a_dead_worker_goes_to_another(stage):
    stage.submit_all([stage.submission(QUICK, {"x": i}) for i in range(100)])
    stage.ended()
    batch = [stage.submission("import os\ndef f(): os._exit(1)")] + [
        stage.submission(QUICK, {"x": i}) for i in range(20)
    ]
    stage.submit_all(batch)
    stage.ended()
    assert [stage.seen[s.ref].end["end"] for s in batch] == ["failed"] + ["done"] * 20


def test_a_host_that_is_killed_loses_no_run(stage):
    claimed = [stage.submit(SLOW, {"pause": 0.05}, checkpoint_every=0.1) for _ in range(2)]
    waiting = stage.submit(QUICK, {"x": 4})
    workers = [running(stage, ref) for ref in claimed]
    first = host_of(stage)
    kill(first.pid)
    # What nobody had claimed runs under another host; what was claimed ends with its workers.
    assert stage.ended(waiting).end["end"] == "done"
    assert host_of(stage).pid != first.pid
    stage.ended()
    for ref in claimed:
        assert stage.seen[ref].end["end"] == "preempted"
        assert stage.seen[ref].end["checkpoint"]
    eventually(lambda: not any(is_alive(pid) for pid in workers))


def test_when_host_and_worker_are_killed_the_run_is_lost_and_its_next_attempt_goes_on(stage, monkeypatch):
    monkeypatch.setattr("aisteer.execution.looking._SURE", 0.3)
    submission = stage.submission(SLOW, {"pause": 0.05}, checkpoint_every=0.1)
    ref = stage.submit_all([submission])[0]
    worker = running(stage, ref)
    stage.until(lambda: stage.seen[ref].of_kind("checkpoint"))
    name = stage.seen[ref].of_kind("checkpoint")[-1]["name"]
    host = host_of(stage)
    os.kill(host.pid, signal.SIGSTOP)  # so that it cannot speak for its worker
    kill(worker)
    kill(host.pid)
    assert "is dead" in stage.ended(ref).lost
    again = stage.submission(
        SLOW,
        {"steps": 10**6, "pause": 0.01},
        attempt=2,
        uuid=ref.uuid,
        epoch=2,
        restart=f"{ref.folder}/checkpoints/{name}",
        previous=[ref.folder],
    )
    second = stage.submit_all([again])[0]
    running(stage, second)
    assert stage.seen[second].observations[0]["i"] > 0
    assert (stage.path(ref) / "fenced").exists()
    stage.control(second, "stop", epoch=2)
    assert stage.ended(second).end["end"] == "partial"


CLIENT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from stage import Stage
from aisteer.execution.local import LocalEndpoint
stage = Stage(Path(sys.argv[2]))
stage.endpoint = LocalEndpoint(stage.root, workers=2, idle=60)
refs = [stage.submit(sys.argv[3], {"steps": 60}) for _ in range(4)]
stage.until(lambda: stage.seen[refs[0]].observations)
print(json.dumps([[r.run, r.uuid, r.attempt] for r in refs]), flush=True)
while True: stage.look()
"""


def test_runs_outlive_the_kernel_and_are_picked_up(stage, tmp_path):
    import json

    here = str(Path(__file__).parent)
    kernel = subprocess.Popen(
        [sys.executable, "-c", CLIENT, here, str(tmp_path), SLOW], stdout=subprocess.PIPE
    )
    refs = [AttemptRef(*parts) for parts in json.loads(kernel.stdout.readline())]
    kernel.kill()
    kernel.wait()
    workers = psutil.Process(host_of(stage).pid).children()
    stage.endpoint.attach(dict.fromkeys(refs))
    for ref in refs:
        stage.seen[ref] = type(next(iter(stage.seen.values()), None) or __import__("stage").Seen())()
    stage.ended()
    assert [stage.seen[ref].end["outcome"] for ref in refs] == [{"y": [60.0]}] * 4
    assert [len(stage.seen[ref].observations) for ref in refs] == [60] * 4
    assert {stage.seen[ref].end["where"]["pid"] for ref in refs} <= {w.pid for w in workers}


def test_an_attempt_whose_request_never_arrived_is_lost_with_the_reason(stage):
    stage.submit(QUICK, {"x": 1})
    ref = AttemptRef("R99", "f" * 32, 1)
    stage.seen[ref] = type(stage.seen[next(iter(stage.seen))])()
    stage.endpoint.attach({ref: None})
    assert "never reached" in stage.ended(ref).lost


# --- the spool --------------------------------------------------------------------------------


def test_a_spool_removed_underneath_loses_its_runs_and_says_so(stage, monkeypatch):
    monkeypatch.setattr("aisteer.execution.looking._SURE", 0.3)
    ref = stage.submit(SLOW)
    worker = running(stage, ref)
    shutil.rmtree(stage.root / "attempts")
    assert "gone" in stage.ended(ref).lost
    eventually(lambda: psutil.Process(worker).num_fds() and not (stage.root / "attempts").exists())
    stage.root.rename(stage.folder / "away")
    with pytest.raises(SpoolError, match="removed while the campaign used it"):
        stage.submit(QUICK, {"x": 1})
    (stage.folder / "away").rename(stage.root)


def test_a_spool_of_another_campaign_is_refused(stage):
    stage.submit(QUICK, {"x": 1})
    stage.ended()
    stage.nonce = "another"
    with pytest.raises(SpoolError, match="another campaign"):
        stage.submit(QUICK, {"x": 1})


def test_a_stream_that_is_shorter_than_its_mirror_is_a_gap_in_words(stage):
    ref = stage.submit(SLOW, {"pause": 0.2})
    running(stage, ref)
    stage.until(lambda: len(stage.seen[ref].observations) >= 3)
    os.truncate(stage.path(ref) / "observations.jsonl", 10)
    stage.until(lambda: stage.seen[ref].gaps)
    assert "it was cut or replaced" in stage.seen[ref].gaps[0]
    stage.control(ref, "stop")
    stage.until(lambda: stage.seen[ref].end)


# --- the host ---------------------------------------------------------------------------------


def test_there_is_one_host_for_a_spool_however_many_ask(stage):
    stage.spool.create(stage.nonce)
    script = """
import sys
from aisteer.execution.local import LocalEndpoint
endpoint = LocalEndpoint(sys.argv[1], workers=2, idle=60)
endpoint._connected()
print(endpoint.status().state)
"""
    clients = [
        subprocess.Popen([sys.executable, "-c", script, str(stage.root)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [client.communicate(timeout=60)[0] for client in clients] == [b"online\n"] * 3
    assert sum(host.spool == str(stage.root) for host in list_hosts()) == 1


def test_a_host_goes_away_when_idle_and_comes_back_when_needed(stage):
    stage.endpoint.idle = 0.5
    stage.submit(QUICK, {"x": 1})
    stage.ended()
    first = host_of(stage)
    assert (first.workers, first.python) == (2, sys.executable)
    eventually(lambda: host_of(stage) is None)
    stage.look()
    assert "starts with the next run" in stage.endpoint.status().detail
    assert stage.ended(stage.submit(QUICK, {"x": 2})).end["outcome"] == {"y": [4.0]}
    assert host_of(stage).pid != first.pid


def test_a_host_that_is_told_to_end_lets_its_runs_write_checkpoints(stage):
    ref = stage.submit(SLOW)
    worker = running(stage, ref)
    assert stop_host(host_of(stage))
    seen = stage.ended(ref)
    assert (seen.end["end"], bool(seen.end["checkpoint"])) == ("preempted", True)
    assert not is_alive(worker)


def test_only_its_user_reaches_the_host(stage):
    stage.submit(QUICK, {"x": 1})
    stage.ended()

    place = Place.of(stage.root)
    assert place.socket.stat().st_mode & 0o077 == 0
    assert place.socket.parent.stat().st_mode & 0o077 == 0


def test_what_strangers_say_does_not_hurt_the_host(stage):
    stage.submit(QUICK, {"x": 1})
    stage.ended()
    before = [host.pid for host in list_hosts() if host.spool == str(stage.root)]
    channel = Place.of(stage.root).connect()
    channel.sendall(
        b'nonsense\n[1]\n{"submit":["../../etc",3,null,"'
        + b"a" * 100
        + b'-1"],"threads":"x"}\n{"control":[]}\n{"hello":1,"workers":"many"}\n'
    )
    channel.sendall(
        b'{"submit":7}\n{"submit":["abcd-1"],"threads":-5}\n{"submit":[[],[7,8],["abcd-2",{}]]}\n'
    )
    assert stage.ended(stage.submit(QUICK, {"x": 2})).end["end"] == "done"
    assert [host.pid for host in list_hosts() if host.spool == str(stage.root)] == before
    channel.close()


def test_a_client_that_does_not_listen_holds_up_nobody(stage):
    deaf = LocalEndpoint(stage.root, workers=2, idle=60)
    stage.submit(QUICK, {"x": 1})
    deaf._connected()
    stage.submit_all([stage.submission(QUICK, {"x": i}) for i in range(500)])
    stage.ended()
    deaf.close()


def test_a_crash_of_the_simulation_leaves_no_processes(stage):
    ref = stage.submit("""
        import os, subprocess
        def f():
            child = subprocess.Popen(["sleep", "1000"])
            yield {"child": child.pid}
            os._exit(3)
    """)
    seen = stage.ended(ref)
    assert seen.end["end"] == "failed"
    eventually(lambda: not is_alive(seen.observations[0]["child"]))


def test_time_passes_while_nothing_happens(stage):
    stage.submit(SLOW, {"steps": 1})
    stage.ended()
    begun = time.monotonic()
    assert stage.endpoint.tail({}, 0.2) == []
    assert time.monotonic() - begun >= 0.2
