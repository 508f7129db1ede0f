"""Where a figure came from, so that a year later it can be said."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisteer.figures.source import Source
    from aisteer.journal.state import Run

__all__ = ["provenance"]

Json = dict[str, Any]


def provenance(
    source: Source, kind: str, tasks: Sequence[str], options: Mapping[str, Any], runs: Sequence[str]
) -> Json:
    """What is written beside a figure, as data.

    Args:
        source: What the figure was made of.
        kind: Which figure.
        tasks: The tasks that it shows.
        options: What the caller asked for.
        runs: The runs whose outcomes or observations it shows.
    """
    return {
        "format": 1,
        "figure": kind,
        "options": {name: str(value) for name, value in options.items()},
        "campaign": {"name": source.name, "uuid": source.uuid, "revision": source.revision},
        "tasks": {name: _task(source, name) for name in tasks},
        "runs": [_run(run) for run in source.runs(runs).values()],
        "intervals": "bands and bars are 95 % intervals; x_error and y_error in the data are their half-widths",
        "versions": {
            "aisteer": _version("aisteer"),
            "matplotlib": _version("matplotlib"),
            "numpy": _version("numpy"),
            "python": platform.python_version(),
        },
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _task(source: Source, name: str) -> Json:
    definition, fit = source.tasks[name], source.models.get(name)
    return {
        "objective": definition.get("objective"),
        "code": definition["simulation"].get("code"),
        "policy": definition.get("policy"),
        "surrogate": None if fit is None else {"revision": fit.model, "runs": fit.runs},
    }


def _run(run: Run) -> Json:
    sealed = next((attempt.sealed for attempt in reversed(run.attempts) if attempt.sealed), None)
    return {
        "run": run.id,
        "uuid": run.uuid,
        "code": run.code,
        "seed": run.seed,
        "end": run.end or run.state,
        "observations_sha256": sealed[1] if sealed else None,
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
