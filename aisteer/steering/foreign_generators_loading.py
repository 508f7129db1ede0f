"""From what stands in the definition to a mind that can be spoken to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aisteer.errors import NotSupported
from aisteer.problem.references import imported
from aisteer.steering.foreign_generators import language_of, named
from aisteer.steering.foreign_generators_peers import Ax, Optuna
from aisteer.steering.foreign_generators_spoken import Assignment, Function, GestApi, Speaker
from aisteer.steering.protocols import Json
from aisteer.steering.vocs import vocs_of

__all__ = ["MindMissing", "speaker_of"]

Live = Callable[[], Any]
"""The object of this process that the definition speaks of; ``None`` where nobody brought it."""


class MindMissing(NotSupported):
    """The mind is not to be had in this process: nothing proposes until somebody brings it."""


def speaker_of(data: Json, assignment: Assignment, folder: Path | None, live: Live) -> Speaker:
    """The mind, new and told of nothing; an object of this process is as it is.

    Args:
        data: As in the definition.
        assignment: The task.
        folder: The campaign's, where code is kept.
        live: Where a live object is found.

    Raises:
        MindMissing: It cannot be made here.
        Exception: Whatever the mind raises when it is made.
    """
    options = dict(data.get("options") or {})
    if data["mode"] == "live":
        found = live()
        if found is None:
            raise MindMissing(
                f"{named(data)} was an object of a process that is gone, so nothing proposes now. Runs go on, and you "
                "can propose. Bring it again: ai.open(name, policy=ai.generator(…)); or take another: "
                "campaign.redefine(policy=…)."
            )
        return _spoken(found, language_of(type(found)), assignment)
    made = _code(data, folder)
    speaks = str(data["speaks"])
    if speaks == "function":
        return Function(made, options, assignment)
    if speaks == "factory":
        found = made(vocs_of(assignment.definition, assignment.space), **options)
        return _spoken(found, language_of(type(found)), assignment)
    if speaks == "gest-api":
        return GestApi(made(vocs=vocs_of(assignment.definition, assignment.space), **options), assignment)
    return _spoken(made(**options), speaks, assignment)


def _spoken(found: Any, language: str, assignment: Assignment) -> Speaker:
    speakers: dict[str, Callable[[Any, Assignment], Speaker]] = {
        "gest-api": GestApi,
        "optuna": Optuna,
        "ax": Ax,
    }
    if language not in speakers:
        raise TypeError(
            f"made {type(found).__name__}, which is no generator, no Optuna sampler and no client of Ax"
        )
    return speakers[language](found, assignment)


def _code(data: Json, folder: Path | None) -> Any:
    try:
        if data["mode"] == "installed":
            return imported(str(data["reference"]))
        from aisteer.execution.worker import loading

        wanted = {**data, "name": data.get("function") or data["name"]}
        loaded = loading.load(str(folder), wanted).function
    except Exception as error:
        package = data.get("package")
        hint = f"pip install '{package}=={data.get('version')}'" if package else "campaign.redefine(policy=…)"
        raise MindMissing(
            f"{named(data)} cannot be loaded here, so nothing proposes now: {error} Runs go on, and you can propose. "
            f"Next: {hint}."
        ) from error
    return getattr(loaded, "function", loaded) if type(loaded).__name__ == "Simulation" else loaded
