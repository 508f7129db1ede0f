"""Runs per second where there is nothing to compute: decision, gate, spool, claim, host, mirror, fold.

Ours is a campaign with a function that squares a number, random proposals and the rule ``Accept()``, at
the local endpoint. Beside it the same function as tasks of Colmena's local task server, and of a bare
loky pool (which remembers nothing and is the ceiling for worker processes in Python).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time

import aisteer as ai
from aisteer.campaign.connect import Connection
from aisteer.execution.hosts import list_hosts, stop_host
from tests.benchmarks._report import peer, show

WORKERS = 2


@ai.simulation
def square(x):
    return {"y": x * x}


def ours(runs: int, endpoint: Connection) -> dict[str, float]:
    """Seconds of a warm campaign, from the rule that accepts to the last outcome in the journal."""
    with tempfile.TemporaryDirectory(prefix="aisteer-bench-", ignore_cleanup_errors=True) as folder:
        campaign = ai.Campaign(
            "overhead",
            simulation=square,
            space=ai.Space(x=ai.Float(-1, 1)),
            objective=ai.Minimize("y"),
            endpoint=endpoint,
            autonomy=ai.Accept(),
            policy="random",
            batch=256,
            folder=folder,
        )
        warm = campaign.propose(x=0.5)  # workers are up before the clock starts
        campaign.autonomy = ai.Ask()
        warm.accept(hold=0)
        campaign.start()
        asyncio.run(campaign.wait(ended=1, timeout=120))
        start = time.perf_counter()
        campaign.autonomy = ai.Accept()
        waited = asyncio.run(campaign.wait(ended=runs + 1, timeout=600))
        seconds = time.perf_counter() - start
        campaign.pause()
        campaign.close()
        for host in list_hosts():  # runs beyond those counted are under way, in a folder that goes away
            if host.spool.startswith(folder):
                stop_host(host)
        if not waited:
            raise RuntimeError(waited.reason)
    return {"runs": waited.ended - 1, "seconds": seconds}


def main(runs: int) -> None:
    """Measure ours, then the peers, one after the other."""
    mine = ours(runs, ai.connect("local", workers=WORKERS))
    others = {
        "colmena": peer("noop_colmena.py", runs, WORKERS),
        "loky": peer("noop_loky.py", runs, WORKERS),
    }
    show(
        "overhead",
        unit="runs/s",
        ours=mine["runs"] / mine["seconds"],
        target=1000,
        peers={name: one["runs"] / one["seconds"] for name, one in others.items() if "seconds" in one},
        details={"ours": mine, **others},
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
