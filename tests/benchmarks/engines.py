"""Runs per second with nothing to compute on Globus Compute (loopback), Parsl and Dask, beside their bare selves.

Ours is the campaign of ``overhead`` at the engine: decision, gate, submission, claim, spool, mirror, fold, journal.
Beside it, in the same minute on the same workers, the same function as tasks of the engine's own Executor, which
remembers nothing. Globus Compute is the real SDK, broker and agent, with an emulated web service between them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import aisteer as ai
from aisteer.campaign.connect import Connection
from tests.benchmarks._report import show
from tests.benchmarks.overhead import WORKERS, ours
from tests.services.loopback import Loopback

TARGET = 0.8


def square(x: float) -> float:
    """Nothing to compute."""
    return x * x


def bare(submit: Callable[..., Future[float]], runs: int) -> float:
    """Tasks per second of an engine by itself, its workers being up."""
    for future in [submit(square, float(x)) for x in range(WORKERS)]:
        future.result(120)
    start = time.perf_counter()
    for future in as_completed([submit(square, float(x)) for x in range(runs)], timeout=600):
        future.result()
    return runs / (time.perf_counter() - start)


@contextmanager
def globus() -> Iterator[tuple[Connection, Callable[..., Future[float]]]]:
    """Two processes of an endpoint's agent."""
    from globus_compute_sdk import Executor as GlobusExecutor

    config = {"role": "compute", "engine": "process", "workers": WORKERS, "idle_heartbeats": 240}
    with Loopback() as loopback:
        os.environ.update(loopback.environment)
        with GlobusExecutor(loopback.endpoint, user_endpoint_config=config) as executor:
            yield (
                ai.connect(f"globus:{loopback.endpoint}", compute=config, watch={"role": "watch"}),
                executor.submit,
            )


@contextmanager
def dask() -> Iterator[tuple[Connection, Callable[..., Future[float]]]]:
    """Two workers of one thread each."""
    from distributed import LocalCluster

    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        cluster.get_client() as client,
    ):
        # A pure function of the same argument would be computed once.
        executor: Executor = client.get_executor(pure=False)
        yield ai.connect(f"dask:{cluster.scheduler_address}"), executor.submit


@contextmanager
def parsl() -> Iterator[tuple[Connection, Callable[..., Future[float]]]]:
    """A pilot with two workers; each of the two has one of its own, as Parsl's Configs cannot be shared."""
    from parsl.concurrent import ParslPoolExecutor

    with tempfile.TemporaryDirectory(prefix="aisteer-bench-") as folder:
        Path(folder, "bench_parsl.py").write_text(
            textwrap.dedent(f"""
                from parsl.config import Config
                from parsl.executors import HighThroughputExecutor
                from parsl.providers import LocalProvider

                def config():
                    pilot = HighThroughputExecutor(
                        address="127.0.0.1", max_workers_per_node={WORKERS}, cores_per_worker=0.1,
                        provider=LocalProvider(init_blocks=1, max_blocks=1, min_blocks=1),
                    )
                    return Config([pilot], run_dir={folder!r} + "/runinfo")
            """)
        )
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = folder
        made: list[Any] = []

        def submit(*task: Any) -> Future[float]:
            if not made:
                made.append(ParslPoolExecutor(import_module("bench_parsl").config()))
            future: Future[float] = made[0].submit(*task)
            return future

        try:
            yield ai.connect("parsl:bench_parsl:config"), submit
        finally:
            for executor in made:
                executor.shutdown()


def main(runs: int, names: list[str]) -> None:
    """Measure each engine: ours, then itself."""
    found: dict[str, dict[str, float]] = {}
    for name in names:
        engine = {"globus": globus, "dask": dask, "parsl": parsl}[name]
        with engine() as (connection, submit):
            mine = ours(runs, connection)
            theirs = bare(submit, runs)
            rate = mine["runs"] / mine["seconds"]
            found[name] = {"ours": rate, "bare": theirs, "ratio": rate / theirs}
    show(
        "engines",
        unit="runs/s",
        ours=found[names[0]]["ours"],
        target=TARGET * found[names[0]]["bare"],
        peers={f"bare {names[0]}": found[names[0]]["bare"]},
        details={"runs": runs, "workers": WORKERS, "target ratio": TARGET, **found},
    )


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 500,
        sys.argv[2:] or ["globus", "dask", "parsl"],
    )
