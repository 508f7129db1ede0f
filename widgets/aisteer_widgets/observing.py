"""Reads the observations of the runs that are shown, from where it last stopped."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aisteer_widgets.view_models.trace import Trace

if TYPE_CHECKING:
    from aisteer.execution.mirror import Mirror
    from aisteer.journal.state import Run

__all__ = ["Observing"]

KEPT = 96
"""Traces kept; the ones not shown for longest go first and are read again when asked for."""
AT_ONCE = 1 << 20
"""Bytes read of one run in one look, so that a long run cannot hold up the others."""


@dataclass(slots=True)
class _Reading:
    trace: Trace = field(default_factory=Trace)
    attempt: int = 0
    offset: int = 0
    settled: bool = False


class Observing:
    """Traces of runs, each fed by what was mirrored since the last look.

    Args:
        mirror: The campaign's mirror. It is only read.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._readings: OrderedDict[str, _Reading] = OrderedDict()

    def look(self, runs: Iterable[Run]) -> bool:
        """Read on; say whether anything new was found."""
        found = [self._read(run) for run in runs]
        while len(self._readings) > KEPT:
            self._readings.popitem(last=False)
        return any(found)

    @property
    def traces(self) -> dict[str, Trace]:
        """By run; the values go on growing."""
        return {name: reading.trace for name, reading in self._readings.items()}

    def _read(self, run: Run) -> bool:
        reading = self._readings.setdefault(run.id, _Reading())
        self._readings.move_to_end(run.id)
        if reading.settled and reading.attempt == len(run.attempts):
            return False
        fed = False
        while True:
            more, whole = self._read_some(run.id, reading)
            fed = fed or more
            over = reading.attempt and run.attempts[reading.attempt - 1].end
            if not whole:
                return True
            if reading.attempt < len(run.attempts) and (over or not reading.attempt):
                reading.attempt, reading.offset = reading.attempt + 1, 0
                continue
            reading.settled = run.state == "ended" and bool(over)
            return fed

    def _read_some(self, name: str, reading: _Reading) -> tuple[bool, bool]:
        """Feed what is there, up to a limit: whether there was anything, and whether that was all."""
        if not reading.attempt:
            return False, True
        self._mirror.attention.pay()
        try:
            with self._mirror.path(name, reading.attempt).open("rb") as file:
                file.seek(reading.offset)
                data = file.read(AT_ONCE)
        except OSError:
            return False, True
        end = data.rfind(b"\n") + 1
        if not end:
            return False, True
        reading.offset += end
        reading.trace.feed(_observations(data[:end], reading.trace))
        return True, len(data) < AT_ONCE


def _observations(data: bytes, trace: Trace) -> Iterable[dict[str, Any]]:
    for line in data.splitlines():
        try:
            parsed = json.loads(line)
        except ValueError:
            continue
        if not isinstance(parsed, dict):
            continue
        if parsed.get("kind") == "obs" and isinstance(parsed.get("values"), dict):
            yield parsed["values"]
        elif parsed.get("kind") == "checkpoint":
            trace.checkpoint = str(parsed.get("name", ""))
