"""Processes that the tests start: ``python -m tests.journal.actors <part> <folder> <url or -> …``.

Each prints a line of JSON for what it knows to be done; a reader may end it at any moment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from aisteer.errors import LeaseLost, Refused
from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer.journal.store import Journal
from tests.journal.scenes import ADA, DRIVER, accept, draft, ended, launch, report


def say(**words: Any) -> None:
    os.write(1, (json.dumps(words) + "\n").encode())  # in one piece: several processes may share the pipe


def hear() -> str:
    return sys.stdin.readline().strip()


def _writer(journal: Journal, who: int, count: int) -> None:
    """Write ``count`` notes, as one for whom each is waited for, or as one for whom none is."""
    actor = Actor("human" if who % 2 else "driver", f"writer {who}")
    for n in range(count):
        receipt = journal.submit(c.Note(actor=actor, text=f"{who}:{n}"))
        say(position=receipt.position, text=f"{who}:{n}")


def writers(folder: Path, url: str | None, processes: str, count: str) -> None:
    """Several processes that write as fast as they can, once told to; they share the standard output."""
    say(ready=True)
    hear()
    children = []
    for who in range(int(processes)):
        child = os.fork()
        if child:
            children.append(child)
            continue
        with Journal.open(folder, url=url) as journal:
            _writer(journal, who, int(count))
        os._exit(0)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)


def follower(journal: Journal, count: str) -> None:
    """Report every position as it comes, until there are ``count``."""
    after = 0
    say(ready=True)
    while after < int(count):
        journal.wait(after, timeout=1.0)
        for record in journal.records(after):
            say(position=record.position)
            after = record.position


def decider(journal: Journal, who: str, rounds: str) -> None:
    """Accept each proposal as it was seen, in step with others."""
    actor = Actor("human", who)
    for n in range(1, int(rounds) + 1):
        revision = journal.state.proposals[f"P{n}"].revision
        say(round=n)
        hear()
        try:
            journal.submit(c.Accept(actor=actor, proposal=f"P{n}", revision=revision))
            say(won=True)
        except Refused as error:
            say(won=False, why=str(error))


def undoer(journal: Journal, rounds: str) -> None:
    """Undo each decision as it was seen, in step with a driver that launches."""
    for n in range(1, int(rounds) + 1):
        revision = journal.state.proposals[f"P{n}"].revision
        say(round=n)
        hear()
        try:
            receipt = journal.submit(c.Undo(actor=ADA, proposal=f"P{n}", revision=revision))
            say(undone=isinstance(receipt.events[0].event, ev.DecisionUndone))
        except Refused as error:
            say(undone=False, why=str(error))


def launcher(journal: Journal, epoch: str, rounds: str) -> None:
    """Launch each proposal, in step with a human who undoes."""
    for n in range(1, int(rounds) + 1):
        say(round=n)
        hear()
        say(launched=bool(journal.submit(launch(int(epoch), f"P{n}")).events))


def driver(journal: Journal, patience: str) -> None:
    """Take the lease, then beat and launch as told."""
    epoch = journal.take_lease({"part": "driver"}, DRIVER, patience=float(patience))
    say(epoch=epoch)
    while word := hear():
        if word == "beat":
            journal.beat(epoch)
            continue
        try:
            say(launched=bool(journal.submit(launch(epoch, *journal.state.accepted)).events))
        except LeaseLost as error:
            say(lost=str(error))
            return


def campaigners(folder: Path, url: str | None) -> None:
    """For each line heard, a process that campaigns until it is killed; what it was for is imported once."""
    while hear():
        child = os.fork()
        if not child:
            with Journal.open(folder, url=url) as journal:
                _campaigner(journal)
        os.waitpid(child, 0)
        say(dead=child)


def _campaigner(journal: Journal) -> None:
    """Propose, decide, launch and end runs for ever, as a notebook with its driver would."""
    epoch = journal.take_lease({}, DRIVER, patience=1e9)  # the last one is known to be dead
    journal.submit(c.Start(actor=ADA))
    say(pid=os.getpid())
    while True:
        made = journal.submit(c.Propose(actor=ADA, repeat=True, drafts=[draft(time.time())]))
        name = made.events[0].event.proposal  # type: ignore[attr-defined]
        done = journal.submit(accept(journal, name))
        say(accepted=name, position=done.position)
        runs = journal.submit(launch(epoch, *journal.state.accepted)).events
        for record in runs:
            assert isinstance(record.event, ev.AttemptLaunched)
            say(launched=record.event.proposal, position=record.position)
        receipt = journal.submit(report(epoch, *[ended(run) for run in journal.state.live]))
        for record in receipt.events:
            assert isinstance(record.event, ev.AttemptEnded)
            say(ended=record.event.run, position=record.position)


def main(part: str, folder: str, url: str, *rest: str) -> None:
    server = None if url == "-" else url
    if part in {"writers", "campaigners"}:
        globals()[part](Path(folder), server, *rest)
        return
    with Journal.open(Path(folder), url=server) as journal:
        globals()[part](journal, *rest)


if __name__ == "__main__":
    main(*sys.argv[1:])
