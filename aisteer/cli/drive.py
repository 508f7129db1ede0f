"""``aisteer drive``: the driver without a kernel."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from aisteer.campaign.opening import open_campaign
from aisteer.campaign.starting import holder
from aisteer.campaign.steering import setting_in_words
from aisteer.errors import AisteerError, NotSupported
from aisteer.journal import events as ev

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign
    from aisteer.execution.driver import Driver

__all__ = ["drive"]

_LOOK = 0.5


def drive(given: argparse.Namespace) -> int:
    """Drive a campaign until SIGTERM or SIGINT; one line per event.

    Runs go on when it ends, and another driver can take over at once.
    """
    campaign = open_campaign(given.name, folder=given.folder, trust=given.trust)
    if campaign.opened.kernel_bound:
        raise NotSupported(
            f"{given.name!r} runs on {campaign.opened.kernel_bound!r}, an Executor that lives in the kernel "
            "that made it. Nothing was started. It can only be driven there, with campaign.start(); to drive "
            'it from here, give it an endpoint with an address: campaign.redefine(endpoint="local").'
        )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    position = campaign.state.position
    driver = campaign.opened.drive(holder("aisteer drive"))
    try:
        return _follow(campaign, driver, position, stop)
    finally:
        campaign.close()
        print("Stopped driving. Runs at the endpoint go on.", flush=True)


def _follow(campaign: Campaign, driver: Driver, position: int, stop: threading.Event) -> int:
    said = ""
    while not stop.is_set():
        try:
            if campaign.journal.wait(position, _LOOK):
                for record in campaign.journal.records(position):
                    position = record.position
                    print(_line(record), flush=True)
        except AisteerError as error:
            said = _say(str(error), said)
            stop.wait(1.0)
        said = _say(driver.problem, said)
        if not driver.alive and not stop.is_set():
            print(f"aisteer: {driver.problem or 'the driver ended'}", file=sys.stderr)
            return 1
    return 0


def _say(problem: str, said: str) -> str:
    if problem and problem != said:
        print(f"aisteer: {problem}", file=sys.stderr, flush=True)
    return problem


def _line(record: ev.Record) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(record.time))
    by = f"{record.actor.kind} {record.actor.name}"
    return _printable(f"{when} {record.event.kind}: {_words(record.event)} ({by})")


def _words(event: ev.Event) -> str:
    fields = (
        "proposal",
        "run",
        "task",
        "end",
        "state",
        "verb",
        "answer",
        "data",
        "source",
        "reason",
        "message",
        "text",
        "epoch",
    )
    found: list[Any] = [getattr(event, name, None) for name in fields]
    if isinstance(event, ev.Steered):
        changes = event.change.items()
        told = [setting_in_words(n, v) if v is not None else f"{n} taken back" for n, v in changes]
        found.insert(fields.index("task") + 1, "; ".join(told))
    return " ".join(str(value) for value in found if value not in {None, ""})


def _printable(text: str) -> str:
    """On one line, and without what would command a terminal."""
    text = text if len(text) <= 400 else text[:397] + "…"
    return "".join(char if char.isprintable() else " " for char in text)
