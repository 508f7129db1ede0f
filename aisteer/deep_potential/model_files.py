"""The files of a run's model, opened where it executes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from aisteer.deep_potential.dynamics_settings import Settings, expanded, sha256_of
from aisteer.deep_potential.model import DeepPotential, load
from aisteer.errors import BadModel

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["opened"]


def opened(settings: Settings) -> tuple[DeepPotential, list[str]]:
    """The model and the SHA-256 of each file; loaded once in a process, and anew when a file is not as it was.

    Raises:
        BadModel: A file is not there, or is another one than the campaign was defined with.
    """
    paths = [expanded(each["path"]) for each in settings.models]
    stamps = []
    for path in paths:
        if not path.is_file():
            raise BadModel(
                f"There is no file {path} where the run executes, so it has no model. Copy the checkpoint there, or "
                "define the simulation with the path that it has there.",
                path=str(path),
            )
        found = path.stat()
        stamps.append((found.st_mtime_ns, found.st_size, found.st_ino))
    sums = tuple(each.get("sha256") for each in settings.models)
    model, found_sums = _loaded(
        tuple(paths), sums, tuple(stamps), settings.overflow, settings.target, settings.r_min
    )
    return model, list(found_sums)


@functools.lru_cache(maxsize=2)
def _loaded(
    paths: tuple[Path, ...],
    sums: tuple[str | None, ...],
    _stamps: tuple[tuple[int, ...], ...],
    overflow: str,
    target: float,
    r_min: float | None,
) -> tuple[DeepPotential, tuple[str, ...]]:
    found = tuple(map(sha256_of, paths))
    for path, expected, now in zip(paths, sums, found, strict=True):
        if expected not in {None, now}:
            raise BadModel(
                f"The file {path} is another one than the campaign was defined with, so nothing ran. Put the same file "
                "there, or take this one with campaign.redefine(…).",
                path=str(path),
            )
    return load(paths, overflow=overflow, target=target, r_min=r_min), found  # type: ignore[arg-type]
