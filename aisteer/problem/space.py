"""A box of parameters with constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aisteer.errors import BadDefinition, BadParameters
from aisteer.problem.constraints import (
    Constraint,
    Linear,
    Nonlinear,
    check_bounds,
    check_names,
    parse_constraint,
)
from aisteer.problem.naming import check_parameter, did_you_mean
from aisteer.problem.parameters import (
    Choice,
    Float,
    Int,
    Parameter,
    Scalar,
    number_in_words,
    parameter_from_json,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Space"]

Json = dict[str, Any]
_DRAWS = 100_000
_FEW = 16
"""Points below which encoding them one by one takes less time than arrays do."""


class Space:
    """A box of named parameters, less what its constraints exclude.

    Args:
        constraints: Inequalities as text: ``"temperature + 2*x <= 1500"``, or of formulas with ``* / **``, ``sqrt``,
            ``exp``, ``log``, ``abs``, ``min``, ``max``, ``sin``, ``cos`` and ``tan``: ``"x**2 + y**2 <= 1"``.
        **parameters: ``Float``, ``Int`` or ``Choice`` by name.

    Raises:
        BadDefinition: No parameter, a name that cannot be an argument, a constraint that is no inequality of
            such formulas, names something else, or excludes the whole box.

    Example:
        >>> space = Space(temperature=Float(300, 2000, unit="K"), cells=Int(2, 8))
        >>> space.validate({"temperature": 900, "cells": 4})
        {'temperature': 900.0, 'cells': 4}
    """

    kind = "box"

    def __init__(self, *, constraints: Sequence[str] = (), **parameters: Parameter) -> None:
        if not parameters:
            raise BadDefinition(
                "A space needs at least one parameter: ai.Space(temperature=ai.Float(300, 2000))."
            )
        if isinstance(constraints, str):
            constraints = [constraints]
        for name, parameter in parameters.items():
            check_parameter(name, parameter)
        self.parameters: dict[str, Parameter] = dict(parameters)
        self.constraints: tuple[str, ...] = tuple(constraints)
        read: tuple[Constraint, ...] = tuple(c for text in self.constraints for c in parse_constraint(text))
        self.linear: tuple[Linear, ...] = tuple(c for c in read if isinstance(c, Linear))
        self.nonlinear: tuple[Nonlinear, ...] = tuple(c for c in read if isinstance(c, Nonlinear))
        for constraint in read:
            check_names(constraint, self.parameters)
        for linear in self.linear:
            check_bounds(linear, self.parameters)
        if self.nonlinear:
            self.sample(1, 0)

    # --- looking at it ------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names, in order; the columns of ``encode``."""
        return tuple(self.parameters)

    @property
    def dimension(self) -> int:
        """Number of parameters ``d``."""
        return len(self.parameters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.names, self.constraints))

    def __repr__(self) -> str:
        inside = [f"{name}={parameter!r}" for name, parameter in self.parameters.items()]
        if self.constraints:
            inside.append(f"constraints={list(self.constraints)!r}")
        return f"Space({', '.join(inside)})"

    # --- points -------------------------------------------------------------------------------

    def validate(self, parameters: Mapping[str, object]) -> dict[str, Scalar]:
        """``parameters`` as plain Python values, in the order of the space.

        Raises:
            BadParameters: A name is unknown or missing, a value is of the wrong type, not finite
                or out of bounds, or a constraint is violated.
        """
        for name in parameters:
            if name not in self.parameters:
                raise BadParameters(
                    f"There is no parameter {name!r} in this space ({', '.join(self.names)})."
                    f"{did_you_mean(str(name), self.names)}",
                    name=name,
                )
        missing = [name for name in self.names if name not in parameters]
        if missing:
            raise BadParameters(
                f"The point lacks {', '.join(missing)}. Give a value for each of {', '.join(self.names)}.",
                missing=missing,
            )
        point = {name: p.validate(name, parameters[name]) for name, p in self.parameters.items()}
        constraints: tuple[Constraint, ...] = (*self.linear, *self.nonlinear)
        for constraint in constraints:
            if not constraint.holds(point):  # type: ignore[arg-type]
                self._violated(constraint, point)
        return point

    def feasible(self, point: Mapping[str, Scalar]) -> bool:
        """Whether a point within the bounds meets every constraint."""
        return all(c.holds(point) for c in self.linear) and all(  # type: ignore[arg-type]
            c.holds(point)  # type: ignore[arg-type]
            for c in self.nonlinear
        )

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> list[dict[str, Scalar]]:
        """``n`` points drawn uniformly (on the log scale where asked) from what the constraints leave.

        Args:
            n: How many.
            rng: A NumPy generator, or a seed.

        Where they leave so little that 100,000 draws do not hit it often enough, the rest is walked to from those that
        do (``thin_regions``), and repeated where there are no others.

        Raises:
            BadDefinition: No point that meets the constraints was found.
        """
        import numpy as np

        generator = np.random.default_rng(rng)
        found: list[dict[str, Scalar]] = []
        drawn = 0
        while len(found) < n:
            size = max(64, min(8192, 4 * (n - len(found))))
            cells = self.decode_uniform(generator.random((size, self.dimension)))
            found.extend(point for point in cells if self.feasible(point))
            drawn += size
            if drawn >= _DRAWS and len(found) < n:
                return self._thin(found, n, drawn, generator)
        return found[:n]

    def _thin(
        self, found: list[dict[str, Scalar]], n: int, drawn: int, generator: np.random.Generator
    ) -> list[dict[str, Scalar]]:
        from aisteer.problem.thin_regions import inside, walked

        known = found or inside(self, generator)
        if not known:
            raise BadDefinition(
                f"No point in {drawn:,} draws met the constraints {list(self.constraints)!r:.300}, and none was found "
                "by steps towards them. The campaign cannot start from here: widen the bounds or loosen a constraint."
            )
        return (known + walked(self, known, max(0, n - len(known)), generator))[:n]

    def decode_uniform(self, unit: NDArray[np.float64]) -> list[dict[str, Scalar]]:
        """Every option and whole number gets an equal share of the unit interval."""
        columns: list[list[Scalar]] = []
        for column, parameter in zip(unit.T.tolist(), self.parameters.values(), strict=True):
            if isinstance(parameter, Choice):
                options = parameter.options
                columns.append([options[int(u * len(options))] for u in column])
            elif isinstance(parameter, Int) and not parameter.log:
                width = parameter.high - parameter.low + 1
                columns.append([parameter.low + int(u * width) for u in column])
            else:
                columns.append([parameter.from_unit(u) for u in column])
        return [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]

    # --- for surrogates -----------------------------------------------------------------------

    def encode(self, points: Sequence[Mapping[str, Scalar]]) -> NDArray[np.float64]:
        """Points as an array of shape ``(n, d)`` in the unit cube, one column per parameter.

        A choice is the place of its option, scaled to 0 to 1; ``categorical`` says which columns
        hold places that have no order. Names that are not of the space (controls) are ignored.
        """
        import numpy as np

        if len(points) < _FEW:
            rows = [[p.to_unit(point[name]) for name, p in self.parameters.items()] for point in points]
            return np.array(rows, dtype=np.float64).reshape(len(rows), self.dimension)
        found = np.empty((len(points), self.dimension))
        for column, (name, parameter) in enumerate(self.parameters.items()):
            values = [point[name] for point in points]
            if isinstance(parameter, Float) and not parameter.log:
                # The same arithmetic as ``to_unit``, for all at once.
                found[:, column] = np.array(values, dtype=np.float64)
                found[:, column] = (found[:, column] - parameter.low) / (parameter.high - parameter.low)
            else:
                found[:, column] = [parameter.to_unit(value) for value in values]
        return found

    def decode(self, unit: NDArray[np.float64]) -> list[dict[str, Scalar]]:
        """Points at the rows of ``unit``, shape ``(n, d)``; values are clipped, integers and options rounded.

        Rounding can leave a constraint by a little: ask ``feasible``.
        """
        names = self.names
        parameters = tuple(self.parameters.values())
        return [
            {name: p.from_unit(u) for name, p, u in zip(names, parameters, row, strict=True)}
            for row in unit.tolist()
        ]

    @property
    def categorical(self) -> tuple[int, ...]:
        """Columns of ``encode`` that hold choices without an order."""
        return tuple(
            i for i, p in enumerate(self.parameters.values()) if isinstance(p, Choice) and not p.ordered
        )

    @property
    def discrete(self) -> dict[int, tuple[float, ...]]:
        """Column of ``encode`` to the positions it can take, for whole numbers and choices."""
        found: dict[int, tuple[float, ...]] = {}
        for i, parameter in enumerate(self.parameters.values()):
            if isinstance(parameter, Int):
                found[i] = tuple(parameter.to_unit(v) for v in range(parameter.low, parameter.high + 1))
            elif isinstance(parameter, Choice):
                found[i] = tuple(parameter.to_unit(o) for o in parameter.options)
        return found

    def encoded_constraints(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """``(A, b)`` of shapes ``(m, d)`` and ``(m,)`` with ``A @ u <= b`` in the unit cube.

        ``None`` where a constraint names a parameter on a logarithmic scale: there it is not linear
        in the unit cube, and ``feasible`` has to be asked.
        """
        import numpy as np

        matrix = np.zeros((len(self.linear), self.dimension))
        bound = np.zeros(len(self.linear))
        for row, constraint in enumerate(self.linear):
            bound[row] = constraint.bound
            for name, coefficient in constraint.coefficients.items():
                parameter = self.parameters[name]
                assert isinstance(parameter, Float | Int)
                if parameter.log:
                    return None
                matrix[row, self.names.index(name)] = coefficient * (parameter.high - parameter.low)
                bound[row] -= coefficient * parameter.low
        return matrix, bound

    # --- as data ------------------------------------------------------------------------------

    def to_json(self) -> Json:
        """The space as it stands in the definition."""
        return {
            "kind": self.kind,
            "parameters": {name: p.to_json() for name, p in self.parameters.items()},
            "constraints": list(self.constraints),
        }

    @classmethod
    def from_json(cls, data: Json) -> Space:
        """The space that ``to_json`` wrote.

        Raises:
            BadDefinition: A kind that this release does not know.
        """
        if data.get("kind") != cls.kind:
            raise BadDefinition(f"This is not a box but {data.get('kind')!r}.")
        parameters = {name: parameter_from_json(p) for name, p in data["parameters"].items()}
        return cls(constraints=data.get("constraints", ()), **parameters)

    def _violated(self, constraint: Constraint, point: Mapping[str, Scalar]) -> None:
        values = ", ".join(
            f"{name} = {number_in_words(float(point[name]), self.parameters[name].unit)}"
            for name in constraint.names
        )
        raise BadParameters(
            f"{values} does not meet the constraint {constraint.text}.",
            constraint=constraint.text,
            excess=constraint.excess(point),  # type: ignore[arg-type]
        )
