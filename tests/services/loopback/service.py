"""The emulated web service as a part of the loopback, and what a test can ask of it."""

from __future__ import annotations

import json
import os
import secrets
import sys
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError

from tests.services.loopback.part import Part
from tests.services.ports import free_port

_CHECKOUT = Path(__file__).resolve().parents[3]

# The SDK's environment "local" is this address, and nothing else; the proxy of the environment takes it to our port.
_LOCAL = "http://localhost:5000/"


class Service(Part):
    """The emulated web service. What it has confirmed outlives a restart and a kill."""

    def __init__(self, folder: Path, broker: str) -> None:
        super().__init__("service", folder, grace=2.0)
        self.port = free_port()
        self._key = secrets.token_hex(16)
        self._clients = {str(uuid.uuid4()): secrets.token_urlsafe(24) for _ in range(2)}
        told = {
            "records": str(self.folder / "records.jsonl"),
            "person": {"subject": str(uuid.uuid4()), "name": "somebody@loopback"},
            "clients": self._clients,
            "url": _LOCAL,
            "broker": broker,
            "port": self.port,
            "key": self._key,
        }
        self._told = self.folder / "told.json"
        self._told.touch(mode=0o600)
        self._told.write_text(json.dumps(told))

    def reached_by(self, client: int) -> dict[str, str]:
        """The variables with which the SDK of one of the two clients (the user's, the endpoint's) finds us."""
        name, secret = list(self._clients.items())[client]
        return {
            "GLOBUS_SDK_ENVIRONMENT": "local",
            "GLOBUS_SDK_SERVICE_URL_AUTH": _LOCAL,
            "GLOBUS_COMPUTE_CLIENT_ID": name,
            "GLOBUS_COMPUTE_CLIENT_SECRET": secret,
            "HTTP_PROXY": f"http://127.0.0.1:{self.port}",
            "http_proxy": f"http://127.0.0.1:{self.port}",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", "tests.services.loopback.emulation", self._told]

    def environment(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(_CHECKOUT),
        }

    def ready(self) -> bool:
        with suppress(URLError, OSError):
            self._ask("alive")
            return True
        return False

    # What a test can ask for.

    def answer_with(self, status: int, *, seconds: float, matching: str = "") -> None:
        """For so long, answer every request whose path contains ``matching`` with this status."""
        self._ask("faults", status=status, seconds=seconds, matching=matching)

    def be_slow(self, delay: float, *, seconds: float, matching: str = "") -> None:
        """For so long, take ``delay`` seconds before doing anything for such a request."""
        self._ask("faults", delay=delay, seconds=seconds, matching=matching)

    def drop_results(self, *, seconds: float) -> None:
        """For so long, lose every result that arrives."""
        self._ask("faults", drop=seconds)

    def dropped(self) -> int:
        """How many results were lost since nothing was wrong."""
        return int(self._ask("dropped")["count"])

    def keep_results(self, *, seconds: float) -> None:
        """Forget a result, with its task, so long after it arrived (14 days if nothing is asked for)."""
        self._ask("faults", retention=seconds)

    def behave(self) -> None:
        """No faults any more, and nobody has made a request lately."""
        self._ask("behave", because="a test asked for it")

    def expire_tokens(self) -> None:
        """End the life of every access token that was given out."""
        self._ask("expire-tokens", because="a test asked for it")

    def strangers_endpoint(self) -> str:
        """The id of an endpoint that belongs to somebody else."""
        return str(self._ask("strangers-endpoint", because="a test asked for it")["endpoint"])

    def pretend(self, endpoint: str, **metadata: Any) -> None:
        """Change what an endpoint's metadata say, such as ``python_version``."""
        self._ask(f"endpoints/{endpoint}/metadata", **metadata)

    def forge(self, task: str, data: str) -> None:
        """Answer a task as an endpoint does that sends whatever it likes; what it really answers comes too late."""
        self._ask(f"tasks/{task}/forge", data=data)

    def last_heartbeat(self, endpoint: str) -> float:
        """When the service last heard from an endpoint, as ``time.time()``; 0 when never."""
        return float(self._ask(f"endpoints/{endpoint}/heartbeat")["time"])

    def requests(self, since: float = 0.0) -> list[dict[str, Any]]:
        """The requests that arrived (``time``, ``client``, ``method``, ``path``, ``status``), since ``time.time()``."""
        return list(self._ask(f"requests?since={since!r}"))

    def _ask(self, what: str, **asked: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/loopback/{what}",
            data=json.dumps(asked).encode() if asked else None,
            headers={"X-Loopback": self._key, "Content-Type": "application/json"},
        )
        # No proxy of the environment, ours included, stands between a test and this.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)
