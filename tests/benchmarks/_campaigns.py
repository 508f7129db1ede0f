"""Large campaigns, written through the journal's gate as a driver would, without waiting for the runs."""

from __future__ import annotations

import json
import math
import random
import uuid
from pathlib import Path

import aisteer as ai
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer.journal.store import Journal

CHUNK = 500


@ai.simulation
def wave(x, y, *, steps=100):
    """A run that yields 100 observations."""
    import math

    for step in range(steps):
        control = yield {"step": step, "energy": math.exp(-step / 20) + x}
        if control.get("stop"):
            break
    return {"value": math.sin(x) + y}


@ai.simulation
def streaming(x, y, *, rate=100.0, seconds=600.0):
    """Yields ``rate`` observations a second until it is stopped."""
    import time

    begin = time.time()
    for step in range(int(rate * seconds)):
        control = yield {"step": step, "energy": x * step}
        if control.get("stop"):
            break
        time.sleep(max(0.0, begin + (step + 1) / rate - time.time()))
    return {"value": x + y}


def space() -> ai.Space:
    return ai.Space(x=ai.Float(0, 10), y=ai.Float(0, 1))


def make(
    name: str, runs: int, observations: int, folder: Path, /, *, simulation: object = wave, **options: object
) -> Path:
    """A campaign of that many ended runs; returns its folder."""
    campaign = ai.Campaign(
        name,
        simulation=simulation,
        space=space(),
        objective=ai.Maximize("value"),
        folder=folder,
        **{"policy": "manual", "autonomy": ai.Accept(), **options},
    )
    journal, driver, ai_actor = campaign.journal, Actor("driver", "bench"), Actor("ai", "random")
    epoch = journal.take_lease({"host": "bench"}, driver)
    journal.submit(cmd.Start(actor=driver))
    chance = random.Random(1)
    for begin in range(0, runs, CHUNK):
        points = [(chance.uniform(0, 10), chance.random()) for _ in range(min(CHUNK, runs - begin))]
        drafts = [
            cmd.Draft(
                task="main",
                parameters={"x": x, "y": y},
                origin="ai",
                predicted={"value": [math.sin(x), 0.3]},
                acquisition=chance.random(),
                rank=1,
                of=512,
            )
            for x, y in points
        ]
        made = journal.submit(cmd.Propose(actor=ai_actor, drafts=drafts, epoch=epoch)).events
        names = [r.event.proposal for r in made]
        verdicts = [cmd.Verdict(proposal=n, verdict="accepted", rule="accept") for n in names]
        journal.submit(cmd.Decide(actor=Actor("rule", "accept"), epoch=epoch, verdicts=verdicts))
        wishes = [
            cmd.LaunchRequest(uuid=uuid.uuid4().hex, endpoint="local", seed=1, proposal=n) for n in names
        ]
        launched = journal.submit(cmd.Launch(actor=driver, epoch=epoch, launches=wishes)).events
        ends = []
        for record, (x, y) in zip(launched, points, strict=True):
            run = record.event.run
            _mirror(campaign, run, x, observations)
            ends.append(
                ev.AttemptEnded(
                    run=run,
                    attempt=1,
                    end="done",
                    outcome={"value": [math.sin(x) + y]},
                    seconds=1.0,
                    observations=observations,
                )
            )
        journal.submit(cmd.Report(actor=driver, epoch=epoch, events=ends))
    journal.submit(cmd.Pause(actor=driver))
    journal.release_lease(epoch)
    place = campaign.folder
    campaign.close()
    return place


def wait(place: Path, points: list[tuple[float, float]]) -> None:
    """Have the AI propose those points in the campaign at ``place``, where they then wait for a decision."""
    with Journal.open(place) as journal:
        epoch = journal.take_lease({"host": "bench"}, Actor("driver", "bench"))
        drafts = [
            cmd.Draft(
                task="main",
                parameters={"x": x, "y": y},
                origin="ai",
                predicted={"value": [math.sin(x), 0.3]},
                acquisition=0.5,
                rank=1,
                of=512,
            )
            for x, y in points
        ]
        journal.submit(cmd.Start(actor=Actor("driver", "bench")))
        journal.submit(cmd.Propose(actor=Actor("ai", "random"), drafts=drafts, epoch=epoch))
        journal.submit(cmd.Pause(actor=Actor("driver", "bench")))
        journal.release_lease(epoch)


def _mirror(campaign: ai.Campaign, run: str, x: float, observations: int) -> None:
    if not observations:
        return
    lines = [
        json.dumps(
            {"seq": i, "t": 1.7e9 + i, "kind": "obs", "values": {"step": i, "energy": math.exp(-i / 20) + x}},
            separators=(",", ":"),
        )
        for i in range(observations)
    ]
    campaign.opened.mirror.append(run, 1, 0, ("\n".join(lines) + "\n").encode())
    campaign.opened.mirror.seal(run, 1)
