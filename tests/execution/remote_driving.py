"""A process that drives a campaign at a remote endpoint until it is killed; run by test_globus_campaign.py."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

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


def die(where: str) -> None:
    """End as by ``kill -9`` when a run is about to be sent, or when it was sent and nobody has noted its task's id."""
    from aisteer.execution.globus import sending
    from aisteer.execution.globus.role import Role

    send_batch, wait = sending.Sender._send_batch, Role.wait_until_sent

    def send(*arguments: Any) -> None:
        if where == "unsent":
            os.kill(os.getpid(), signal.SIGKILL)
        send_batch(*arguments)

    def wait_and_die(*arguments: Any) -> None:
        wait(*arguments)
        if threading.current_thread().name == "aisteer-globus-sender":
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(sending.Sender, "_send_batch", send)  # noqa: B010  for mypy
    setattr(Role, "wait_until_sent", wait_and_die)  # noqa: B010


def main(address: str, log: str, runs: int, where: str = "") -> None:
    if where:
        die(where)
    campaign = campaign_of(address, log)
    for number in range(runs - len(campaign.state.runs)):
        campaign.propose(x=float(number), log=log).accept()
    campaign.start()
    print("proposed", flush=True)
    while True:
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
