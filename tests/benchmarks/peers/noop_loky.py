"""No-op tasks through a bare loky pool, which remembers nothing; prints JSON. Runs in .venv-peers."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import as_completed
from importlib import metadata

import loky


def square(x: float) -> float:
    return x * x


def main(runs: int, workers: int) -> dict[str, object]:
    with loky.ProcessPoolExecutor(max_workers=workers) as pool:
        for future in as_completed([pool.submit(square, float(x)) for x in range(2 * workers)]):
            future.result()  # the workers are up before the clock starts
        start = time.perf_counter()
        for future in as_completed([pool.submit(square, float(x)) for x in range(runs)]):
            future.result()
        seconds = time.perf_counter() - start
    return {"peer": f"loky {metadata.version('loky')}", "runs": runs, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
