"""The task that writes into a spool: controls, code, the root itself."""

from __future__ import annotations

from typing import Any

from aisteer.execution.globus.travelling.package import package


def write(root: str, letter: dict[str, Any]) -> dict[str, Any]:
    """Carry out orders in the spool ``root``; a plain object in, a plain object out."""
    worker, refusal = package(root, letter)
    return refusal or dict(worker.write(root, letter))
