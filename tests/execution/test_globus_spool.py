"""A spool far away that is in trouble: the watcher's own threads and the worker's own answers, without a service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aisteer.errors import SpoolError
from aisteer.execution.endpoint import AttemptRef, Glimpse, Health
from aisteer.execution.mirror import Mirror
from tests.execution.stage import Stage, eventually

pytest.importorskip("globus_compute_sdk")
from aisteer.execution.globus import telling
from aisteer.execution.globus import watcher as watcher_module
from aisteer.execution.globus.health import health
from aisteer.execution.globus.member import Member
from aisteer.execution.globus.near import Near
from aisteer.execution.globus.reading import read
from aisteer.execution.globus.roster import Roster
from aisteer.execution.globus.telling import Telling
from aisteer.execution.globus.watcher import Watcher


@dataclass
class Far:
    """A spool, and what looks after it."""

    root: Path
    nonce: str
    roster: Roster
    watcher: Watcher
    telling: Telling
    ref: AttemptRef = field(default_factory=lambda: AttemptRef("R1", uuid.uuid4().hex, 1))
    news: list[Glimpse] = field(default_factory=list)

    @property
    def member(self) -> Member:
        return self.roster.add(self.ref, queued=False, elsewhere=True)

    @property
    def folder(self) -> Path:
        return self.root / self.ref.folder

    def look(self) -> list[Glimpse]:
        """All that was heard of the attempt so far."""
        self.telling.again(self.watcher)
        self.news += self.roster.drain({self.ref: self.member.offset}, 0.05)
        return self.news

    @property
    def observations(self) -> list[Any]:
        """The steps that were heard of."""
        lines = b"".join(glimpse.data for glimpse in self.look()).splitlines()
        return [line["values"]["step"] for line in map(json.loads, lines) if line["kind"] == "obs"]

    @property
    def end(self) -> Any:
        return next((glimpse.end for glimpse in self.look() if glimpse.end), None)

    def order(self, source: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """What a task is given that executes the attempt, whose code is there."""
        stage = Stage(self.root.parent / "stage")
        stage.nonce = self.nonce
        submission = stage.submission(source, parameters, uuid=self.ref.uuid)
        for code in (stage.folder / "code").iterdir():
            shutil.copy(code, self.root / "code")
        assert submission.ref == self.ref == self.member.ref
        self.watcher.ring()
        return {"nonce": self.nonce, "key": self.ref.key, "request": submission.request}

    def health(self) -> Health:
        return health(
            self.roster.members(),
            problem="",
            silence=self.watcher.problem,
            ready=True,
            needed=True,
            online=True,
            own_watcher=True,
            machine=self.watcher.machine,
            ahead=self.watcher.ahead,
            contact=self.watcher.contact,
            workers=4,
            root=self.watcher.root,
        )

    def control(self, verb: str, *more: dict[str, Any]) -> None:
        order = {"id": uuid.uuid4().hex[:8], "epoch": 1, "verb": verb, "values": {}}
        self.telling.tell(
            self.watcher, self.ref, [{"do": "control", "key": self.ref.key, "control": order}, *more]
        )


def heard(far: Far, observations: int) -> bool:
    return len(far.observations) == observations


@contextmanager
def spool_at(folder: Path, post: Near | None = None) -> Iterator[Far]:
    """A spool that was made there, watched several times a second; ``post`` gets there otherwise than directly."""
    near = post or Near()
    roster = Roster(Mirror(folder / "campaign"))
    nonce = uuid.uuid4().hex
    watcher = Watcher(near, roster, nonce, attention=lambda: True)
    if post is None:
        watcher.move_in(near)
    watcher.start()
    root = folder / "scratch" / "spool"
    try:
        watcher.create(str(root)).result(20)
        yield Far(root, nonce, roster, watcher, Telling(roster))
    finally:
        watcher.close()
        near.close()


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    with spool_at(tmp_path) as made:
        yield made


def test_a_control_that_cannot_be_written_there_is_named_and_written_as_soon_as_it_can(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "_AGAIN", 0.1)
    assert not far.member.over
    far.folder.parent.mkdir(parents=True)
    far.folder.touch()  # something stands in its way
    far.control("stop")
    eventually(lambda: "R1 could not be told: it could not be done" in far.telling.problem)
    far.folder.unlink()
    eventually(lambda: far.look() is not None and not far.telling.problem)
    lines = (far.folder / "controls.jsonl").read_text().splitlines()
    assert [json.loads(line)["verb"] for line in lines] == ["stop"]


def test_a_run_that_could_not_be_withdrawn_at_once_is_withdrawn_later_and_ends(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "_AGAIN", 0.1)
    assert not far.member.over
    far.folder.parent.mkdir(parents=True)
    far.folder.touch()
    brief = {"epoch": 1, "attempt": 1}
    far.control("withdraw", {"do": "withdraw", "key": far.ref.key, "request": brief})
    eventually(lambda: far.telling.problem)
    assert not far.member.over
    far.folder.unlink()
    [end] = eventually(lambda: [glimpse.end for glimpse in far.look() if glimpse.end])
    assert end["end"] == "withdrawn"
    eventually(lambda: far.look() and not far.telling.problem)


ELSEWHERE = """
    import errno, json, os, sys, time
    ahead, over_quota, kind, place, payload = json.load(sys.stdin)
    real, write = time.time, os.write
    time.time = lambda: real() + ahead

    def within(fd, data):
        if over_quota and os.path.exists(over_quota) and os.readlink(f"/proc/self/fd/{fd}").startswith(place):
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return write(fd, data)

    os.write = within
    from aisteer.execution.worker import entrance
    print(json.dumps(getattr(entrance, kind)(place, payload)))
