"""A process that drives a campaign until it is killed; run by test_driver_killed.py."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import aisteer as ai


@ai.simulation
def logged(x: float, *, log: str = os.environ["AISTEER_TEST_LOG"]) -> dict[str, float]:
    """Writes down when it starts and ends, so that the test can see two live attempts of one run."""
    import os
    import time

    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"start {x!r} {os.getpid()}\n".encode())
    time.sleep(0.01)
    os.write(file, f"end {x!r} {os.getpid()}\n".encode())
    os.close(file)
    return {"y": x * x}


def main(points: int) -> None:
    campaign = ai.Campaign(
        "killed",
        simulation=logged,
        space=ai.Space(x=ai.Float(0, points)),
        objective=ai.Maximize("y"),
        endpoint=ai.connect("local", workers=2),
        policy="manual",
        hold=0.0,
    )
    campaign.start()
    print("ready", flush=True)
    for number in range(points):
        proposal = campaign.propose(x=float(number))
        if proposal.state == "waiting":
            proposal.accept()
        print(f"decided {proposal.id}", flush=True)
        time.sleep(0.002)
    asyncio.run(campaign.wait(ended=points, timeout=120))
    print("finished", flush=True)
    campaign.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
