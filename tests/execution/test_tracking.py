"""What was seen of an attempt becomes events, once, whatever fails meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisteer.errors import JournalUnavailable
from aisteer.execution.endpoint import Glimpse
from aisteer.execution.mirror import Mirror
from aisteer.execution.tracking import Tracker
from aisteer.journal import events as ev
from aisteer.journal.state import Attempt, Run


def live_run() -> Run:
    """A run that is executed."""
    attempt = Attempt(number=1, uuid="a" * 32, epoch=1, launched=0.0, state="running")
    return Run("R1", "a" * 32, "P1", "main", {}, "local", 1, "", 0.0, 1, "human", attempts=(attempt,))


def test_an_answer_is_read_though_nobody_can_be_told_that_there_is_room_again(tmp_path: Path) -> None:
    def full(run: str) -> None:
        raise JournalUnavailable(f"The disk is full, and {run} is kept again.")

    def unexpected(*words: str) -> None:
        raise AssertionError(words)

    tracker = Tracker(Mirror(tmp_path), on_gap=unexpected, on_unkept=unexpected, on_kept=full)
    ref = tracker.add(live_run(), {"objective": {"outcome": "y"}}).ref
    line = b'{"seq":1,"t":1,"kind":"ack","control":"c1","answer":"sent"}\n'
    with pytest.raises(JournalUnavailable):
        tracker.take(Glimpse(ref, line, 0, len(line)))
    assert tracker.offset(ref) == len(line)  # so it is not sent again
    events, over = tracker.collect()
    assert events == [ev.ControlAcknowledged(run="R1", control="c1", answer="sent", detail="")]
    assert not over
