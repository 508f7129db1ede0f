"""Variables, objectives, constraints, constants, observables (VOCS of gest-api), and what they are in our terms."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aisteer.errors import BadDefinition, MissingExtra
from aisteer.problem.constraints import Linear
from aisteer.problem.goals import Goals
from aisteer.problem.naming import RESERVED
from aisteer.problem.objective import objective_from_json
from aisteer.problem.parameters import Choice, Float, Int, Parameter, is_finite_number
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space

__all__ = ["Problem", "plain", "problem_of", "vocs_of"]

Json = dict[str, Any]
_MOST_VALUES = 1000
"""Whole numbers that are listed one by one for a generator; of more it is told the range."""


def _module() -> Any:
    try:
        from gest_api import vocs
    except ImportError as missing:
        raise MissingExtra(
            "Generators of other libraries speak gest-api, which is not installed here. "
            "Install it with: pip install 'aisteer[gest]'."
        ) from missing
    return vocs


# --- from a VOCS to a problem -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """A VOCS as a space and a task's definition.

    Attributes:
        space: Of its variables, less those that have one value only.
        definition: ``space``, ``objective`` and, where there are any, ``objectives``, ``feasible`` and ``context``.
        parameters: Name of a variable to the name of a parameter; they differ where it is no identifier.
        outcomes: Name of an objective, constraint or observable to the name of an outcome, the same way.
        fixed: What every suggestion has beside its parameters: constants, and variables of one value.
    """

    space: Space
    definition: Json
    parameters: dict[str, str]
    outcomes: dict[str, str]
    fixed: Json = field(default_factory=dict)


def problem_of(vocs: Any) -> Problem:
    """The problem that a VOCS states.

    Raises:
        BadDefinition: It asks for something that our policies cannot do; it is a ``ValueError``, as gest-api wants.
    """
    if not vocs.variables:
        raise BadDefinition("The VOCS has no variables, so there is nothing to suggest.")
    if not vocs.objectives:
        raise BadDefinition("The VOCS has no objectives: say what is to be MINIMIZEd or MAXIMIZEd.")
    fixed: Json = {name: constant.value for name, constant in vocs.constants.items()}
    parameters: dict[str, Parameter] = {}
    names: dict[str, str] = {}
    for name, variable in vocs.variables.items():
        made = _parameter(name, variable)
        if made is None:
            fixed[name] = next(iter(variable.values))
            continue
        names[name] = _identifier(name, "x", names.values())
        parameters[names[name]] = made
    if not parameters:
        raise BadDefinition("Each variable of the VOCS has one value only, so there is nothing to choose.")
    outcomes: dict[str, str] = {}
    for name in vocs.output_names:
        outcomes[name] = _identifier(name, "y", outcomes.values())
    objectives = [
        {"kind": _goal(name, objective), "outcome": outcomes[name], "unit": ""}
        for name, objective in vocs.objectives.items()
    ]
    feasible = [text for name, one in vocs.constraints.items() for text in _feasible(outcomes[name], one)]
    stated = [objective_from_json(one) for one in objectives]
    Goals.read(stated if len(stated) > 1 else stated[0], feasible)  # what does not go together is said now
    space = Space(constraints=(), **parameters)
    definition: Json = {"space": space.to_json(), "objective": objectives[0]}
    if len(objectives) > 1:
        definition["objectives"] = objectives
    if feasible:
        definition["feasible"] = feasible
    gest = _module()
    if context := [names[n] for n, one in vocs.variables.items() if isinstance(one, gest.ContextualVariable)]:
        if len(context) == len(parameters):
            raise BadDefinition("All variables of the VOCS are contextual, so there is nothing to choose.")
        definition["context"] = context
    return Problem(space, definition, names, outcomes, fixed)


def _parameter(name: str, variable: Any) -> Parameter | None:
    """The variable as a parameter; ``None`` where it has one value."""
    gest = _module()
    if isinstance(variable, gest.ContextualVariable) and not all(map(math.isfinite, variable.domain)):
        raise BadDefinition(
            f"The contextual variable {name!r} has no bounds. Give it some that hold whatever is observed: "
            "ContextualVariable(domain=[low, high])."
        )
    if isinstance(variable.dtype, tuple):
        raise BadDefinition(f"The variable {name!r} is an array. Name each of its elements a variable.")
    if isinstance(variable, gest.ContinuousVariable):
        low, high = variable.domain
        whole = _whole(variable.dtype) and not isinstance(variable, gest.ContextualVariable)
        return Int(math.ceil(low), math.floor(high)) if whole else Float(low, high)
    if isinstance(variable, gest.DiscreteVariable):
        return _discrete(list(variable.values))
    raise BadDefinition(
        f"The variable {name!r} is of a kind that is not known here: {type(variable).__name__}."
    )


def _whole(dtype: Any) -> bool:
    import numpy as np

    return dtype is not None and np.dtype(dtype).kind in "iu"


def _discrete(values: list[Any]) -> Parameter | None:
    if len(values) == 1:
        return None
    options = [plain(value) for value in values]
    numbers = all(is_finite_number(value) for value in options)
    if not numbers:
        return Choice(sorted(options, key=str))
    options.sort()
    if all(isinstance(value, int) for value in options) and options[-1] - options[0] == len(options) - 1:
        return Int(options[0], options[-1])
    return Choice(options, ordered=True)


def _goal(name: str, objective: Any) -> str:
    gest = _module()
    for kind, goal in (("Maximize", "maximize"), ("Minimize", "minimize"), ("Explore", "learn")):
        if isinstance(objective, getattr(gest, f"{kind}Objective")):
            return goal
    raise BadDefinition(f"The objective {name!r} is of a kind that is not known here.")


def _feasible(outcome: str, constraint: Any) -> list[str]:
    gest = _module()
    if isinstance(constraint, gest.BoundsConstraint):
        low, high = constraint.range
        return [f"{outcome} >= {low!r}", f"{outcome} <= {high!r}"]
    sign = "<=" if isinstance(constraint, gest.LessThanConstraint) else ">="
    return [f"{outcome} {sign} {float(constraint.value)!r}"]


def _identifier(name: str, letter: str, taken: Iterable[str]) -> str:
    """The name itself where it can name an argument, else one that can."""
    taken = set(taken)
    usable = name.isidentifier() and not keyword.iskeyword(name) and name not in RESERVED | {"constraints"}
    if usable and name not in taken:
        return name
    return next(made for i in range(len(taken) + 1) if (made := f"{letter}_{i}") not in taken)


def plain(value: Any) -> Any:
    """A scalar as Python's own, also where it comes from NumPy or as an array of one element."""
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        return value.item()
    return value


