"""The curves of runs, read from what was mirrored of their observations; what was read is not read again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aisteer.execution.mirror import Mirror
from aisteer.execution.worker import files
from aisteer.steering.curves import Curve

__all__ = ["Curves"]

_AT_ONCE = 1 << 22
"""Bytes of one run that are read in one look."""


@dataclass(slots=True)
class _Reading:
    curve: Curve = field(default_factory=Curve)
    offset: int = 0
    whole: bool = False


class Curves:
    """Curves of first attempts, by run.

    Args:
        mirror: The campaign's mirror. It is only read, and nobody is told to hurry: observations that arrive now and
            then will do.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._readings: dict[str, _Reading] = {}

    def of(self, ended: list[str], live: list[str]) -> dict[str, Curve]:
        """The curves of these runs; others are forgotten."""
        kept = {*ended, *live}
        self._readings = {name: reading for name, reading in self._readings.items() if name in kept}
        for name in kept:
            reading = self._readings.setdefault(name, _Reading())
            while not reading.whole and self._read(name, reading):
                pass
        for name in ended:
            self._readings[name].whole = True  # the driver reports an end once all of it is here
        return {name: reading.curve for name, reading in self._readings.items()}

    def _read(self, name: str, reading: _Reading) -> bool:
        """Read on; whether there may be more."""
        try:
            with self._mirror.path(name, 1).open("rb") as file:
                file.seek(reading.offset)
                data = file.read(_AT_ONCE)
        except OSError:
            return False
        end = data.rfind(b"\n") + 1
        reading.offset += end
        reading.curve.feed(_observations(data[:end]))
        return bool(end) and len(data) == _AT_ONCE


def _observations(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        parsed = files.decode(line) if b'"obs"' in line else None
        if parsed is not None and parsed.get("kind") == "obs" and isinstance(parsed.get("values"), dict):
            yield parsed["values"]
