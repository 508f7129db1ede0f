"""Many requests at once: see the worker's own room, which this comes from."""

from __future__ import annotations

from aisteer.execution.worker.handing import Handing

__all__ = ["Handing"]
