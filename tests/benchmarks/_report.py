"""How a benchmark reports: ours, the peers' on the same work in the same run, and the ratios."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"


def machine() -> dict[str, Any]:
    """Where and when this was measured, and with which versions."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": model,
        "cores": cores,
        "system": platform.platform(),
        "python": platform.python_version(),
        "aisteer": metadata.version("aisteer"),
    }


def peer(script: str, *arguments: object) -> dict[str, Any]:
    """What ``peers/<script>`` prints when run by the interpreter of the peers' own environment."""
    python = os.environ.get("AISTEER_PEERS", "")
    if not Path(python).is_file():
        return {"missing": "no environment for peers; run it with make bench"}
    command = [python, PEERS / script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PEERS)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(name: str, *, unit: str, ours: float, target: float | None, **more: Any) -> None:
    """Print the result as JSON: ``peers`` maps a name to its figure in the same unit."""
    peers: dict[str, float] = more.pop("peers", {})
    print(
        json.dumps(
            {
                "benchmark": name,
                "unit": unit,
                "ours": ours,
                "target": target,
                "peers": peers,
                "ratio": {other: ours / figure for other, figure in peers.items()},
                **more,
                "machine": machine(),
            },
            indent=2,
            ensure_ascii=False,
        )
    )
