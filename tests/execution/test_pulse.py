"""The thread that keeps attempts alive: each beats by its own time."""

from __future__ import annotations

import threading
import time

from aisteer.execution.worker.pulse import Pulse


class Beaten:
    """An attempt that notes when it beats."""

    def __init__(self) -> None:
        self.entered = time.monotonic()
        self.beats: list[float] = []
        self.beaten = threading.Event()

    def flush(self) -> None:
        """Nothing waits."""

    def beat(self) -> None:
        """Take down when."""
        self.beats.append(time.monotonic())
        self.beaten.set()


def test_an_attempt_beats_an_interval_after_it_entered_whenever_others_do() -> None:
    pulse = Pulse(0.2)
    first = Beaten()
    pulse.enter(first)
    first.beaten.wait(0.1)  # as a rule halfway to its first
    second = Beaten()
    pulse.enter(second)
    assert second.beaten.wait(10.0)
    assert second.beats[0] - second.entered >= pulse.interval
    assert first.beats[0] < second.beats[0]
    pulse.leave(first)
    pulse.leave(second)
