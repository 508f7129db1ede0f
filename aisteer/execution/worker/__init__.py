"""The worker: executes attempts where they run. Standard library only, so that it can travel."""

from __future__ import annotations

from .attempt import run_attempt

__all__ = ["run_attempt"]
