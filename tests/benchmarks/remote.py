"""Remote runs, live: 64 at a Globus Compute endpoint (loopback) with 10 observations a second each; then stops.

Lag is from the moment the simulation yields an observation to the picture of the board that contains it. Loss is
looked for in the mirror: every observation once, in order. Requests are those that the web service counted, stops
included. A stop is timed at the endpoint, from the control in the spool to the run's acknowledgement; and for the user,
from the call to that acknowledgement, and to its being in the journal. SDK, broker and agent are the real ones; the web
service is emulated, and nothing is as far away as it would be. There is no peer: Globus Compute has neither live output
nor a stop.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aisteer as ai
from aisteer_widgets.bridge import bridge_of
from tests.benchmarks._report import show
from tests.benchmarks.live import Shown, lags
from tests.services.loopback import Loopback

RATE = 10.0
SETTLE = 5.0
PAUSE = 2.0
"""Seconds between two stops: somebody clicks."""


@ai.simulation
def ticking(x, *, rate=RATE, seconds=600.0):
    """Yields ``rate`` observations a second, on time, until it is stopped."""
    import time

    begin = time.time()
    for step in range(int(rate * seconds)):
        control = yield {"step": step, "value": x * step}
        if control.get("stop"):
            break
        time.sleep(max(0.0, begin + (step + 1) / rate - time.time()))
    return {"y": float(step)}


def doubled_or_lost(campaign: ai.Campaign) -> int:
    """Observations that are not where they belong, of all runs; each run says how many it made."""
    wrong = 0
    for run in campaign.state.runs.values():
        steps = [row["values"]["step"] for row in campaign.opened.mirror.observations(run.id, 1)]
        made = int(run.outcome["y"][0]) + 1 if run.outcome else 0
        wrong += sum(a != b for a, b in zip(steps, range(made), strict=False)) + abs(made - len(steps))
    return wrong


def stops(campaign: ai.Campaign, names: list[str], scratch: Path) -> tuple[list[float], ...]:
    """Seconds of each stop: at the endpoint, from the call to the run, and until the call's side knows."""
    there, through, here = [], [], []
    for name in names:
        began = time.time()
        campaign.runs[name].stop()
        while not (controls := campaign.state.runs[name].controls) or not controls[-1].answer:
            campaign.journal.wait(campaign.state.position, 0.05)
        here.append(time.time() - began)
        (told,) = scratch.glob(f"**/{campaign.state.runs[name].uuid}-1/controls.jsonl")
        records = map(json.loads, told.with_name("observations.jsonl").read_text().splitlines())
        acknowledged = next(record["t"] for record in records if record["kind"] == "ack")
        there.append(acknowledged - told.stat().st_mtime)
        through.append(acknowledged - began)
        time.sleep(max(0.0, PAUSE - (time.time() - began)))
    return there, through, here


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main(runs: int, seconds: float, stopped: int) -> None:
    """Run it once and report."""
    with tempfile.TemporaryDirectory(prefix="aisteer-bench-") as folder, Loopback() as loopback:
        os.environ.update(loopback.environment)
        compute = {"role": "compute", "engine": "thread", "workers": runs, "idle_heartbeats": 240}
        campaign = ai.Campaign(
            "remote",
            simulation=ticking,
            space=ai.Space(x=ai.Float(0, 1000)),
            objective=ai.Maximize("y"),
            endpoint=ai.connect(
                f"globus:{loopback.endpoint}",
                compute=compute,
                watch={"role": "watch"},
                workers=runs,
                spool="$SCRATCH/aisteer",
            ),
            autonomy=ai.Accept(),
            policy="manual",
            hold=0,
            folder=folder,
        )
        shown = Shown()
        bridge = bridge_of(campaign)
        bridge.attach(shown)
        for number in range(runs):
            campaign.propose(x=float(number))
        campaign.start()
        while sum(campaign.state.runs[name].state == "running" for name in list(campaign.state.live)) < runs:
            campaign.journal.wait(campaign.state.position, 0.2)
        time.sleep(SETTLE)
        shown.seen.clear()
        began = time.time()
        time.sleep(seconds)
        found = lags(campaign, shown)
        there, through, here = stops(campaign, [f"R{n + 1}" for n in range(stopped)], loopback.agent.scratch)
        requests = len(loopback.service.requests(began)) / (time.time() - began)
        for name in list(campaign.state.live):
            campaign.runs[name].stop()
        while campaign.state.live:
            campaign.journal.wait(campaign.state.position, 0.2)
        bridge.detach(shown)
        wrong = doubled_or_lost(campaign)
        observed = sum(len(run.observations) for run in campaign.runs.values())
        campaign.close()
    show(
        "remote",
        unit="s",
        ours=statistics.median(found),
        target=1.2,
        details={
            "runs": runs,
            "observations": observed,
            "lost or doubled": wrong,
            "lag p95 (s)": p95(found),
            "target lag p95": 2.5,
            "requests/s, stops included": requests,
            "target requests/s": 0.8,
            "stops": stopped,
            "stop at the endpoint, median, largest (s)": [statistics.median(there), max(there)],
            "target stop at the endpoint": 0.2,
            "stop from the call to the run, median, p95 (s)": [statistics.median(through), p95(through)],
            "target from the call, p95": 1.5,
            "stop until it is known here, median, p95 (s)": [statistics.median(here), p95(here)],
        },
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 64, 30.0, 20)
