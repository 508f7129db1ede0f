"""What of a pool a region can name: its columns with their ranges and options, and how many candidates lie in a box."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aisteer.errors import AisteerError
from aisteer.problem.pool import Pool
from aisteer.problem.regions import rows_in
from aisteer_widgets.candidates import pool_kept
from aisteer_widgets.view_models.tasks import Parameter

__all__ = ["PoolRegions", "candidates_in", "columns_of"]

Json = dict[str, Any]
OPTIONS = 40
"""Different values up to which a column of texts is offered as a choice."""


class PoolRegions:
    """What the pools in a campaign's folder say of regions; nothing where one is gone, which the driver says.

    Args:
        folder: The campaign's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def columns(self, space: Mapping[str, Any]) -> tuple[Parameter, ...]:
        """By what a region of the pool of a definition can be said."""
        try:
            return columns_of(self._folder, str(space["pool"]))
        except (AisteerError, OSError, KeyError):
            return ()

    def inside(self, space: Mapping[str, Any], box: Mapping[str, Any]) -> int | None:
        """How many candidates lie in a region."""
        try:
            return candidates_in(self._folder, str(space["pool"]), box)
        except (AisteerError, OSError, KeyError):
            return None


@lru_cache(maxsize=4)
def columns_of(folder: Path, sha256: str) -> tuple[Parameter, ...]:
    """The columns of a kept pool by which a region can be said: numbers by range, texts of which there are few."""
    pool = pool_kept(folder, sha256)
    found = (_column(pool, name) for name in pool.columns)
    return tuple(column for column in found if column is not None)


def _column(pool: Pool, name: str) -> Parameter | None:
    said = [v for v in pool.columns[name] if v is not None and v == v]  # noqa: PLR0124  nan is no value
    if not said:
        return None
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in said):
        low, high = float(min(said)), float(max(said))
        return Parameter(name, "float", low=low, high=high) if low < high else None
    options = sorted(set(said), key=str)
    few = 1 < len(options) <= OPTIONS and len(options) < len(said)
    return Parameter(name, "choice", choices=tuple(options)) if few else None


def candidates_in(folder: Path, sha256: str, box: Mapping[str, Any]) -> int:
    """How many candidates of a kept pool lie in a box."""
    return _counted(folder, sha256, json.dumps(box, sort_keys=True))


@lru_cache(maxsize=64)
def _counted(folder: Path, sha256: str, box: str) -> int:
    return sum(rows_in(pool_kept(folder, sha256), json.loads(box)))
