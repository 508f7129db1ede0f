"""Processor seconds for the next proposals on Hartmann6 at 200 and 1,000 runs, beside GPSampler, BoTorch and Ax.

Everybody is told the same runs, drawn at random, and asked for q points: from nothing, fit included; then for one more
once those q have results (``again``), the usual case of a campaign. ``SUGGEST_PEERS=gpsampler,botorch`` and
``SUGGEST_SIZES=200,1000`` run a part. The settings are those of ``regret``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from typing import Any

import numpy as np

from tests.benchmarks._arms import Ours, peers
from tests.benchmarks._problems import PROBLEMS
from tests.benchmarks._report import show

PROBLEM = PROBLEMS["hartmann6"]


def job(n: int, q: int) -> dict[str, Any]:
    rows = np.random.default_rng(5).random((n, 6))
    points = [{f"x{i}": float(value) for i, value in enumerate(row)} for row in rows]
    return {"problem": PROBLEM.name, "points": points, "q": q, "again": True}


def ours(work: dict[str, Any]) -> dict[str, Any]:
    arm = Ours(PROBLEM, 0)
    arm.given(work["points"], [PROBLEM(point) for point in work["points"]])
    began = time.process_time()
    asked = arm.ask(work["q"])
    first = time.process_time() - began
    for point in asked:
        arm.tell(point, PROBLEM(point))
    began = time.process_time()
    arm.ask(1)
    return {"seconds": first, "again": time.process_time() - began}


def main() -> None:
    names = os.environ.get("SUGGEST_PEERS", "gpsampler,botorch,ax").split(",")
    sizes = [int(n) for n in os.environ.get("SUGGEST_SIZES", "200,1000").split(",")]
    jobs = [(n, q) for n in sizes for q in (1, 4)]
    warm = job(20, 1)
    ours(warm)
    mine = {key: ours(job(*key)) for key in jobs}
    told = {name: peers("suggest", name, [warm, *(job(*key) for key in jobs)])["found"][1:] for name in names}
    for place, (n, q) in enumerate(jobs):
        theirs = {name: found[place] for name, found in told.items()}
        bar = {"gpsampler": 0.6 if n == 200 else 0.4} if (n, q) != (200, 1) else {}
        show(
            f"suggest {q} at {n} runs",
            unit="processor s",
            ours=mine[n, q]["seconds"],
            target=None,
            peers={name: found["seconds"] for name, found in theirs.items()},
            bar=bar,
            again={
                "ours": mine[n, q]["again"],
                **{name: found["again"] for name, found in theirs.items()},
                "ratio": {name: mine[n, q]["again"] / found["again"] for name, found in theirs.items()},
            },
        )


if __name__ == "__main__":
    main()
