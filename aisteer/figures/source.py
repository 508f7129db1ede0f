"""What a figure is made of: a campaign's state, read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aisteer.errors import UnknownName
from aisteer.figures.spec import Array, Axis, Who
from aisteer.problem.fidelity import Fidelity
from aisteer.problem.goals import Goals
from aisteer.problem.objective import Objective
from aisteer.problem.units import label

if TYPE_CHECKING:
    from aisteer.journal.state import Run, State
    from aisteer.journal.store import Journal
    from aisteer.problem.parameters import Parameter
    from aisteer.problem.pool import Pool
    from aisteer.problem.space import Space
    from aisteer.steering.protocols import Datum

__all__ = ["Campaign", "Outcomes", "Source"]

Json = dict[str, Any]
ORIGINS: dict[str, Who] = {
    "ai": "ai",
    "human": "human",
    "random": "random",
    "rule": "rule",
    "prior": "elsewhere",
}


class Campaign(Protocol):
    """What a figure needs of a campaign."""

    @property
    def journal(self) -> Journal:
        """Its journal, with the lock that keeps the state still."""

    @property
    def state(self) -> State:
        """What is known now."""

    @property
    def folder(self) -> Path:
        """Where its observations are."""

    @property
    def code_folder(self) -> Path | None:
        """The same, where code that the campaign names may run as us."""

    def space(self, task: str | None = None) -> Space | Pool:
        """The space of a task."""

    def task_named(self, task: str | None) -> str:
        """The task, or the only one that is no baseline."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Ended runs of a task and what came of them, each of shape ``n``; ``who`` had thought of them.

    ``feasible``: whether they meet what is asked of outcomes.
    """

    names: tuple[str, ...]
    who: tuple[Who, ...]
    parameters: tuple[Json, ...]
    value: Array
    error: Array
    feasible: NDArray[np.bool_]

    def of(self, who: Who) -> list[int]:
        """Places of the runs that are ``who``'s."""
        return [i for i, one in enumerate(self.who) if one == who]


