"""No-op tasks through Colmena's local task server; prints JSON. Runs in .venv-peers."""

from __future__ import annotations

import json
import sys
import time
from importlib import metadata

from colmena.queue.python import PipeQueues
from colmena.task_server.local import LocalTaskServer

WINDOW = 64
"""Tasks in flight: enough that neither the workers nor the server ever wait for the client."""


def square(x: float) -> float:
    return x * x


def main(runs: int, workers: int) -> dict[str, object]:
    queues = PipeQueues()
    server = LocalTaskServer(queues, methods=[square], threads=False, num_workers=workers)
    server.start()
    try:
        for x in range(2 * workers):  # the workers are up before the clock starts
            queues.send_inputs(float(x), method="square")
        for _ in range(2 * workers):
            queues.get_result(timeout=60)
        start = time.perf_counter()
        sent = done = 0
        while done < runs:
            while sent < runs and sent - done < WINDOW:
                queues.send_inputs(float(sent), method="square")
                sent += 1
            result = queues.get_result(timeout=60)
            assert result is not None
            assert result.success, result.failure_info
            done += 1
        seconds = time.perf_counter() - start
    finally:
        queues.send_kill_signal()
        server.join()
    return {"peer": f"colmena {metadata.version('colmena')}", "runs": runs, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