"""


class Elsewhere(Near):
    """Does it in a process of its own.

    Args:
        ahead: Seconds by which its clock is off.
        over_quota: For as long as this file exists, nothing more can be written to the spool.
    """

    def __init__(self, ahead: float = 0.0, over_quota: Path | None = None) -> None:
        super().__init__()
        self.ahead, self.over_quota = ahead, over_quota

    def execute(self, kind: str, place: str, payload: Any, **environment: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(ELSEWHERE)],
            input=json.dumps([self.ahead, str(self.over_quota or ""), kind, place, payload]),
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def send(self, kind: str, place: str, payload: Any) -> Future[Any]:
        return self.submit(kind, place, payload)

    def submit(self, kind: str, place: str, payload: Any, **environment: str) -> Future[Any]:
        return self._threads.submit(self.execute, kind, place, payload, **environment)


GATED = """
    import time
    from pathlib import Path

    def f(gate):
        for step in range(5):
            yield {"step": step}
        while not Path(gate).exists():
            time.sleep(0.02)
        return {"y": 1.0}
"""


@pytest.mark.parametrize("ahead", [120.0, -120.0])
def test_clocks_two_minutes_apart_change_nothing_and_are_named(tmp_path: Path, ahead: float) -> None:
    gate, there = tmp_path / "gate", Elsewhere(ahead)
    with spool_at(tmp_path, there) as far:
        order = far.order(GATED, {"gate": str(gate)})
        ends = time.time() + ahead + 1500
        run = there.submit("run", str(far.root), order, AISTEER_BLOCK_ENDS=f"{ends:.0f}")
        eventually(lambda: len(far.observations) == 5)
        seen = far.health()
        assert seen.block_ends == pytest.approx(time.time() + 1500, abs=10)
        assert (
            f"s {'ahead of' if ahead > 0 else 'behind'} the one here; nothing depends on that" in seen.detail
        )
        gate.touch()
        end = eventually(lambda: far.end)
        assert (end["end"], end["observations"]) == ("done", 5)
        assert not any(glimpse.lost or glimpse.gap for glimpse in far.news)
        assert run.result(20)["executed"]


def test_a_spool_that_is_removed_is_named_its_runs_are_lost_and_nothing_goes_on_there(
    far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "_GONE", 1.0)
    monkeypatch.setattr(watcher_module, "_SURE", 2)
    there = Elsewhere()
    run = there.submit("run", str(far.root), far.order(GATED, {"gate": str(tmp_path / "gate")}))
    eventually(lambda: len(far.observations) == 5)
    shutil.rmtree(far.root)
    eventually(lambda: "spool.json is missing" in far.health().detail)
    assert far.health().state == "offline"
    assert "open it again" in far.health().detail
    lost = eventually(lambda: [glimpse.lost for glimpse in far.look() if glimpse.lost])
    assert "What was mirrored is kept" in lost[0]
    assert run.result(40) != {}, "its process has ended by itself"
    assert not far.root.exists()
    far.watcher.create(str(far.root)).result(20)
    eventually(lambda: far.health().state == "online")
    there.close()


def test_a_folder_that_is_purged_under_a_run_is_named_and_its_process_ends(far: Far, tmp_path: Path) -> None:
    there = Elsewhere()
    run = there.submit("run", str(far.root), far.order(GATED, {"gate": str(tmp_path / "gate")}))
    eventually(lambda: len(far.observations) == 5)
    shutil.rmtree(far.folder)
    far.folder.with_name(f"{far.folder.name}.claim").unlink()
    lost = eventually(lambda: [glimpse.lost for glimpse in far.look() if glimpse.lost])
    assert "removed or purged" in lost[0]
    assert run.result(40)
    assert far.health().state == "online"
    there.close()


def test_an_end_that_arrives_before_what_was_said_waits_for_the_rest(far: Far, tmp_path: Path) -> None:
    """As on a network file system, whose files appear late, in pieces, and not in the order they were written in."""
    gate = tmp_path / "gate"
    gate.touch()
    with spool_at(tmp_path / "elsewhere") as elsewhere:
        elsewhere.ref = far.ref
        order = elsewhere.order(GATED, {"gate": str(gate)})
        there = Elsewhere()
        assert there.submit("run", str(elsewhere.root), order).result(40)["executed"]
        there.close()
        whole = (elsewhere.folder / "observations.jsonl").read_bytes()
        assert not far.member.claimed
        far.folder.mkdir(parents=True)
        seen = far.folder / "observations.jsonl"
        claim = f"{far.folder.name}.claim"
        shutil.copy(elsewhere.folder.with_name(claim), far.folder.with_name(claim))
        for cut in (10, len(whole) // 2):
            seen.write_bytes(whole[:cut])
            far.watcher.ring()
            arrived = whole[: whole.rfind(b"\n", 0, cut) + 1].count(b'"kind":"obs"')
            eventually(partial(heard, far, arrived))
        shutil.copy(elsewhere.folder / "end.json", far.folder)
        assert eventually(lambda: far.end)["length"] == len(whole)
        seen.write_bytes(whole)
        eventually(lambda: far.observations == list(range(5)))
        assert not any(glimpse.lost or glimpse.gap for glimpse in far.news)


def test_what_a_run_printed_there_is_read_packed_or_not(far: Far) -> None:
    source = """
        import sys

        def f(x):
            print("µ at step 3", file=sys.stderr)
            raise ValueError("diverged")
    """
    there = Elsewhere()
    there.submit("run", str(far.root), far.order(source, {"x": 1})).result(40)
    there.close()
    assert eventually(lambda: far.end)["end"] == "failed"
    assert "µ at step 3" in read(far.watcher, far.ref.key, "stderr.log", 20).decode()
    far.watcher.write([{"do": "pack", "keys": [far.ref.key]}]).result(20)
    assert not far.folder.exists()
    assert "µ at step 3" in read(far.watcher, far.ref.key, "stderr.log", 20).decode()
    assert read(far.watcher, f"{uuid.uuid4().hex}-1", "stderr.log", 20) == b""
    with pytest.raises(SpoolError, match=r"host\.log.* is not read"):
        read(far.watcher, far.ref.key, "host.log", 20)


def test_a_quota_that_is_used_up_is_named_and_what_was_asked_is_done_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "_AGAIN", 0.1)
    over = tmp_path / "over"
    there = Elsewhere(over_quota=over)
    with spool_at(tmp_path, there) as far:
        order = far.order(GATED, {"gate": str(tmp_path / "gate")})
        over.touch()
        refused = there.submit("run", str(far.root), order).result(40)
        assert (refused["executed"], refused["again"]) == (False, True)
        far.control("stop")
        eventually(
            lambda: "R1 could not be told: it could not be done: Disk quota exceeded" in far.telling.problem
        )
        assert not far.folder.exists() or not (far.folder / "end.json").exists()
        over.unlink()
        eventually(lambda: far.look() is not None and not far.telling.problem)
        assert there.submit("run", str(far.root), order).result(40)["executed"]
        end = eventually(lambda: far.end)
        assert (end["end"], end["observations"]) == ("withdrawn", 0)