class Source:
    """A task of a campaign at one revision, as figures look at it.

    What is read stays as it was: a fit takes seconds, and the campaign goes on meanwhile.

    Args:
        campaign: The campaign.
        task: The task; the only one that is no baseline if not given.

    Attributes:
        evidence: All that a policy may know.
        live: Runs that have no outcome yet.
        goals: All that is sought in the task.
        revision: The journal's position.

    Raises:
        UnknownName: There is no such task.
    """

    def __init__(self, campaign: Campaign, task: str | None) -> None:
        from aisteer.steering.evidence import evidence

        self.campaign = campaign
        self.task = campaign.task_named(task)
        state = campaign.state
        with campaign.journal.lock:
            self.revision = state.position
            self.name, self.uuid = state.name, state.uuid
            self.tasks: Json = state.definition["tasks"]
            self.models = dict(state.models)
            self.evidence = evidence(state, self.task)
            self.live = tuple(run for run in (state.runs[n] for n in state.live) if run.task == self.task)
        self.definition: Json = self.tasks[self.task]
        self.goals = Goals.of(self.definition)
        objective = self.goals.first
        self.units: dict[str, str] = self.definition["simulation"].get("units") or {}
        unit = objective.unit or self.units.get(objective.outcome, "")
        self.objective: Objective = replace(objective, unit=unit)

    @property
    def code_folder(self) -> Path | None:
        """Where code that the campaign names is kept, if it may run as us: a surrogate of the user's own is code."""
        return self.campaign.code_folder

    @property
    def axis(self) -> Axis:
        """The objective, as an axis."""
        return Axis(self.objective.outcome, self.objective.unit)

    def unit(self, name: str) -> str:
        """The unit of what the simulation yields or returns under this name; empty where nothing says it."""
        return self.objective.unit if name == self.objective.outcome else self.units.get(name, "")

    def about(self, known: Json, outcome: str | None) -> Json:
        """A belief as if it were of ``outcome`` alone; from now on the source speaks of that.

        Raises:
            UnknownName: The surrogate says nothing of it.
        """
        if outcome is None or (outcome == self.objective.outcome and f"mean of {outcome}" not in known):
            return known
        if f"mean of {outcome}" not in known:
            others = [name.removeprefix("mean of ") for name in known if name.startswith("mean of ")]
            raise UnknownName(
                f"The surrogate says nothing of {outcome!r}, only of "
                f"{', '.join([self.objective.outcome, *others])}. Nothing was drawn.",
                name=outcome,
            )
        goals = self.definition.get("objectives") or ()
        unit = next((str(g.get("unit") or "") for g in goals if g.get("outcome") == outcome), "")
        self.objective = Objective(outcome, unit or self.units.get(outcome, ""))
        return {**known, "mean": known[f"mean of {outcome}"], "std": known[f"std of {outcome}"]}

    @property
    def noise(self) -> float:
        """The learned standard deviation of outcomes whose error is not known; 0 where nothing was fitted."""
        fit = self.models.get(self.task)
        value = fit.summary.get("noise") if fit is not None else None
        return float(value) if isinstance(value, int | float) else 0.0

    @property
    def baseline(self) -> str | None:
        """The task that is run at random for comparison."""
        return next((name for name, one in self.tasks.items() if one.get("baseline")), None)

    def outcomes(self, *, elsewhere: bool = False) -> Outcomes:
        """What the surrogate may know of: done and not marked bad, in the order of their ends.

        Args:
            elsewhere: Also what was measured elsewhere, which is no run.
        """
        name = self.objective.outcome
        every = [d for d in self.evidence.data if name in d.outcomes]
        data = [d for d in every if elsewhere or d.origin != "prior"]
        pairs = np.array([d.outcomes[name] for d in data], dtype=np.float64).reshape(-1, 2)
        return Outcomes(
            names=tuple(d.run for d in data),
            who=tuple(ORIGINS.get(d.origin, "ai") for d in data),
            parameters=tuple(d.parameters for d in data),
            value=pairs[:, 0],
            error=pairs[:, 1],
            feasible=np.array([self.met(d) for d in data], dtype=bool),
        )

    def met(self, datum: Datum) -> bool:
        """Whether a run meets what is asked of outcomes, at the highest fidelity where there are several."""
        counts = Fidelity.counts(self.tasks[self.task], datum.parameters)
        return counts and self.goals.met({name: value for name, (value, _) in datum.outcomes.items()})

    @property
    def aside(self) -> str:
        """What is said of runs that ``met`` leaves out."""
        if not self.tasks[self.task].get("fidelity"):
            return "not feasible"
        return "at a lower fidelity" + (", or not feasible" if self.goals.feasible else "")

    def ledger(self) -> list[Json]:
        """Each decision beside what came of it."""
        from aisteer.steering.ledger import ledger

        with self.campaign.journal.lock:
            return ledger(self.campaign.journal.state, self.task)

    def runs(self, names: Iterable[str]) -> dict[str, Run]:
        """Runs by name.

        Raises:
            UnknownName: One that there is not.
        """
        with self.campaign.journal.lock:
            known = self.campaign.journal.state.runs
            missing = next((name for name in names if name not in known), None)
            if missing is None:
                return {name: known[name] for name in names}
        message = f"There is no run {missing!r} in {self.name!r}. Nothing was drawn."
        raise UnknownName(message, name=missing)

    def latest(self, count: int) -> list[str]:
        """The task's runs that were launched last."""
        with self.campaign.journal.lock:
            known = self.campaign.journal.state.runs
            return [name for name, run in known.items() if run.task == self.task][-count:]

    @property
    def _numbers(self) -> list[str]:
        space: Json = self.definition["space"]
        if space["kind"] != "box":
            return []
        return [name for name, one in space["parameters"].items() if one["kind"] in {"float", "int"}]

    @property
    def _parameters(self) -> Json:
        """By name, what the space says of each; empty where it is a pool."""
        found: Any = self.definition["space"]["parameters"]
        return found if isinstance(found, dict) else {}

    def at(self, name: str, value: object) -> str:
        """Where a parameter stands, in words: ``strain = 3 %``."""
        text = f"{value:.4g}".replace("-", "−") if isinstance(value, int | float) else str(value)
        unit = (self._parameters.get(name) or {}).get("unit") or ""
        return f"{label(name)} = {text} {unit}".rstrip()

    def off(self, point: Json, at: Mapping[str, Any]) -> float:
        """How far a point is from where other parameters stand: the largest distance in their ranges, 0 to 1."""
        from aisteer.problem.space import Space

        space = self.campaign.space(self.task)
        if not isinstance(space, Space):
            return 0.0
        return max((_apart(space.parameters[n], point[n], value) for n, value in at.items()), default=0.0)

    @property
    def first_number(self) -> str:
        """The first parameter that is a number; empty where there is none."""
        return next(iter(self._numbers), "")

    @property
    def parameters(self) -> list[str]:
        """The names of a box's parameters; none where the space is a pool."""
        return list(self._parameters)

    def parameter_axis(self, name: str) -> Axis:
        """A parameter, as an axis; the options of a choice are places on it.

        Raises:
            UnknownName: The space has no parameter of this name.
        """
        known = self._parameters
        if name not in known:
            raise UnknownName(
                f"There is no parameter {name!r} in the space of {self.name!r}; there are "
                f"{', '.join(known) or 'none'}. Nothing was drawn.",
                name=name,
            )
        one = known[name]
        options = tuple(str(option) for option in one.get("options") or ())
        return Axis(name, one.get("unit", ""), "log" if one.get("log") else "linear", options)

    def place(self, name: str, value: Any) -> float:
        """Where a value stands on its parameter's axis."""
        options = self._parameters[name].get("options")
        if not options:
            return float(value)
        return float(next(i for i, one in enumerate(options) if one == value and type(one) is type(value)))


def _apart(parameter: Parameter, one: Any, other: Any) -> float:
    """How far two values are from each other, as a share of the range; choices are the same or 1 apart."""
    from aisteer.problem.parameters import Choice

    if isinstance(parameter, Choice):
        return 0.0 if one == other else 1.0
    return abs(parameter.to_unit(one) - parameter.to_unit(other))