# --- from a problem to a VOCS -----------------------------------------------------------------


def vocs_of(definition: Mapping[str, Any], space: Space | Pool) -> Any:
    """A task as a VOCS, for a generator that knows nothing of campaigns.

    A pool is one discrete variable, its key. Constraints among parameters have no place in a VOCS; what violates
    them is not proposed. Bounds on outcomes (``feasible``) are constraints where each names one outcome.

    Raises:
        BadDefinition: A goal that gest-api cannot state.
        MissingExtra: gest-api is not installed.
    """
    gest = _module()
    goals = definition.get("objectives") or [definition["objective"]]
    kinds = {"maximize": "MAXIMIZE", "minimize": "MINIMIZE", "learn": "EXPLORE"}
    for goal in goals:
        if goal["kind"] not in kinds:
            raise BadDefinition(
                f"A generator maximises, minimises or explores; it cannot be told of the goal {goal['kind']!r}. "
                "Write a function propose(history, n) instead, which sees all outcomes, or take policy='bayesian'."
            )
    if isinstance(space, Pool):
        variables: Json = {space.key: gest.DiscreteVariable(values=set(space.keys))}
    else:
        variables = {name: _variable(gest, one) for name, one in space.parameters.items()}
    return gest.VOCS(
        variables=variables,
        objectives={goal["outcome"]: kinds[goal["kind"]] for goal in goals},
        constraints=_constraints(Goals.of(definition).feasible),
    )


def _variable(gest: Any, parameter: Parameter) -> Any:
    if isinstance(parameter, Choice):
        return gest.DiscreteVariable(values=set(parameter.options))
    if isinstance(parameter, Int) and parameter.high - parameter.low < _MOST_VALUES:
        return gest.DiscreteVariable(values=set(range(parameter.low, parameter.high + 1)))
    return gest.ContinuousVariable(
        domain=[parameter.low, parameter.high], dtype=int if isinstance(parameter, Int) else None
    )


def _constraints(feasible: Iterable[Linear]) -> Json:
    """Those that bound one outcome; both sides of the same one are its bounds."""
    bounds: dict[str, dict[str, float]] = {}
    for one in feasible:
        if len(one.coefficients) == 1:
            ((name, factor),) = one.coefficients.items()
            bounds.setdefault(name, {})["<" if factor > 0 else ">"] = one.bound / factor
    made: Json = {}
    for name, sides in bounds.items():
        if len(sides) == 2:
            made[name] = ["BOUNDS", sides[">"], sides["<"]]
        else:
            ((sign, value),) = sides.items()
            made[name] = ["LESS_THAN" if sign == "<" else "GREATER_THAN", value]
    return made
