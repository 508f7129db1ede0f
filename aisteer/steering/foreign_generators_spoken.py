"""The languages of other minds: gest-api, and a function of one's own; beside them stand Optuna and Ax."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from aisteer.problem.parameters import Choice, Parameter
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.foreign_generators import GIVEN
from aisteer.steering.protocols import Evidence, Json

__all__ = ["Assignment", "Function", "GestApi", "Speaker", "Told"]

_MOST = 10_000
"""Points of one answer that are looked at: one without an end would not be the first."""


@dataclass(frozen=True, slots=True)
class Told:
    """A run that ended, as it is told to a mind.

    Attributes:
        run: Its name; empty for one that failed.
        point: Its parameters.
        outcomes: ``(value, standard error)`` by name; ``None`` where it failed.
        handle: What the mind itself calls the point, if it was its own suggestion in this process.
    """

    run: str
    point: Json
    outcomes: dict[str, tuple[float, float]] | None
    handle: Any = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a mind is told of the task: the goals and bounds of its definition, and its space."""

    definition: Json
    space: Space | Pool
    seed: int

    @property
    def objectives(self) -> list[Json]:
        """The goals, at least one."""
        found: list[Json] = self.definition.get("objectives") or [self.definition["objective"]]
        return found

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Parameters by name; a pool has one, its key."""
        if isinstance(self.space, Pool):
            return {self.space.key: Choice(self.space.keys)}
        return self.space.parameters

    def own(self, point: Mapping[str, Any]) -> Json:
        """Of a point what ``parameters`` names: a candidate is its key."""
        return {name: point[name] for name in self.parameters}


class Speaker(Protocol):
    """A mind, spoken to in its own language."""

    def ingest(self, told: Sequence[Told]) -> None:
        """Tell it of runs that ended, each once."""

    def suggest(self, n: int, evidence: Evidence) -> list[tuple[Any, Any]]:
        """Up to ``n`` points as it gives them, each with what it calls them itself (``None``: nothing)."""

    def drop(self, handles: Sequence[Any]) -> None:
        """Tell it of suggestions that will not be run."""


class GestApi:
    """A generator of gest-api.

    One that gives no more than a point at a time is asked for one, and waited for where it wants its result first.

    Args:
        generator: With ``suggest`` and ``ingest``.
        assignment: The task.
    """

    def __init__(self, generator: Any, assignment: Assignment) -> None:
        self.generator = generator
        self.assignment = assignment
        self.one_at_a_time = ""
        """What it said when it was last asked for more than one, where it gave one."""
        # One that was made by its owner may have constants, which come and go with each point.
        constants = getattr(getattr(generator, "vocs", None), "constants", None) or {}
        self._constants = {name: one.value for name, one in constants.items()}
        modules = {base.__module__.partition(".")[0] for base in type(generator).__mro__}
        # The standard knows no failed runs. Xopt and we do; others would take nan for a value.
        self._hears_failures = bool(modules & {"xopt", "aisteer"})

    def ingest(self, told: Sequence[Told]) -> None:
        """Results as dicts of all names in its VOCS."""
        results = [row for one in told if (row := self._result(one)) is not None]
        if results:
            self.generator.ingest(results)

    def _result(self, told: Told) -> Json | None:
        row = {**self._constants, **self.assignment.own(told.point)}
        if told.handle is not None:
            row["_id"] = told.handle
        xopt = {"xopt_error": told.outcomes is None} if self._hears_failures else {}
        if told.outcomes is None:
            if not self._hears_failures:
                return None
            return {**row, **{goal["outcome"]: float("nan") for goal in self.assignment.objectives}, **xopt}
        return {**row, **{name: value for name, (value, _) in told.outcomes.items()}, **xopt}

    def suggest(self, n: int, evidence: Evidence) -> list[tuple[Any, Any]]:
        """As many as asked for, or one where it gives no more at a time."""
        del evidence
        self.one_at_a_time = ""
        try:
            points = listed(self.generator.suggest(n))
        except Exception as error:
            if n == 1:
                raise
            points = listed(self.generator.suggest(1))
            self.one_at_a_time = f"{type(error).__name__}: {error}"
        return [self._taken_apart(one) for one in points]

    def _taken_apart(self, said: Any) -> tuple[Any, Any]:
        """A suggestion without its constants, and what the generator calls it."""
        if not isinstance(said, Mapping):
            return said, None
        return {k: v for k, v in said.items() if k != "_id" and k not in self._constants}, said.get("_id")

    def drop(self, handles: Sequence[Any]) -> None:
        """The standard has no word for it."""


def listed(found: Any) -> list[Any]:
    """What a mind returned, as a list of points, whatever it is."""
    if found is None:
        return []
    if hasattr(found, "to_dict") and hasattr(found, "columns"):  # a DataFrame
        return list(found.to_dict(orient="records"))
    if isinstance(found, Mapping | str) or not isinstance(found, Iterable):
        return [found]
    return list(islice(found, _MOST))


class Function:
    """A function ``propose(history, n)`` of the user's own.

    Args:
        function: The function.
        options: Arguments that it was given with.
        assignment: The task.
    """

    def __init__(self, function: Callable[..., Any], options: Json, assignment: Assignment) -> None:
        self.function = function
        self.options = options
        self.assignment = assignment
        takes = inspect.signature(function).parameters.values()
        self._wants = [p.name for p in takes if p.name in GIVEN and p.name not in options]
        self._rows: list[Json] = []

    def ingest(self, told: Sequence[Told]) -> None:
        """Rows of the history."""
        for one in told:
            if one.outcomes is not None:
                row = {"run": one.run, **one.point}
                for name, (value, error) in one.outcomes.items():
                    row |= {name: value, f"{name} error": error or None}
                self._rows.append(row)

    def suggest(self, n: int, evidence: Evidence) -> list[tuple[Any, Any]]:
        """What the function returns for the history and what is under way."""
        import numpy as np

        names = self.assignment.space.names
        under_way = [*evidence.pending, *(point for _, point in evidence.waiting)]
        given: dict[str, Callable[[], Any]] = {
            "space": lambda: self.assignment.space,
            "pending": lambda: _frame(under_way, names),
            "failed": lambda: _frame(evidence.failed, names),
            "rng": lambda: np.random.default_rng([self.assignment.seed, 11, len(self._rows), len(under_way)]),
        }
        more = {name: given[name]() for name in self._wants}
        outcomes = [goal["outcome"] for goal in self.assignment.objectives if "outcome" in goal]
        history = _frame(self._rows, ["run", *names, *outcomes]).set_index("run")
        return [(point, None) for point in listed(self.function(history, n, **self.options, **more))]

    def drop(self, handles: Sequence[Any]) -> None:
        """It sees what is under way each time."""


def _frame(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Any:
    """Rows with at least the columns ``names``."""
    from aisteer.problem.frames import data_frame

    if not rows:
        return data_frame({name: [] for name in names})
    first = dict.fromkeys(names)
    return data_frame([{**first, **row} for row in rows])
