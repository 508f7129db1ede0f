"""Ending a run that was asked to stop and did not: first the simulation, then its process group."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

from aisteer.execution.crew import Worker
from aisteer.execution.worker import files
from aisteer.execution.worker.controls import Controls
from aisteer.execution.worker.files import Json
from aisteer.execution.worker.stepping import GRACE

__all__ = ["Stop", "read_stop"]

_OWN_TRY = 4.0
"""Seconds beyond the grace time in which the worker itself closes or interrupts the simulation."""
_STEPS = ((0.0, signal.SIGTERM), (1.0, signal.SIGTERM), (3.0, signal.SIGKILL))


@dataclass(slots=True)
class Stop:
    """A stop that was asked for, and how far it has been pressed."""

    controls: list[str]
    grace: float
    since: float = field(default_factory=time.monotonic)
    pressed: int = 0

    def press(self, worker: Worker, now: float) -> None:
        """Signal the worker's process group when the next step is due."""
        if self.pressed < len(_STEPS):
            delay, number = _STEPS[self.pressed]
            if now >= self.since + self.grace + _OWN_TRY + delay:
                self.pressed += 1
                worker.signal(number)

    @property
    def words(self) -> str:
        """The end, in words."""
        return (
            f"Stopped: it did not return within {self.grace:g} s of being told, could not be interrupted, "
            f"and its process group "
            "was ended, so it has no outcome. What it wrote before is kept. Let the simulation yield more often."
        )

    @property
    def answers(self) -> list[Json]:
        """What the controls are answered with."""
        return [
            {"control": c, "answer": "ended", "detail": "its process group was ended"} for c in self.controls
        ]


def read_stop(folder: str, request: Json | None = None) -> Stop | None:
    """The stop that stands in an attempt's controls; None when there is none.

    Args:
        folder: The attempt's folder.
        request: Its request; None reads it in the folder.
    """
    request = request or files.read_json(f"{folder}/request.json", 64 << 20) or {}
    epoch = request.get("epoch")
    accepted, _ = Controls(folder, epoch if isinstance(epoch, int) else 0).look()
    stops = [control["id"] for control in accepted if control["verb"] == "stop"]
    grace = request.get("grace")
    if not stops:
        return None
    return Stop(stops, float(grace) if isinstance(grace, int | float) else GRACE)
