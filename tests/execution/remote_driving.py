"""A process that drives a campaign at a remote endpoint until it is killed; run by test_globus_campaign.py."""

from __future__ import annotations

import sys
import time

import aisteer as ai


@ai.simulation
def logged(x: float, *, log: str = "", steps: int = 60):
    """Writes down when it starts and ends, so that the test can see two live attempts of one run."""
    import time
    from pathlib import Path

    with Path(log).open("a") as file:
        file.write(f"start {x:g}\n")
    for step in range(steps):
        yield {"step": step}
        time.sleep(0.1)
    with Path(log).open("a") as file:
        file.write(f"end {x:g}\n")
    return {"y": x}


def campaign_of(address: str, log: str) -> ai.Campaign:
    """The campaign, opened by whoever drives it."""
    return ai.Campaign(
        "remote",
        simulation=logged,
        space=ai.Space(x=ai.Float(0, 100), log=ai.Choice([log, "elsewhere"])),
        objective=ai.Maximize("y"),
        endpoint=address,
        policy="manual",
        hold=0.0,
    )


def main(address: str, log: str, runs: int) -> None:
    campaign = campaign_of(address, log)
    campaign.start()
    for number in range(runs):
        campaign.propose(x=float(number), log=log).accept()
    print("proposed", flush=True)
    while True:
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
