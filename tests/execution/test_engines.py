"""Runs on Parsl and Dask, by address and as the Executors that they offer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from stage import Stage, eventually, is_alive, kill

from aisteer.errors import EndpointError
from aisteer.execution.endpoint import Endpoint
from aisteer.execution.engines.dask import DaskEngine
from aisteer.execution.engines.keeper import Keeper
from aisteer.execution.engines.parsl import ParslEngine, specification
from aisteer.execution.futures import FuturesEndpoint
from tests.services.ports import free_port

COUNTING = """
    import os, time
    def f(steps=5, pause=0.02, restart=None):
        step = restart["step"] if restart else 0
        while step < steps:
            control = yield {"i": step, "pid": os.getpid()}, lambda step=step: {"step": step}
            if control.get("stop"):
                return {"y": float(step)}
            step += 1
            time.sleep(pause)
        return {"y": float(step)}
"""


class Cluster:
    """A Dask scheduler with workers of one thread each, as a user starts them."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self.begin()
        for _ in range(workers):
            self.add_worker()

    def begin(self) -> None:
        self.scheduler = self._start("scheduler", "--port", str(self.port), "--no-dashboard")

    def add_worker(self, *options: str) -> None:
        place = ["--local-directory", str(self.folder), "--no-dashboard", "--death-timeout", "60"]
        threads = ["--nthreads", "1", "--nworkers", "1", "--no-nanny"]
        self.workers.append(self._start("worker", self.address, *threads, *place, *options))

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "dask.log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *command, "--host", "127.0.0.1"],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    def end_scheduler(self) -> None:
        self.scheduler.kill()
        self.scheduler.wait()

    def close(self) -> None:
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("dask"), 2)
    yield made
    made.close()


@pytest.fixture
def own_cluster(tmp_path):
    """One that can be ended, without workers."""
    folder = tmp_path / "dask"
    folder.mkdir()
    made = Cluster(folder, 0)
    yield made
    made.close()


