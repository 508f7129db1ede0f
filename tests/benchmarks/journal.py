"""The journal's figures as JSON: opening, memory, commits, events.

``python tests/benchmarks/journal.py [--runs 200000] [--memory-runs 50000] [--url postgresql://…]``
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer.journal.store import Journal

HUMAN = Actor("human", "ada")
AI = Actor("ai", "bayesian")
DRIVER = Actor("driver", "node:1")
BATCH = 250


def _create(folder: Path, url: str | None) -> tuple[Journal, int]:
    define = c.Define(
        actor=HUMAN, name=folder.name, uuid=uuid.uuid4().hex, nonce=uuid.uuid4().hex, definition={}
    )
    journal = Journal.create(folder, define, url=url)
    journal.submit(c.Start(actor=HUMAN))
    return journal, journal.take_lease({}, DRIVER)


def _draft(n: int) -> c.Draft:
    return c.Draft(
        task="main",
        parameters={"temperature": 300 + n * 0.017, "density": 7 + n * 1e-6},
        origin="ai",
        predicted={"diffusion": [n / 3, n / 7]},
        acquisition=n / 11,
        rank=1,
        of=512,
        cost=0.01,
        reasons=[{"kind": "uncertain", "share": n / 13}],
        model=n // 100,
    )


def runs(journal: Journal, epoch: int, first: int, count: int) -> None:
    """Whole runs of five events each: proposed, accepted, launched, running, ended."""
    drafts = [_draft(n) for n in range(first, first + count)]
    proposed = journal.submit(c.Propose(actor=HUMAN, drafts=drafts, accept=True, repeat=True), durable=False)
    names = [r.event.proposal for r in proposed.events if isinstance(r.event, ev.ProposalMade)]
    wishes = [
        c.LaunchRequest(uuid=uuid.uuid4().hex, endpoint="local", seed=n, code="ab" * 32, proposal=name)
        for n, name in enumerate(names)
    ]
    launched = journal.submit(c.Launch(actor=DRIVER, epoch=epoch, launches=wishes))
    events: list[ev.Event] = []
    for record in launched.events:
        assert isinstance(record.event, ev.AttemptLaunched)
        run = record.event.run
        events.append(ev.AttemptMoved(run=run, attempt=1, state="running", where={"host": "n1", "pid": 4711}))
        events.append(
            ev.AttemptEnded(
                run=run, attempt=1, end="done", outcome={"diffusion": [first / 3, 0.01]}, used=0.01, seconds=12.5,
                sealed=[4096, uuid.uuid4().hex * 2], observations=100,
            )
        )  # fmt: skip
    journal.submit(c.Report(actor=DRIVER, epoch=epoch, events=events), durable=False)


def _fill(folder: Path, url: str | None, count: int) -> dict[str, float]:
    journal, epoch = _create(folder, url)
    began = time.perf_counter()
    for first in range(0, count, BATCH):
        runs(journal, epoch, first, min(BATCH, count - first))
    seconds = time.perf_counter() - began
    events = journal.position
    journal.close()
    return {"events": events, "seconds": round(seconds, 2), "events_per_s": round(events / seconds)}


_OPEN = """
import json, sys, time
from pathlib import Path
from aisteer.journal.store import Journal
began = time.perf_counter()
journal = Journal.open(Path(sys.argv[1]), url=sys.argv[2] or None)
opened = time.perf_counter() - began
began = time.perf_counter()
done = sum(run.end == "done" for run in journal.state.runs.values())
iterated = time.perf_counter() - began
print(json.dumps({"events": journal.position, "open_s": opened, "runs": done, "iterate_runs_s": iterated}))
"""


def _open(folder: Path, url: str | None) -> dict[str, Any]:
    def once() -> dict[str, Any]:
        command = [sys.executable, "-c", _OPEN, str(folder), url or ""]
        found: dict[str, Any] = json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout
        )
        return found

    tries = [once() for _ in range(3)]
    return {
        "events": tries[0]["events"],
        "open_s": round(statistics.median(t["open_s"] for t in tries), 3),
        "iterate_runs_s": round(statistics.median(t["iterate_runs_s"] for t in tries), 3),
        "target_open_s": 2.0,
    }


def _resident() -> int:
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not tell how much memory is used")


def _memory(folder: Path, url: str | None, count: int) -> dict[str, float]:
    """What the process that did all the runs, without ever closing the journal, holds for each of them."""
    journal, epoch = _create(folder, url)
    runs(journal, epoch, 0, BATCH)
    gc.collect()
    before = _resident()
    for first in range(BATCH, count + BATCH, BATCH):
        runs(journal, epoch, first, BATCH)
    gc.collect()
    used = _resident() - before
    journal.close()
    return {"runs": count, "bytes_per_run": round(used / count), "target_bytes_per_run": 2000}


def _rate(submit: Callable[[int], object], seconds: float = 3.0) -> dict[str, float]:
    times: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        submit(len(times))
        times.append(time.perf_counter() - start)
    times.sort()
    return {
        "per_s": round(len(times) / sum(times)),
        "median_ms": round(1000 * times[len(times) // 2], 3),
        "p95_ms": round(1000 * times[int(len(times) * 0.95)], 3),
    }


def _commits(folder: Path, url: str | None) -> dict[str, dict[str, float]]:
    journal, _ = _create(folder, url)
    result = {
        "durable": _rate(lambda n: journal.submit(c.Note(actor=HUMAN, text=str(n)))),
        "not_durable": _rate(lambda n: journal.submit(c.Note(actor=DRIVER, text=str(n)))),
    }
    journal.close()
    return result


def measure(url: str | None, count: int, memory_runs: int) -> dict[str, Any]:
    """All figures on one kind of database."""
    mark = uuid.uuid4().hex[:8]
    with tempfile.TemporaryDirectory() as home:
        here = Path(home)
        commits = _commits(here / f"commits-{mark}", url)
        memory = _memory(here / f"memory-{mark}", url, memory_runs)
        written = _fill(here / f"large-{mark}", url, count)
        opened = _open(here / f"large-{mark}", url)
        size = sum(f.stat().st_size for f in (here / f"large-{mark}").iterdir())
    written["bytes_per_event"] = round(size / written["events"])
    return {"commits": commits, "memory": memory, "written": written, "opened": opened}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--memory-runs", type=int, default=50_000)
    parser.add_argument("--url", default=None, help="a PostgreSQL server instead of a file")
    options = parser.parse_args()
    figures = measure(options.url, options.runs, options.memory_runs)
    database = "postgresql" if options.url else "sqlite"
    print(json.dumps({"benchmark": "journal", "database": database, **figures}, indent=1))


if __name__ == "__main__":
    main()
