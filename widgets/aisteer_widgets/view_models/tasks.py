"""What a task's definition says to the screen: labels, units, bounds, the objective."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from aisteer.errors import AisteerError
from aisteer.journal.state import State
from aisteer.problem.fidelity import Fidelity
from aisteer.problem.goals import Goals
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.objectives import Objective, objective_of, objectives_of

__all__ = [
    "STRUCTURES",
    "Objective",
    "Parameter",
    "Task",
    "baselines",
    "objective_of",
    "task_names",
    "task_of",
]

Json = dict[str, Any]
AT_BOUND = 1e-9
"""Off a bound by this share of the range, a value is at it: a search in coordinates of its own rounds."""
STRUCTURES = frozenset({"smiles", "molecule_smiles"})
"""Names under which a molecule stands, as SMILES."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as the screen needs it; ``kind`` is ``float``, ``int``, ``choice`` or ``text``."""

    name: str
    kind: str = "float"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()

    def show(self, value: Any) -> str:
        """A value with its unit."""
        return fmt.quantity(self.at_bound(value), self.unit)

    def at_bound(self, value: Any) -> Any:
        """The value; the bound itself where it is off it by no more than rounding: ``0`` for ``5e-15``."""
        if self.kind != "float" or not isinstance(value, float) or self.low is None or self.high is None:
            return value
        off = AT_BOUND * (
            self.low if self.log else self.high - self.low
        )  # of a logarithm the range tells little
        return next((bound for bound in (self.low, self.high) if abs(value - bound) <= off), value)

    def apart(self, one: Any, other: Any) -> float:
        """How far two values are from each other, as a share of the range; choices are the same or 1 apart."""
        numbers = [float(v) for v in (one, other, self.low, self.high) if isinstance(v, int | float)]
        if self.kind not in {"float", "int"} or len(numbers) < 4:
            return 0.0 if one == other else 1.0
        a, b, low, high = (math.log(v) if self.log else v for v in numbers)
        return abs(a - b) / (high - low) if high > low else 0.0

    def field(self) -> Json:
        """What an input for it must know."""
        return {
            "name": self.name,
            "label": fmt.label(self.name),
            "kind": self.kind,
            "unit": fmt.clip(self.unit, 24),
            "low": self.low,
            "high": self.high,
            "log": self.log,
            "choices": [fmt.clip(c, 80) for c in self.choices],
            "values": list(self.choices),
            "hint": self.hint(),
        }

    def hint(self) -> str:
        """Its bounds in words."""
        if self.low is None or self.high is None:
            return ""
        return f"{fmt.number(self.low)} to {fmt.quantity(self.high, self.unit)}"


@dataclass(frozen=True, slots=True)
class Task:
    """A task's definition, read once per redefinition; ``objective`` is the first of ``objectives``."""

    name: str
    parameters: dict[str, Parameter]
    objective: Objective | None
    objectives: tuple[Objective, ...]
    pool: bool
    key: str
    size: int | None
    checkpoint: bool
    generator: bool
    controls: tuple[str, ...]
    endpoint: str
    structure: str | None
    policy: str
    units: dict[str, str]
    feasible: tuple[str, ...] = ()
    goals: Goals | None = None
    fidelity: Fidelity | None = None

    @property
    def has_best(self) -> bool:
        """Whether one run can be the best: not where there are several objectives, or one that knows no better."""
        return self.objective is not None and len(self.objectives) == 1 and self.objective.has_best

    @property
    def goal(self) -> str:
        """What is sought, as a sentence says it."""
        words = " and ".join(o.words for o in self.objectives)
        return f"{words}, feasible when {' and '.join(self.feasible)}" if words and self.feasible else words

    def unit_of(self, name: str) -> str:
        """The unit of what its simulation yields or returns under this name; empty where nothing says it."""
        if self.objective is not None and name == self.objective.outcome:
            return self.objective.unit
        return self.units.get(name, "")

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name; one that the definition does not have is text."""
        return self.parameters.get(name) or Parameter(name, "text")


def task_names(state: State) -> list[str]:
    """The campaign's own tasks, without the baselines that stand beside them."""
    tasks = state.definition.get("tasks", {})
    return [name for name, data in tasks.items() if not data.get("baseline")] or list(tasks)


def baselines(state: State) -> list[str]:
    """The tasks that are run for comparison only."""
    return [name for name, data in state.definition.get("tasks", {}).items() if data.get("baseline")]


def _goals(definition: Json) -> Goals | None:
    """What is asked of outcomes; nothing where nothing is, or where a newer release asks it."""
    if not definition.get("feasible"):
        return None
    try:
        return Goals.of(definition)
    except (AisteerError, KeyError):
        return None


def _fidelity(definition: Json) -> Fidelity | None:
    """How good a run can be; nothing where nothing is said, or where a newer release says it."""
    try:
        return Fidelity.of(definition) if definition.get("fidelity") else None
    except (AisteerError, KeyError):
        return None


_read: tuple[Json, dict[str, Task]] = ({}, {})


def task_of(state: State, name: str) -> Task:
    """The task ``name``; an unknown name (an older journal) is an empty one.

    A definition is read once: the journal replaces it as a whole when it changes.
    """
    global _read  # noqa: PLW0603  a cache of one, replaced as a whole and safe to lose
    definition, tasks = _read
    if definition is not state.definition:
        definition, tasks = _read = (state.definition, {})
    if name not in tasks:
        tasks[name] = _task(state, name)
    return tasks[name]


def _task(state: State, name: str) -> Task:
    data = state.definition.get("tasks", {}).get(name, {})
    space = data.get("space", {})
    simulation = data.get("simulation", {})
    columns = space.get("parameters") or {}
    if not isinstance(columns, dict):  # A pool names its parameters; the values are its candidates'.
        columns = {str(c): {"kind": "text"} for c in columns}
    parameters = {str(n): _parameter(str(n), d if isinstance(d, dict) else {}) for n, d in columns.items()}
    return Task(
        name=name,
        parameters=parameters,
        objective=objective_of(data),
        objectives=objectives_of(data),
        pool=space.get("kind") == "pool",
        key=str(space.get("key") or ""),
        size=space.get("size"),
        checkpoint=bool(simulation.get("checkpoint")),
        generator=bool(simulation.get("generator", True)),
        controls=tuple(str(c) for c in simulation.get("controls") or ()),
        endpoint=str(data.get("endpoint") or ""),
        structure=_structure(list(columns)),
        policy=str((data.get("policy") or {}).get("name") or ""),
        units={str(n): str(u) for n, u in (simulation.get("units") or {}).items()},
        goals=_goals(data),
        feasible=tuple(fmt.clip(text, 80) for text in (data.get("feasible") or ())[:8]),
        fidelity=_fidelity(data),
    )


def _parameter(name: str, data: Json) -> Parameter:
    return Parameter(
        name=name,
        kind=str(data.get("kind", "text")),
        unit=str(data.get("unit") or ""),
        low=data.get("low"),
        high=data.get("high"),
        log=bool(data.get("log")),
        choices=tuple(data.get("options") or ()),
    )


def _structure(names: list[str]) -> str | None:
    """The parameter that holds a molecule, by its name."""
    return next((n for n in names if n.lower() in STRUCTURES), None)