@pytest.fixture
def configs(tmp_path, monkeypatch):
    """A module with Parsl Configs where Python finds it."""
    name = f"configs_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(
        textwrap.dedent("""
            from parsl.config import Config
            from parsl.executors import HighThroughputExecutor, ThreadPoolExecutor
            from parsl.launchers import SimpleLauncher
            from parsl.providers import LocalProvider

            threads = Config([ThreadPoolExecutor(max_threads=2)])

            def processes():
                provider = LocalProvider(
                    init_blocks=1, max_blocks=1, min_blocks=1, launcher=SimpleLauncher()
                )
                return Config(
                    [HighThroughputExecutor(
                        address="127.0.0.1", max_workers_per_node=2, provider=provider, cores_per_worker=0.1,
                        heartbeat_period=1, heartbeat_threshold=5,
                    )],
                    strategy_period=0.5,
                )
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.fixture
def on(tmp_path):
    """Stages whose endpoints are let go of."""
    made = []

    def stand(engine, folder="campaign", **options):
        stage = made[-1] if made and made[-1].folder == tmp_path / folder else Stage(tmp_path / folder)
        stage.endpoint = FuturesEndpoint(engine, stage.root, **options)
        made.append(stage)
        return stage

    yield stand
    for stage in made:
        stage.endpoint.close()


@pytest.fixture(params=["dask", "dask executor", "parsl", "parsl executor"])
def engine(request, tmp_path):
    if request.param.startswith("dask"):
        cluster = request.getfixturevalue("cluster")
        if request.param == "dask":
            yield DaskEngine(cluster.address, f"dask:{cluster.address}")
        else:
            from distributed import Client

            with Client(cluster.address, set_as_default=False) as client:
                yield client.get_executor(pure=False)
    else:
        configs = request.getfixturevalue("configs")
        if request.param == "parsl":
            yield ParslEngine(configs, "threads", f"parsl:{configs}:threads", tmp_path)
        else:
            import parsl
            from parsl.concurrent import ParslPoolExecutor

            made = parsl.Config([parsl.ThreadPoolExecutor(max_threads=2)], run_dir=str(tmp_path / "runs"))
            kernel = parsl.DataFlowKernel(made)
            yield ParslPoolExecutor(dfk=kernel)
            kernel.cleanup()


def test_an_ensemble_is_watched_live_stopped_paused_and_withdrawn(engine, on):
    stage = on(engine, workers=2)
    assert isinstance(stage.endpoint, Endpoint)
    done = stage.submit(COUNTING)
    assert stage.ended(done).end["outcome"] == {"y": [5.0]}
    assert [o["i"] for o in stage.seen[done].observations] == [0, 1, 2, 3, 4]
    long = [stage.submit(COUNTING, {"steps": 10_000}) for _ in range(2)]
    waiting = [stage.submit(COUNTING, {"steps": 10_000}) for _ in range(3)]
    stage.until(lambda: all(len(stage.seen[ref].observations) > 3 for ref in long))
    assert all(stage.seen[ref].end is None for ref in long)
    stage.control(waiting[0], "withdraw")
    stage.control(waiting[2], "pause")
    withdrawn = stage.ended(waiting[0])
    assert (withdrawn.end["end"], withdrawn.observations) == ("withdrawn", [])
    health = stage.endpoint.status()
    assert (health.state, health.busy, health.waiting, health.trusted_code) == ("online", 2, 2, True)
    stage.control(long[0], "stop")
    stage.control(long[1], "stop")
    stage.control(waiting[1], "stop")
    stage.ended()
    assert [stage.seen[ref].end["end"] for ref in long] == ["partial", "partial"]
    # One of them may have been claimed before the stop; then it ends as one that was stopped while it ran.
    assert stage.seen[waiting[1]].end["end"] in {"withdrawn", "partial"}
    assert stage.seen[waiting[2]].end["end"] == "paused"
    assert len(stage.seen[waiting[2]].observations) <= 1


def test_many_short_runs_are_one_file_and_no_folders(engine, on):
    stage = on(engine, workers=2)
    refs = stage.submit_all([stage.submission("def f(): return {'y': 1}") for _ in range(12)])
    stage.ended(within=90)
    assert {stage.seen[ref].end["end"] for ref in refs} == {"done"}
    assert not any(stage.path(ref).exists() for ref in refs)


# --- Dask -----------------------------------------------------------------------------------------


def dask(cluster):
    return DaskEngine(cluster.address, f"dask:{cluster.address}")


def test_a_run_of_a_killed_dask_worker_is_lost_and_goes_on_as_the_next_attempt(cluster, on, monkeypatch):
    monkeypatch.setattr("aisteer.execution.looking._SURE", 0.5)
    stage = on(dask(cluster))
    first = stage.submit(COUNTING, {"steps": 10_000}, checkpoint_every=0.1)
    stage.until(lambda: len(stage.seen[first].of_kind("checkpoint")) > 1)
    pid = stage.seen[first].claim["pid"]
    assert pid in [worker.pid for worker in cluster.workers]
    kill(pid)
    cluster.add_worker()
    assert "is dead" in stage.ended(first).lost
    checkpoint = stage.seen[first].of_kind("checkpoint")[-1]["name"]
    step = int(stage.seen[first].observations[-1]["i"])
    second = stage.submit(
        COUNTING,
        {"steps": step + 20},
        uuid=first.uuid,
        attempt=2,
        epoch=1,
        previous=[first.folder],
        restart=f"{first.folder}/checkpoints/{checkpoint}",
    )
    assert stage.ended(second).end["outcome"] == {"y": [step + 20.0]}
    assert stage.seen[second].observations[0]["i"] > 0
    # Dask had begun the first one again at the other worker: it was claimed, so nothing came of that.
    assert {o["pid"] for o in stage.read(first).observations} == {pid}


def test_what_a_dask_scheduler_took_with_it_is_given_to_the_next_one(own_cluster, on):
    stage = on(dask(own_cluster))
    ref = stage.submit(COUNTING)
    stage.until(lambda: "has no workers" in stage.endpoint.status().detail)
    own_cluster.end_scheduler()
    stage.until(lambda: stage.endpoint.status().state == "offline")
    assert "Dask scheduler" in stage.endpoint.status().detail
    own_cluster.begin()
    own_cluster.add_worker()
    assert stage.ended(ref).end["end"] == "done"
    assert stage.endpoint.status().state == "online"


def test_the_next_driver_finds_runs_at_a_dask_scheduler_still_there(cluster, on, tmp_path):
    stage = on(dask(cluster))
    refs = [stage.submit(COUNTING, {"steps": 50}) for _ in range(4)]
    stage.until(lambda: any(stage.seen[ref].observations for ref in refs))
    stage.endpoint.close()
    # Nobody drives, and what waited goes on all the same.
    eventually(lambda: all(stage.spool.end(ref) is not None for ref in refs))
    stage.endpoint = FuturesEndpoint(dask(cluster), stage.root)
    stage.endpoint.attach(dict.fromkeys(refs))
    stage.ended()
    assert [stage.seen[ref].end["end"] for ref in refs] == ["done"] * 4
    assert not stage.endpoint._keeper.needed  # there was nothing to ask for


def test_dask_workers_that_count_their_cores_are_asked_for_them(cluster, on):
    stage = on(dask(cluster))
    stage.ended(stage.submit(COUNTING, resources={"cpus": 4, "gpus_per_rank": 1}))  # nobody counts: anywhere
    cluster.add_worker("--resources", "CPU=4")
    stage.until(lambda: stage.endpoint.engine._offered == {"CPU": 4.0})
    refs = [stage.submit(COUNTING, resources={"cpus": 4}) for _ in range(3)]
    stage.ended()
    assert {stage.seen[ref].end["where"]["pid"] for ref in refs} == {cluster.workers[-1].pid}


# --- Parsl ----------------------------------------------------------------------------------------


def test_the_same_parsl_config_is_loaded_again_by_the_next_driver(configs, on, tmp_path):
    for folder in ("one", "two"):
        stage = on(ParslEngine(configs, "threads", f"parsl:{configs}:threads", tmp_path / folder), folder)
        assert stage.ended(stage.submit(COUNTING)).end["end"] == "done"
        assert stage.endpoint.workers == 2
        stage.endpoint.close()
        assert (tmp_path / folder / "parsl").is_dir()


def test_an_executor_is_told_of_resources_what_it_understands():
    pytest.importorskip("parsl")
    from parsl.executors import MPIExecutor, ThreadPoolExecutor
    from parsl.launchers import SimpleLauncher
    from parsl.providers import LocalProvider

    needs = {"nodes": 2, "ranks_per_node": 3, "cpus": 4}
    mpi = MPIExecutor(provider=LocalProvider(launcher=SimpleLauncher()), address="127.0.0.1")
    assert specification(mpi, needs) == {"num_nodes": 2, "ranks_per_node": 3, "num_ranks": 6}
    assert specification(ThreadPoolExecutor(), needs) == {}


def children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in found.stdout.split()]


@pytest.mark.full
def test_runs_of_a_killed_parsl_block_go_on_in_the_next_one(configs, on, tmp_path, monkeypatch):
    monkeypatch.setattr("aisteer.execution.looking._SURE", 0.5)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # as for a kernel that was started by its path
    stage = on(ParslEngine(configs, "processes", f"parsl:{configs}:processes", tmp_path))
    first = stage.submit(COUNTING, {"steps": 10_000}, checkpoint_every=0.1)
    stage.until(lambda: len(stage.seen[first].of_kind("checkpoint")) > 1, within=90)
    group = os.getpgid(stage.seen[first].claim["pid"])
    assert group != os.getpgid(0)
    os.killpg(group, signal.SIGKILL)
    assert "is dead" in stage.ended(first).lost
    checkpoint = stage.seen[first].of_kind("checkpoint")[-1]["name"]
    second = stage.submit(
        COUNTING,
        {"steps": 10_000},
        uuid=first.uuid,
        attempt=2,
        previous=[first.folder],
        restart=f"{first.folder}/checkpoints/{checkpoint}",
    )
    stage.until(lambda: stage.seen[second].observations, within=90)
    assert stage.seen[second].observations[0]["i"] > 0
    # Whoever lets go of Parsl gives its blocks back: the run writes a checkpoint, and the next driver goes on from it.
    pid = stage.seen[second].claim["pid"]
    stage.endpoint.close()
    eventually(lambda: not is_alive(pid))
    assert stage.spool.end(second)["end"] == "preempted"
    assert stage.spool.end(second)["checkpoint"]


# --- an engine that cannot be had -----------------------------------------------------------------


def test_while_an_engine_cannot_be_had_runs_wait_and_the_reason_is_told(on, monkeypatch):
    monkeypatch.setattr("aisteer.execution.engines.keeper._FIRST", 0.05)
    place = f"tcp://127.0.0.1:{free_port()}"
    stage = on(DaskEngine(place, f"dask:{place}"))
    assert stage.endpoint.status().state == "online"
    ref = stage.submit(COUNTING)
    stage.until(lambda: stage.endpoint.status().state == "offline")
    assert "No Dask scheduler answers at" in stage.endpoint.status().detail
    for _ in range(5):
        stage.look()
    assert not stage.seen[ref].over
    stage.control(ref, "withdraw")
    assert stage.ended(ref).end["end"] == "withdrawn"


class Broken(DaskEngine):
    """Comes up, and takes nothing."""

    def start(self):
        self.started = True

    def look(self):
        from aisteer.execution.engines.engine import Capacity

        return Capacity(1)

    def submit(self, call):
        raise EndpointError("not this one")


def test_what_an_engine_refuses_again_and_again_is_lost_with_its_reason(on, monkeypatch):
    monkeypatch.setattr("aisteer.execution.engines.keeper._LOOK", 0.05)
    stage = on(Broken("tcp://127.0.0.1:1", "dask:tcp://127.0.0.1:1"))
    assert "does not take it: not this one" in stage.ended(stage.submit(COUNTING)).lost


def test_a_keeper_that_is_closed_stops_its_engine():
    stopped = []

    class Quick(Broken):
        def stop(self):
            stopped.append(time.monotonic())

    keeper = Keeper(Quick("tcp://127.0.0.1:1", "dask:tcp://127.0.0.1:1"), lambda: None)
    keeper.begin()
    eventually(lambda: keeper.up)
    keeper.close()
    assert len(stopped) == 1
