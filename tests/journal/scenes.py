"""What the journal's tests share: people, a small campaign, and the steps of a run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer.journal.state import State, apply
from aisteer.journal.store import Journal

ADA = Actor("human", "ada")
BOB = Actor("human", "bob")
AI = Actor("ai", "bayesian")
DRIVER = Actor("driver", "host:1")


def define(name: str = "copper-melt", **changes: Any) -> c.Define:
    given: dict[str, Any] = {
        "definition": {"tasks": {"main": {}}},
        "nonce": "n" * 32,
        "uuid": uuid.uuid4().hex,
    }
    return c.Define(actor=ADA, name=name, **{**given, **changes})


@dataclass(frozen=True)
class Place:
    """Where a campaign's journal lies: a folder, and perhaps a PostgreSQL server."""

    folder: Path
    url: str | None = None

    def create(self, **changes: Any) -> Journal:
        return Journal.create(self.folder, define(**changes), url=self.url)

    def open(self, **options: Any) -> Journal:
        return Journal.open(self.folder, url=self.url, **options)

    @property
    def arguments(self) -> list[str]:
        """The place on a command line."""
        return [str(self.folder), self.url or "-"]


def draft(x: float = 1.0, **changes: Any) -> c.Draft:
    given: dict[str, Any] = {"task": "main", "parameters": {"x": x}, "origin": "human", "cost": 1.0}
    return c.Draft(**{**given, **changes})


def propose(journal: Journal, *points: float, actor: Actor = ADA, **changes: Any) -> list[str]:
    """Propose points; the names of the proposals."""
    receipt = journal.submit(c.Propose(actor=actor, drafts=[draft(x) for x in points], **changes))
    return [r.event.proposal for r in receipt.events if isinstance(r.event, ev.ProposalMade)]


def accept(journal: Journal, name: str, actor: Actor = ADA, **changes: Any) -> c.Accept:
    """The command that accepts the proposal as it stands."""
    return c.Accept(actor=actor, proposal=name, revision=journal.state.proposals[name].revision, **changes)


def launch(epoch: int, *names: str) -> c.Launch:
    """The command that launches proposals."""
    wishes = [
        c.LaunchRequest(uuid=uuid.uuid4().hex, endpoint="local", seed=7, proposal=name) for name in names
    ]
    return c.Launch(actor=DRIVER, epoch=epoch, launches=wishes)


def ended(run: str, value: float = 1.0, attempt: int = 1, **changes: Any) -> ev.AttemptEnded:
    given: dict[str, Any] = {
        "end": "done",
        "outcome": {"y": [value, 0.1]},
        "sealed": [10, "ab" * 32],
        "used": 0.5,
    }
    return ev.AttemptEnded(run=run, attempt=attempt, **{**given, **changes})


def report(epoch: int, *events: ev.Event) -> c.Report:
    return c.Report(actor=DRIVER, epoch=epoch, events=events)


def whole_run(journal: Journal, epoch: int, points: Sequence[float]) -> None:
    """Propose, accept, launch, start and end one run for each point: five events each."""
    made = journal.submit(
        c.Propose(actor=ADA, drafts=[draft(x, origin="ai") for x in points], accept=True, repeat=True)
    )
    names = [r.event.proposal for r in made.events if isinstance(r.event, ev.ProposalMade)]
    started = journal.submit(launch(epoch, *names))
    runs = [r.event.run for r in started.events if isinstance(r.event, ev.AttemptLaunched)]
    moves = [
        ev.AttemptMoved(run=run, attempt=1, state="running", where={"host": "n1", "pid": 5}) for run in runs
    ]
    journal.submit(report(epoch, *moves, *[ended(run, x) for run, x in zip(runs, points, strict=True)]))


def plain(journal: Journal) -> State:
    """The fold as it is defined: over all records, into dictionaries."""
    state = State()
    for record in journal.records(limit=10**9):
        apply(state, record)
    return state


def eventually(claim: Callable[[], bool], within: float = 60.0) -> None:
    """Wait until ``claim`` holds."""
    deadline = time.monotonic() + within
    while not claim():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
