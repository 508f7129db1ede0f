"""The real endpoint agent, ``globus-compute-endpoint``, with templates for every engine."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.services.loopback.part import Part, alive
from tests.services.loopback.service import Service

_TEMPLATES = Path(__file__).with_name("endpoint")
_NAME = "loopback"
_HEARTBEAT = 5.0
"""Seconds, as in its ``config.yaml``."""


class Agent(Part):
    """An endpoint's agent. Its id stays the same when it is started again.

    Args:
        folder: The folder of the whole loopback.
        service: The web service that it registers with.
        python: The interpreter that runs agent, engines and workers; ``globus-compute-endpoint`` is beside it.
    """

    def __init__(self, folder: Path, service: Service, python: Path) -> None:
        super().__init__("agent", folder, grace=15.0)
        self._service, self._python = service, python
        self._begun = 0.0
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()
        shutil.copytree(_TEMPLATES, self._configuration)
        nodes = self.folder / "nodes"
        nodes.write_text("localhost\nlocalhost\n")  # two, as far as an engine for MPI can tell
        # What the agent starts for a user gets these variables and, when the agent is root, no others.
        given = {
            "AISTEER_LOOPBACK_BLOCK": str(self._configuration / "block.sh"),
            "AISTEER_LOOPBACK_NODES": str(nodes),
            "CWD": str(self.folder),
            "GLOBUS_COMPUTE_USER_DIR": str(self._configuration.parent),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "PATH": self._path(),
            "SCRATCH": str(self.scratch),
        }
        # JSON is YAML.
        (self._configuration / "user_environment.yaml").write_text(json.dumps(given, indent=2))

    @property
    def endpoint(self) -> str:
        """The endpoint's id."""
        told: dict[str, str] = json.loads((self._configuration / "endpoint.json").read_text())
        return told["endpoint_id"]

    def command(self) -> Sequence[str | Path]:
        return [self._python, self._python.with_name("globus-compute-endpoint"), "start", _NAME]

    def environment(self) -> Mapping[str, str]:
        return {
            "GLOBUS_COMPUTE_USER_DIR": str(self._configuration.parent),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PATH": self._path(),
            **self._service.reached_by(client=1),
        }

    def begin(self) -> None:
        self._begun = time.time()
        # After a crash the agent refuses to start for as long as somebody else might be running it; the administrator
        # who knows better removes its lock.
        for lock in self._configuration.parent.glob("*/daemon.pid"):
            if not alive(int(lock.read_text())):
                lock.unlink()
        super().begin()

    def ready(self) -> bool:
        try:
            endpoint = self.endpoint
        except (FileNotFoundError, ValueError):
            return False  # it is about to write it
        return self._service.last_heartbeat(endpoint) > self._begun

    @property
    def silent(self) -> bool:
        """Whether the service has not heard of it for so long that it takes it for offline."""
        return time.time() - self._service.last_heartbeat(self.endpoint) > 2 * _HEARTBEAT

    def find(self, *words: str) -> list[int]:
        """The process ids of what came of the agent and has all these words in its command line.

        ``_start-user-endpoint`` finds user endpoints, ``block.sh`` the blocks that have a walltime,
        ``-m parsl`` the manager in each block, ``spawn_main`` its workers.
        """
        found: list[int] = []
        for pid in self.processes():
            with suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if all(word in line for word in words):
                    found.append(pid)
        return found

    def last_words(self) -> str:
        """The end of its logs, those of the user endpoints included."""
        logs = [self.log, *sorted(self._configuration.parent.glob("*/endpoint.log"))]
        return "\n".join(f"{log}:\n{log.read_text(errors='replace')[-3000:]}" for log in logs if log.exists())

    @property
    def _configuration(self) -> Path:
        return self.folder / "globus" / _NAME

    def _path(self) -> str:
        return os.pathsep.join([str(self._python.parent), os.environ.get("PATH", os.defpath)])
