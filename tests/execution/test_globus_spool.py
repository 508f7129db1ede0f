"""A spool far away that is in trouble: the watcher's own threads and the worker's own answers, without a service."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aisteer.execution.endpoint import AttemptRef, Glimpse
from aisteer.execution.mirror import Mirror
from tests.execution.stage import eventually

pytest.importorskip("globus_compute_sdk")
from aisteer.execution.globus import telling
from aisteer.execution.globus.near import Near
from aisteer.execution.globus.roster import Member, Roster
from aisteer.execution.globus.telling import Telling
from aisteer.execution.globus.watcher import Watcher


@dataclass
class Far:
    """A spool, and what looks after it."""

    root: Path
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

    def look(self, offset: int = 0) -> list[Glimpse]:
        """All that was heard of the attempt so far."""
        self.telling.again(self.watcher)
        self.news += self.roster.drain({self.ref: offset}, 0.05)
        return self.news

    def control(self, verb: str, *more: dict[str, Any]) -> None:
        order = {"id": uuid.uuid4().hex[:8], "epoch": 1, "verb": verb, "values": {}}
        self.telling.tell(
            self.watcher, self.ref, [{"do": "control", "key": self.ref.key, "control": order}, *more]
        )


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    """A spool that was made there."""
    near = Near()
    roster = Roster(Mirror(tmp_path / "campaign"))
    watcher = Watcher(near, roster, uuid.uuid4().hex, attention=lambda: True)
    watcher.move_in(near)
    watcher.start()
    root = tmp_path / "scratch" / "spool"
    watcher.create(str(root)).result(20)
    yield Far(root, roster, watcher, Telling(roster))
    watcher.close()
    near.close()


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
