"""How good a simulation is: a parameter of the space whose highest value is the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from aisteer.errors import BadDefinition, BadParameters
from aisteer.problem.goals import Goals
from aisteer.problem.naming import did_you_mean
from aisteer.problem.parameters import Choice, Int, Parameter, Scalar, is_finite_number, parameter_from_json
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space

__all__ = ["WEIGHED", "Fidelity", "weighed_json"]

Json = dict[str, Any]
WEIGHED = ("fidelity", "cost_aware", "cost")
"""What a user says of costs and fidelities; a definition has ``costs`` besides, where costs are said by fidelity."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """The parameter that says how good a run is, and what it costs.

    Attributes:
        name: Of the parameter.
        parameter: A number, or an ordered choice of numbers.
    """

    name: str
    parameter: Parameter

    @classmethod
    def of(cls, definition: Json) -> Fidelity | None:
        """That of a task's definition; ``None`` where all its runs are the truth."""
        name = definition.get("fidelity")
        parameters = (definition.get("space") or {}).get("parameters") or {}
        return cls(str(name), parameter_from_json(parameters[name])) if name in parameters else None

    @property
    def truth(self) -> Scalar:
        """The highest value."""
        return self.parameter.options[-1] if isinstance(self.parameter, Choice) else self.parameter.high

    @property
    def next_best(self) -> Scalar:
        """The highest value below the truth; of a real number that in the middle."""
        if isinstance(self.parameter, Choice):
            return self.parameter.options[-2]
        return self.parameter.high - 1 if isinstance(self.parameter, Int) else self.parameter.from_unit(0.5)

    @classmethod
    def counts(cls, definition: Json, point: Mapping[str, Any]) -> bool:
        """Whether a run of a task can be the best: where it has fidelities, only the truth can."""
        fidelity = cls.of(definition) if definition.get("fidelity") else None
        return fidelity is None or fidelity.true(point)

    def known(self, point: Mapping[str, Any]) -> bool:
        """Whether a point has a fidelity that there still is; a redefinition may have left it behind."""
        try:
            self.parameter.validate(self.name, point[self.name])
        except (KeyError, BadParameters):
            return False
        return True

    def true(self, point: Mapping[str, Any]) -> bool:
        """Whether a run at ``point`` is the truth."""
        return bool(point.get(self.name) == self.truth)


def weighed_json(
    given: Mapping[str, Any], space: Space | Pool | None, goals: Goals, context: Sequence[str] = ()
) -> Json:
    """``WEIGHED`` as a definition has it: ``cost``, and what else was asked for.

    Args:
        given: Each of ``WEIGHED`` as the user gives it.
        space: The task's; ``None`` for a pool whose candidates are not at hand.
        goals: What is sought.
        context: Parameters that are given, not chosen.

    Raises:
        BadDefinition: The fidelity is no parameter with an order, the goal is not one that several fidelities are made
            for, or a cost is none.
    """
    name, aware = given.get("fidelity"), given.get("cost_aware", False)
    if not isinstance(aware, bool):
        raise BadDefinition(f"cost_aware must be True or False, not {aware!r:.80}.")
    if name is not None and aware:
        raise BadDefinition("With a fidelity costs are weighed anyway; leave out cost_aware.")
    found = _costs(given.get("cost"), by_fidelity=name is not None)
    if name is not None:
        found |= _fidelity(name, space, goals, context)
    return {**found, "cost_aware": True} if aware else found


def _fidelity(name: object, space: Space | Pool | None, goals: Goals, context: Sequence[str]) -> Json:
    if not isinstance(space, Space):
        raise BadDefinition("fidelity names a parameter of a space; the candidates of a pool have none.")
    if not isinstance(name, str) or name not in space.names:
        near = did_you_mean(str(name), space.names)
        raise BadDefinition(f"fidelity names {name!r:.80}, which is no parameter of the space.{near}")
    parameter = space.parameters[name]
    if isinstance(parameter, Choice) and not (parameter.ordered and _ascending(parameter.options)):
        raise BadDefinition(
            f"The fidelity {name!r} is a choice that has no order of numbers, so it cannot be said which is the truth. "
            "Give ai.Float, ai.Int, or ai.Choice([1, 2, 4], ordered=True), the best last."
        )
    if name in context:
        raise BadDefinition(f"{name!r} is in context, which is given; a fidelity is what the AI chooses.")
    if space.dimension == 1:
        raise BadDefinition(f"{name!r} is the only parameter, so there is nothing to be found at its truth.")
    if goals.several or goals.first.kind not in {"maximize", "minimize"}:
        raise BadDefinition(
            f"Several fidelities serve the search for one largest or smallest outcome, not to {goals.first.words}. "
            "Leave fidelity out, and fix the parameter at its best value."
        )
    return {"fidelity": name}


def _ascending(options: Sequence[Scalar]) -> bool:
    return all(is_finite_number(o) for o in options) and all(a < b for a, b in pairwise(options))  # type: ignore[operator]


def _costs(cost: object, *, by_fidelity: bool) -> Json:
    if isinstance(cost, Mapping):
        pairs = sorted(cost.items()) if all(is_finite_number(f) for f in cost) else []
        if not by_fidelity or not pairs or not all(is_finite_number(c) and c > 0 for _, c in pairs):
            raise BadDefinition(
                "cost maps values of the fidelity to what a run costs there, such as {10: 0.02, 100: 1.5}, and takes "
                "the name of that parameter as fidelity=. Both are finite numbers, and a cost is above 0."
            )
        return {"cost": float(pairs[-1][1]), "costs": [[float(f), float(c)] for f, c in pairs]}
    if cost is not None and not (is_finite_number(cost) and cost >= 0):  # type: ignore[operator]
        raise BadDefinition(f"cost must be a finite number that is not negative, not {cost!r:.80}.")
    return {"cost": None if cost is None else float(cost)}  # type: ignore[arg-type]
