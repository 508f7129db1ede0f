"""A campaign with its driver and the real local endpoint, a small disk, and what tests do with both."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import aisteer as ai

__all__ = ["campaign_of", "counted", "counting", "fill", "finished", "running", "small_disk", "until"]


@ai.simulation(checkpoint=True)
def counting(x: float, *, steps: int = 400, restart: dict[str, int] | None = None):
    """Counts up to ``steps``, 50 a second, and can go on from where it was."""
    import time

    step = restart["step"] if restart else 0
    while step < steps:
        control = yield {"step": step, "value": x * step}, lambda step=step: {"step": step}
        if control.get("stop"):
            break
        steps = control.get("steps", steps)
        step += 1
        time.sleep(0.02)
    return {"y": float(step)}


@ai.simulation
def counted(x: float) -> dict[str, float]:
    """Says each time that it is executed."""
    import os
    from pathlib import Path

    with Path(os.environ["AISTEER_TEST_LOG"]).open("a") as log:
        log.write(f"{x:g}\n")
    return {"y": x}


def campaign_of(simulation: object, **options: object) -> ai.Campaign:
    """A campaign, started, at two workers, in which only humans propose unless ``options`` say otherwise."""
    made = ai.Campaign(
        str(options.pop("name", "driven")),
        simulation=simulation,
        space=ai.Space(x=ai.Float(0, 1000)),
        objective=ai.Maximize("y"),
        endpoint=options.pop("endpoint", ai.connect("local", workers=2)),
        policy=options.pop("policy", "manual"),
        hold=options.pop("hold", 0.0),
        **options,
    )
    made.start()
    return made


def until(campaign: ai.Campaign, happened: Callable[[], object], seconds: float = 90.0) -> None:
    """Wait for what the journal, or what stands beside it, will say."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, (
            f"it did not happen: {campaign.state.runs} {campaign.state.troubles}"
        )
        campaign.journal.wait(campaign.journal.state.position, 0.2)


def running(campaign: ai.Campaign, run: str = "R1") -> None:
    """Wait until a run runs."""
    until(campaign, lambda: run in campaign.state.runs and campaign.state.runs[run].state == "running")


def finished(campaign: ai.Campaign, ended: int) -> None:
    """Wait until so many runs have ended."""
    assert asyncio.run(campaign.wait(ended=ended, timeout=60)).reached


@contextmanager
def small_disk(folder: Path, size: str = "256k") -> Iterator[Path]:
    """A disk of its own at ``folder``, so small that it can be filled; skips where none can be mounted."""
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Fill a disk but for about so many bytes; the file to remove when there is to be room again."""
    filler = disk / "fill"
    free = os.statvfs(disk)
    room = free.f_bavail * free.f_frsize - leave
    with filler.open("wb", buffering=0) as file:
        file.write(b"x" * room)
    return filler
