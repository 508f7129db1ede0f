"""The live path: 100 local runs with 100 observations a second each, ingested, mirrored and shown.

Lag is from the moment the simulation yields an observation to the picture of the board that contains
it. Loss is looked for in the mirror: every observation once, in order. The share of a core is that of
the driver's process, which mirrors, folds and paints; the simulations' own processes are not counted.
There is no peer: none of the engines shows observations of running tasks.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import tempfile
import time

import aisteer as ai
from aisteer_widgets.bridge import bridge_of
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.screen import PARTS, parts
from tests.benchmarks._report import show


@ai.simulation
def ticking(x, *, rate=100.0, seconds=30.0):
    """Yields ``rate`` observations a second, on time."""
    import time

    begin = time.time()
    for step in range(int(rate * seconds)):
        control = yield {"step": step, "value": x * step}
        if control.get("stop"):
            break
        time.sleep(max(0.0, begin + (step + 1) / rate - time.time()))
    return {"y": x}


class Shown:
    """A follower of the bridge that makes the board's parts and notes when how much of a run was in them."""

    shows = frozenset(PARTS)

    def __init__(self) -> None:
        self.wishes = Wishes()
        self.seen: dict[str, list[tuple[float, int]]] = {}

    def follow(self, scene: Scene) -> None:
        parts(scene, self.wishes)
        now = time.time()
        for name, trace in scene.traces.items():
            self.seen.setdefault(name, []).append((now, trace.seen))

    def flush(self) -> None:
        return

    def forget(self) -> None:
        return


def lags(campaign: ai.Campaign, shown: Shown) -> list[float]:
    found = []
    for name, pictures in list(shown.seen.items()):
        times = [row["t"] for row in campaign.opened.mirror.observations(name, 1)]
        # The board shows a page of runs at a time: what a run yielded before it was on the page does not count.
        done = sum(t < pictures[0][0] for t in times)
        for now, seen in pictures:
            found += [now - t for t in times[done:seen]]
            done = max(done, seen)
    return found


def lost(campaign: ai.Campaign, expected: int) -> int:
    missing = 0
    for run in campaign.state.runs.values():
        steps = [row["values"]["step"] for row in campaign.opened.mirror.observations(run.id, 1)]
        missing += expected - len(steps) if steps == list(range(len(steps))) else expected
    return missing


def main(runs: int, seconds: float) -> None:
    """Run it once and report."""
    with tempfile.TemporaryDirectory(prefix="aisteer-bench-") as folder:
        campaign = ai.Campaign(
            "live",
            simulation=ticking,
            space=ai.Space(x=ai.Float(0, 1000)),
            objective=ai.Maximize("y"),
            endpoint=ai.connect("local", workers=runs),
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
        before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        time.sleep(seconds / 3)
        after, end = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / (end - begin)
        waited = asyncio.run(campaign.wait(ended=runs, timeout=10 * seconds))
        bridge.detach(shown)
        found = lags(campaign, shown)
        rate = int(100 * seconds)
        gone = lost(campaign, rate)
        campaign.close()
    show(
        "live",
        unit="s",
        ours=statistics.median(found),
        target=0.3,
        details={
            "runs": runs,
            "observations": runs * rate,
            "lost": gone,
            "finished": waited.reached,
            "lag p95 (s)": statistics.quantiles(found, n=20)[-1],
            "share of a core, driver and board": cpu,
            "target share": 0.5,
        },
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, 30.0)
