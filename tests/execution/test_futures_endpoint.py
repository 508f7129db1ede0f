"""Runs through a user's own Executor."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from stage import Seen, Stage

from aisteer.errors import EndpointError
from aisteer.execution.endpoint import AttemptRef, Endpoint
from aisteer.execution.futures import FuturesEndpoint

STEPS = """
    import time
    def f(steps=5, pause=0.02):
        for i in range(steps):
            control = yield {"i": i}, lambda: {"i": i}
            if control.get("stop"):
                return {"y": float(i)}
            time.sleep(pause)
        return {"y": float(steps)}
"""


def loky():
    return pytest.importorskip("loky").ProcessPoolExecutor(2)


@pytest.fixture(
    params=[lambda: ThreadPoolExecutor(2), lambda: ProcessPoolExecutor(2), loky],
    ids=["threads", "processes", "loky"],
)
def executor(request):
    made = request.param()
    yield made
    made.shutdown(wait=True)


def on(folder, executor):
    stage = Stage(folder)
    stage.endpoint = FuturesEndpoint(executor, stage.root)
    return stage


def test_runs_are_executed_observed_stopped_and_withdrawn(executor, tmp_path):
    stage = on(tmp_path, executor)
    assert isinstance(stage.endpoint, Endpoint)
    done = stage.submit(STEPS)
    long = [stage.submit(STEPS, {"steps": 10_000}) for _ in range(2)]
    waiting = [stage.submit(STEPS, {"steps": 10_000}) for _ in range(3)]
    assert stage.ended(done).end["outcome"] == {"y": [5.0]}
    assert [o["i"] for o in stage.seen[done].observations] == [0, 1, 2, 3, 4]
    stage.until(lambda: all(stage.seen[ref].observations for ref in long))
    stage.control(waiting[2], "withdraw")
    for ref in [*long, *waiting[:2]]:
        stage.control(ref, "stop")
    stage.ended()
    assert [stage.seen[ref].end["end"] for ref in long] == ["partial", "partial"]
    assert stage.seen[waiting[2]].end["end"] == "withdrawn"
    health = stage.endpoint.status()
    assert (health.state, health.trusted_code) == ("online", True)


def test_a_failure_is_read_from_the_spool(executor, tmp_path):
    stage = on(tmp_path, executor)
    ref = stage.submit("def f(): raise ValueError('no')")
    assert "ValueError: no" in stage.ended(ref).end["message"]


def test_in_threads_output_and_signals_stay_the_kernels_own(tmp_path, capfd):
    with ThreadPoolExecutor(2) as pool:
        stage = on(tmp_path, pool)
        ref = stage.submit("def f(): print('here'); return {'y': 1}")
        stage.ended()
    assert capfd.readouterr().out == "here\n"
    assert not (stage.path(ref) / "stdout.log").exists()


def test_in_processes_output_is_captured_and_given_back(tmp_path):
    with ProcessPoolExecutor(1) as pool:
        stage = on(tmp_path, pool)
        refs = [stage.submit(f"def f(): print('run {i}'); return {{'y': 1}}") for i in range(2)]
        stage.ended()
        assert [(stage.path(ref) / "stdout.log").read_text() for ref in refs] == ["run 0\n", "run 1\n"]


def test_when_a_pool_breaks_its_runs_are_lost_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("aisteer.execution.futures._LATE", 0.5)
    monkeypatch.setattr("aisteer.execution.looking._SURE", 0.3)
    with ProcessPoolExecutor(2) as pool:
        stage = on(tmp_path, pool)
        ref = stage.submit("import os\ndef f(): os._exit(1)")
        seen = stage.ended(ref)
        assert "is dead" in seen.lost
        with pytest.raises(EndpointError, match="takes no more work"):
            stage.submit(STEPS)
        assert stage.endpoint.status().state == "offline"


class Hostile:
    """Whoever reads it runs something."""

    def __getattribute__(self, name):
        os._exit(66)


class Liar(Executor):
    """Answers without having executed anything."""

    def __init__(self, result=None, error=None):
        self.answer = result, error

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_running_or_notify_cancel()
        result, error = self.answer
        threading.Timer(
            0.05, lambda: future.set_exception(error) if error else future.set_result(result)
        ).start()
        return future


@pytest.mark.parametrize(
    ("liar", "words"),
    [
        (Liar(Hostile()), "finished without it"),
        (Liar({"executed": True, "end": "done", "outcome": {"y": [1.0]}}), "finished without it"),
        (Liar(error=RuntimeError("<script>" + "x" * 10_000)), "RuntimeError: <script>"),
    ],
)
def test_nothing_but_the_spool_is_believed(tmp_path, monkeypatch, liar, words):
    monkeypatch.setattr("aisteer.execution.futures._LATE", 0.2)
    stage = on(tmp_path, liar)
    seen = stage.ended(stage.submit(STEPS))
    assert seen.end is None
    assert words in seen.lost
    assert len(seen.lost) < 1000


def test_what_nobody_claimed_is_submitted_again_by_the_next_kernel(tmp_path):
    first = Stage(tmp_path)
    refs = [first.write(STEPS) for _ in range(2)]
    missing = AttemptRef("R9", "e" * 32, 1)
    with ThreadPoolExecutor(2) as pool:
        stage = on(tmp_path, pool)
        for ref in [*refs, missing]:
            stage.seen[ref] = Seen()
        stage.endpoint.attach(dict.fromkeys([*refs, missing]))
        stage.ended()
    assert [stage.seen[ref].end["end"] for ref in refs] == ["done", "done"]
    assert "never reached" in stage.seen[missing].lost
