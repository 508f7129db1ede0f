"""Minds of other libraries drive a real campaign: its journal, its driver, and runs on this machine; prints JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

import aisteer as ai
from aisteer.execution.hosts import list_hosts, stop_host
from tests.steering.lent.minds import MINDS

warnings.simplefilter("ignore")


@ai.simulation
def hill(x, y):
    return {"yield": 10 - 40 * (x - 0.3) ** 2 - 40 * (y - 0.7) ** 2}


def main(name: str, runs: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        campaign = ai.Campaign(
            "lent",
            simulation=hill,
            space=ai.Space(x=ai.Float(0, 1), y=ai.Float(0, 1)),
            objective=ai.Maximize("yield"),
            policy=MINDS[name](),
            autonomy=ai.Accept(),
            runs=runs,
            slots=2,
            batch=2,
            hold=0.0,
            folder=folder,
        )
        campaign.start()
        end, troubles = time.monotonic() + 240, set()
        while (
            sum(run.end == "done" for run in campaign.state.runs.values()) < runs and time.monotonic() < end
        ):
            troubles |= {trouble.message for trouble in campaign.state.troubles.values()}
            time.sleep(0.1)
        made = [p for p in campaign.state.proposals.values() if p.origin in {"ai", "random"}]
        told = [next((r for r in p.reasons if r.get("kind") == "mind"), {}) for p in made]
        done = [run for run in campaign.state.runs.values() if run.end == "done"]
        campaign.close()
        for host in list_hosts():
            if Path(host.spool).is_relative_to(folder):
                stop_host(host)
    return {
        "runs": len(done),
        "its_own": sum(bool(r) and "instead_of" not in r for r in told),
        "instead": sorted({r["words"][:200] for r in told if "instead_of" in r}),
        "predicted": sum(bool(p.predicted) for p in made),
        "troubles": sorted(troubles),
        "best": max(run.outcome["yield"][0] for run in done),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
