"""The task that looks at attempts while they are executed."""

from __future__ import annotations

from typing import Any

from aisteer.execution.globus.travelling.package import package


def look(root: str, question: dict[str, Any]) -> dict[str, Any]:
    """Look at attempts in the spool ``root``; a plain object in, a plain object out."""
    worker, refusal = package(root, question)
    return refusal or dict(worker.look(root, question))
