"""The task that executes one attempt of a run."""

from __future__ import annotations

from typing import Any

from aisteer.execution.globus.travelling.package import package


def run(root: str, order: dict[str, Any]) -> dict[str, Any]:
    """Execute one attempt of a run in the spool ``root``; a plain object in, a plain object out."""
    worker, refusal = package(root, order)
    return refusal or dict(worker.run(root, order))
