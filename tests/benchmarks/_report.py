"""How a benchmark reports: ours, the peers' on the same work in the same run, and the ratios."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["Kept", "machine", "peer", "show"]

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


class Kept:
    """What was measured, a line of JSON each in a file: a long benchmark goes on where it was ended.

    They are those of the code that measured them; a change of it calls for another file. Without one nothing is kept.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else []
        known = [json.loads(line) for line in lines]
        self._known: dict[str, Any] = {json.dumps(each["of"]): each["found"] for each in known}

    def __contains__(self, of: Sequence[Any]) -> bool:
        return json.dumps(list(of)) in self._known

    def once(self, of: Sequence[Any], measure: Callable[[], Any]) -> Any:
        """What was found of ``of``, a list that can be written as JSON; measured where it has not been."""
        name = json.dumps(list(of))
        if name not in self._known:
            self._known[name] = measure()
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"of": list(of), "found": self._known[name]}) + "\n")
        return self._known[name]
