"""A campaign's folder with a spool, runs in it, and what became of them: for tests with real processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import textwrap
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aisteer.execution.endpoint import AttemptRef, Endpoint, Glimpse, Submission
from aisteer.execution.spool import Spool
from aisteer.execution.worker import run_attempt

Json = dict[str, Any]


def eventually(what: Callable[[], Any], within: float = 40.0) -> Any:
    """The first true answer; fails when there is none in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within} s: {what}")


def is_alive(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open("rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


@dataclass
class Seen:
    """All that was seen of an attempt."""

    data: bytes = b""
    states: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    claim: Json | None = None
    end: Json | None = None
    lost: str = ""

    @property
    def lines(self) -> list[Json]:
        return [json.loads(line) for line in self.data.splitlines()]

    @property
    def observations(self) -> list[Json]:
        return [line["values"] for line in self.lines if line["kind"] == "obs"]

    def of_kind(self, kind: str) -> list[Json]:
        return [line for line in self.lines if line["kind"] == kind]

    @property
    def answers(self) -> list[tuple[str, str]]:
        return [(line["control"], line["answer"]) for line in self.of_kind("ack")]

    @property
    def over(self) -> bool:
        return bool(self.lost) or (self.end is not None and len(self.data) >= self.end["length"])


class Stage:
    """Makes requests in a spool of its own, and follows them at an endpoint if it has one."""

    def __init__(self, folder: Path, endpoint: Endpoint | None = None) -> None:
        self.folder = folder
        self.nonce = uuid.uuid4().hex
        self.root = folder / "spool"
        self.spool = Spool(self.root)
        self.endpoint = endpoint
        self.seen: dict[AttemptRef, Seen] = {}
        self.count = 0
        (folder / "code").mkdir(parents=True, exist_ok=True)

    def code(self, source: str) -> Json:
        """A simulation ``f`` that travels as source."""
        content = textwrap.dedent(source).encode()
        sha = hashlib.sha256(content).hexdigest()
        (self.folder / "code" / f"{sha}.py").write_bytes(content)
        return {"kind": "function", "mode": "source", "code": sha, "name": "f"}

    def submission(
        self, simulation: str | Json, parameters: Json | None = None, **request: Any
    ) -> Submission:
        simulation = self.code(simulation) if isinstance(simulation, str) else simulation
        self.count += 1
        attempt = request.get("attempt", 1)
        ref = AttemptRef(f"R{self.count}", request.pop("uuid", uuid.uuid4().hex), attempt)
        body = {
            "format": 1,
            "nonce": self.nonce,
            "run": ref.run,
            "uuid": ref.uuid,
            "attempt": attempt,
            "epoch": 1,
            "simulation": simulation,
            "parameters": parameters or {},
            "outcomes": ["y"],
            "seed": 7,
            **request,
        }
        return Submission(ref, body)

    # --- with an endpoint ---

    def submit(self, simulation: str | Json, parameters: Json | None = None, **request: Any) -> AttemptRef:
        return self.submit_all([self.submission(simulation, parameters, **request)])[0]

    def submit_all(self, submissions: list[Submission]) -> list[AttemptRef]:
        self.endpoint.submit(submissions)
        for submission in submissions:
            self.seen[submission.ref] = Seen()
        return [submission.ref for submission in submissions]

    def control(self, ref: AttemptRef, verb: str, epoch: int = 1, **values: Any) -> str:
        name = uuid.uuid4().hex[:8]
        self.endpoint.control(ref, {"id": name, "epoch": epoch, "verb": verb, "values": values})
        return name

    def look(self, wait: float = 0.1) -> None:
        live = {ref: len(seen.data) for ref, seen in self.seen.items() if not seen.over}
        for glimpse in self.endpoint.tail(live, wait):
            self._take(glimpse)

    def _take(self, glimpse: Glimpse) -> None:
        seen = self.seen[glimpse.ref]
        if glimpse.data:
            assert glimpse.offset == len(seen.data)
            seen.data += glimpse.data
        if glimpse.state:
            seen.states.append(glimpse.state)
        if glimpse.gap:
            seen.gaps.append(glimpse.gap)
        seen.claim = glimpse.claim or seen.claim
        seen.end = glimpse.end or seen.end
        seen.lost = glimpse.lost or seen.lost

    def until(self, what: Callable[[], Any], within: float = 60.0) -> Any:
        """Follow the runs until something is true."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            self.look()
        raise AssertionError(f"not within {within} s; seen: {self.seen}")

    def ended(self, *refs: AttemptRef, within: float = 60.0) -> Any:
        """Follow until these (or all) are over; returns what was seen of the first."""
        refs = refs or tuple(self.seen)
        self.until(lambda: all(self.seen[ref].over for ref in refs), within)
        return self.seen[refs[0]]

    # --- without one ---

    def write(self, simulation: str | Json, parameters: Json | None = None, **request: Any) -> AttemptRef:
        """The request in the spool, and nobody told."""
        submission = self.submission(simulation, parameters, **request)
        self.spool.create(self.nonce)
        if submission.request["simulation"].get("mode") == "source":
            self.spool.put_code(self.folder / "code" / f"{submission.request['simulation']['code']}.py")
        self.spool.write_request(submission.ref, submission.request)
        return submission.ref

    def run(
        self, simulation: str | Json, parameters: Json | None = None, *, controls: Any = (), **request: Any
    ) -> Seen:
        """Execute it here and now, in this process."""
        ref = self.write(simulation, parameters, **request)
        for control in controls:
            self.spool.append_control(ref, control)
        return self.execute(ref)

    def execute(self, ref: AttemptRef, **options: Any) -> Seen:
        run_attempt(str(self.root), ref.folder, beat=0.1, alone=False, **options)
        return self.read(ref)

    def read(self, ref: AttemptRef) -> Seen:
        seen = Seen(claim=self.spool.claim(ref), end=self.spool.end(ref))
        path = self.path(ref) / "observations.jsonl"
        seen.data = path.read_bytes() if path.exists() else b""
        return seen

    def path(self, ref: AttemptRef) -> Path:
        return self.root / ref.folder


def kill(pid: int) -> None:
    """Without a chance to say anything."""
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not is_alive(pid))
