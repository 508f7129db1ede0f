"""Executing attempts as a guest in an engine's process: what signals, fences and changed code do to it."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stage import Stage, eventually
from travelled import Travelled

from aisteer.execution.worker import guest
from aisteer.execution.worker.claim import read_claim
from aisteer.execution.worker.fencing import fence

STEPS = """
    def f(steps=3):
        for i in range(steps):
            yield {"i": i}
        return {"y": float(steps)}
"""
FOR_EVER = """
    def f():
        import time
        i = 0
        while True:
            i += 1
            yield {"i": i}
            time.sleep(0.02)
"""
DEAF = """
    def f():
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        yield {"i": 0}
        while True:
            pass
"""
IN_A_POOL = {"PARSL_WORKER_RANK": "0"}


@pytest.fixture
def founded(tmp_path):
    made = Travelled(tmp_path)
    made.found()
    return made


@pytest.fixture
def worker(founded):
    process = founded.worker(**IN_A_POOL)
    yield process
    process.kill()
    process.wait()


def begin(founded, worker, simulation, **request):
    submission = founded.submission(simulation, **request)
    founded.send(worker, "run", founded.asked(founded.order(submission)))
    return submission.ref


def observed(founded, ref):
    return eventually(lambda: founded.read(ref).observations)


def test_a_worker_executes_one_after_the_other_under_one_name(founded, worker):
    for steps in (1, 2, 3):
        begin(founded, worker, STEPS.replace("steps=3", f"steps={steps}"))
        assert founded.receive(worker)["end"]["outcome"] == {"y": [steps]}
    assert len(list((founded.root / "claimants").iterdir())) == 1
    founded.leave(worker)
    assert not list((founded.root / "claimants").iterdir())


def test_an_attempt_that_was_fenced_ends_without_a_word_and_the_worker_goes_on(founded, worker):
    ref = begin(founded, worker, FOR_EVER)
    observed(founded, ref)
    fence(str(founded.root), str(founded.path(ref)), 2)
    said = founded.receive(worker)
    assert said["executed"]
    assert said["end"] is None
    assert founded.read(ref).end is None
    assert (founded.path(ref) / "released").exists()
    begin(founded, worker, STEPS)
    assert founded.receive(worker)["end"]["end"] == "done"


@pytest.mark.full  # it has ten seconds to react
def test_a_pools_worker_that_hears_nothing_is_killed_when_its_attempt_was_fenced(founded, worker):
    ref = begin(founded, worker, DEAF)
    observed(founded, ref)
    fence(str(founded.root), str(founded.path(ref)), 2)
    assert worker.wait(60) == -signal.SIGKILL


def test_a_worker_that_is_asked_to_end_begins_nothing_more(tmp_path, monkeypatch):
    stage = Stage(tmp_path)
    ref = stage.write(STEPS)
    ended = threading.Event()
    monkeypatch.setattr(guest, "_leaving", [])
    guest.depart(0.0, lambda *_: ended.set())
    assert ended.wait(30)
    assert guest.execute(str(stage.root), ref.folder, alone=False) == {
        "executed": False,
        "reason": "this process is about to end",
        "again": True,
    }
    assert read_claim(str(stage.path(ref))) is None


def test_sigterm_before_the_claim_leaves_the_run_to_another_worker(founded, worker):
    # The earlier attempt seems to be executed by a process that lives: this one waits for it.
    first = founded.submission(STEPS)
    begun = founded.worker()
    founded.send(
        begun, "run", founded.asked(founded.order(founded.submission(FOR_EVER, uuid=first.ref.uuid)))
    )
    observed(founded, first.ref)
    begun.send_signal(signal.SIGSTOP)
    second = begin(founded, worker, STEPS, uuid=first.ref.uuid, attempt=2, previous=[first.ref.folder])
    eventually((founded.path(first.ref) / "fenced").exists)
    worker.terminate()
    said = founded.heard(worker)  # it has half a second for its answer, which a busy machine may not give it
    assert said is None or (said["executed"], said["again"]) == (False, True)
    assert read_claim(str(founded.path(second))) is None
    assert worker.wait(60) == -signal.SIGTERM
    begun.kill()
    founded.leave(begun)
    assert founded.call("run", founded.order(founded.submission(STEPS, uuid=first.ref.uuid, attempt=3)))[
        "executed"
    ]


def test_a_pools_worker_with_an_older_module_makes_room_for_a_fresh_one(founded, worker, tmp_path):
    module = tmp_path / "lately.py"

    def simulation(value):
        module.write_text(f"import sys\ndef f():\n    return {{'y': {value}}}\n")
        os.utime(module, (value, value))
        sha = founded.code(module.read_text())["code"]
        return {"kind": "function", "mode": "reference", "name": "f", "reference": "lately:f", "code": sha}

    path = f"def f():\n    import sys\n    sys.path.insert(0, {str(tmp_path)!r})\n    return {{'y': 0.0}}"
    begin(founded, worker, path)
    founded.receive(worker)
    begin(founded, worker, simulation(1.0))
    assert founded.receive(worker)["end"]["outcome"] == {"y": [1.0]}
    ref = begin(founded, worker, simulation(2.0))
    said = founded.heard(worker)  # as above
    if said is not None:
        assert (said["executed"], said["again"]) == (False, True)
        assert "another version" in said["reason"]
    assert read_claim(str(founded.path(ref))) is None
    assert worker.wait(60) == -signal.SIGTERM


def test_threads_of_one_process_have_names_of_their_own(tmp_path):
    stage = Stage(tmp_path)
    together = """
        def f(mine, other):
            import time
            from pathlib import Path
            Path(mine).touch()
            while not Path(other).exists():
                time.sleep(0.01)
            return {"y": 1.0}
    """
    names = [str(tmp_path / "a"), str(tmp_path / "b")]
    refs = [stage.write(together, {"mine": m, "other": o}) for m, o in (names, names[::-1])]
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(guest.execute, str(stage.root), ref.folder, alone=False) for ref in refs]
        assert all(answer.result(60)["executed"] for answer in answers)
    assert len({read_claim(str(stage.path(ref)))["by"] for ref in refs}) == 2
    assert all(Path(name).exists() for name in names)


def test_an_earlier_attempt_that_was_packed_is_not_waited_for(founded, worker):
    other = founded.worker()
    first = founded.submission(STEPS)
    founded.send(other, "run", founded.asked(founded.order(first)))
    founded.receive(other)
    founded.call("write", {"orders": [{"do": "pack", "keys": [first.ref.key]}]})
    begin(founded, worker, STEPS, uuid=first.ref.uuid, attempt=2, previous=[first.ref.folder])
    assert founded.receive(worker)["executed"]
    founded.leave(other)


def test_an_earlier_attempt_on_another_machine_is_waited_for_while_its_heart_beats(founded, worker):
    first = founded.submission(STEPS)
    folder = founded.path(first.ref)
    folder.mkdir(parents=True)
    Path(f"{folder}.claim").write_text(
        '{"by":"abcd","host":"elsewhere","boot":"b","space":"s","pid":1,"started":"1"}'
    )
    second = begin(founded, worker, STEPS, uuid=first.ref.uuid, attempt=2, previous=[first.ref.folder])
    eventually((folder / "fenced").exists)
    for beat in range(12):
        (folder / "heartbeat").write_text(f"{beat:012d}\n")
        assert read_claim(str(founded.path(second))) is None
        time.sleep(0.5)
    (folder / "released").touch()
    assert founded.receive(worker)["executed"]
