"""A simulation: a function or a generator of the user's."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, Protocol, overload

from aisteer.errors import BadDefinition, BadOutcome, BadParameters
from aisteer.problem.naming import did_you_mean
from aisteer.problem.objective import read_outcome
from aisteer.problem.returned import returned_names
from aisteer.problem.units import read_units

__all__ = ["Simulation", "simulation"]

Json = dict[str, Any]
GIVEN = ("branched", "restart", "run_folder", "seed")
"""Arguments that the worker gives when the simulation asks for them."""


class Named(Protocol):
    """A space or a pool: something with parameter names."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names."""


class Simulation:
    """What one run computes.

    A function returns its outcome: a dict of outcome name to number or ``Estimate``. A generator
    yields observations while it runs, ``values`` or ``(values, checkpoint)``, receives controls
    (a dict, mostly empty) from ``yield``, and returns its outcome. ``checkpoint`` is called only when
    one is due. Calling the simulation calls the function as it was written.

    Args:
        function: The function or generator function.
        checkpoint: It yields checkpoints, and takes ``restart=`` to go on from one.
        controls: Names that ``set``, ``extend`` and ``branch`` may give; by default its keyword-only
            arguments that have a default.
        units: Units of what it yields and returns, by name, such as ``{"energy": "eV"}``. They stand on axes and
            in tables; nothing is converted.

    Raises:
        BadDefinition: It is no plain function, or its signature does not fit what it promises.
    """

    kind = "function"
    text: str | None = None
    """The module that travels, where aisteer wrote the function and not a user."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        checkpoint: bool = False,
        controls: Iterable[str] | None = None,
        units: Mapping[str, str] | None = None,
    ) -> None:
        if not inspect.isfunction(inspect.unwrap(function)):
            raise BadDefinition(f"A simulation is a function or a generator function, not {function!r}.")
        self.function = function
        self.name: str = function.__name__
        self.signature = inspect.signature(function)
        plain = inspect.unwrap(function)
        if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
            raise BadDefinition(
                f"The simulation {self.name!r} is asynchronous. Workers run plain functions: "
                "write def, not async def."
            )
        self.is_generator = inspect.isgeneratorfunction(plain)
        self.checkpoint = bool(checkpoint)
        functools.update_wrapper(self, function)
        self._check_signature()
        self.controls: tuple[str, ...] = self._controls(controls)
        self.units = read_units(self.name, units)

    # --- the signature ------------------------------------------------------------------------

    @property
    def required(self) -> tuple[str, ...]:
        """Arguments without a default: the space has to have them."""
        return tuple(n for n, p in self._arguments.items() if p.default is p.empty and n not in GIVEN)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Arguments that a space can give: all but those that the worker gives."""
        return tuple(n for n in self._arguments if n not in GIVEN)

    @property
    def accepts(self) -> tuple[str, ...]:
        """Which of the arguments that the worker gives it takes."""
        return tuple(name for name in GIVEN if name in self._arguments)

    @property
    def returned(self) -> tuple[str, ...] | None:
        """Names of its outcomes, where its source spells them out."""
        return returned_names(self.function)

    @property
    def yielded(self) -> tuple[str, ...] | None:
        """Names of its observations, where they are known before it runs."""
        return None

    @property
    def _arguments(self) -> dict[str, inspect.Parameter]:
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return {n: p for n, p in self.signature.parameters.items() if p.kind in named}

    @property
    def _takes_any(self) -> bool:
        return any(p.kind is p.VAR_KEYWORD for p in self.signature.parameters.values())

    def _check_signature(self) -> None:
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise BadDefinition(
                    f"The argument {name!r} of {self.name!r} is positional-only, and parameters are given "
                    "by name. Remove the / from its signature."
                )
        if self.checkpoint and not self.is_generator:
            raise BadDefinition(
                f"{self.name!r} has checkpoint=True but never yields. A checkpoint is yielded beside the "
                "observation: yield {'step': step}, checkpoint."
            )
        if self.checkpoint and "restart" not in self._arguments:
            raise BadDefinition(
                f"{self.name!r} has checkpoint=True but takes no restart. Add restart=None to its arguments; "
                "it is the checkpoint to go on from, or None."
            )

    def _controls(self, controls: Iterable[str] | None) -> tuple[str, ...]:
        optional = tuple(
            n
            for n, p in self._arguments.items()
            if p.kind is p.KEYWORD_ONLY and p.default is not p.empty and n not in GIVEN
        )
        if controls is None:
            return optional if self.is_generator else ()
        wanted = (controls,) if isinstance(controls, str) else tuple(controls)
        for name in wanted:
            if name not in self._arguments and not self._takes_any:
                raise BadDefinition(
                    f"{self.name!r} names the control {name!r}, which is none of its arguments."
                    f"{did_you_mean(name, self._arguments)}"
                )
        return wanted

    def check(self, space: Named) -> None:
        """Check that the space gives every argument, and nothing that the simulation does not take.

        Raises:
            BadDefinition: It does not; unknown and missing parameters are named.
        """
        names = tuple(space.names)
        missing = [name for name in self.required if name not in names]
        unknown = [] if self._takes_any else [name for name in names if name not in self._arguments]
        if not missing and not unknown:
            return
        words = []
        if missing:
            words.append(f"{self.name!r} needs {', '.join(missing)}, which the space does not have")
        if unknown:
            hint = did_you_mean(unknown[0], missing)
            words.append(f"the space has {', '.join(unknown)}, which {self.name!r} does not take.{hint}")
            words[-1] = words[-1].rstrip(".")
        raise BadDefinition(
            f"The simulation and the space do not fit: {'; '.join(words)}. "
            f"The simulation takes ({', '.join(self.parameters)}); the space has ({', '.join(names)}).",
            missing=missing,
            unknown=unknown,
        )

    def check_controls(self, values: Mapping[str, object]) -> None:
        """Check that ``values`` names only controls.

        Raises:
            BadParameters: It does not.
        """
        check_controls(self.name, self.controls, values)

    # --- using it here ------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function as it was written."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        traits = ["generator" if self.is_generator else "function"]
        if self.checkpoint:
            traits.append("checkpoint")
        if self.controls:
            traits.append(f"controls {', '.join(self.controls)}")
        return f"<simulation {self.name}({', '.join(self.parameters)}): {', '.join(traits)}>"

    def run_locally(
        self, *, on_observation: Callable[[Mapping[str, Any]], None] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Run it here, in this process, to the end; for trying it out.

        Nothing is recorded, and the cell waits for it.

        Args:
            on_observation: Called with each observation, such as ``print``.
            **parameters: Its arguments.

        Returns:
            The outcome, as the simulation returned it; numbers of numpy have become plain ones.

        Raises:
            BadOutcome: The outcome is no dict of finite numbers, or an observation is no dict.
        """
        made = self.function(**parameters)
        outcome = _driven(made, self.name, on_observation) if inspect.isgenerator(made) else made
        read_outcome(outcome)
        return {name: value.item() if hasattr(value, "item") else value for name, value in outcome.items()}

    def to_json(self) -> Json:
        """What the definition says of it, less how its code travels."""
        data: Json = {
            "kind": self.kind,
            "name": self.name,
            "parameters": None if self._takes_any else list(self.parameters),
            "required": list(self.required),
            "generator": self.is_generator,
            "checkpoint": self.checkpoint,
            "controls": list(self.controls),
            "accepts": list(self.accepts),
            "defaults": {
                name: argument.default
                for name, argument in self._arguments.items()
                if name in self.controls
                and isinstance(argument.default, str | int | float | bool)
                and argument.default not in {math.inf, -math.inf}
                and argument.default == argument.default
            },
        }
        if self.units:
            data["units"] = dict(self.units)
        return data


def check_controls(name: str, controls: Iterable[str], values: Mapping[str, object]) -> None:
    """Check that ``values`` names only controls of the simulation ``name``.

    Raises:
        BadParameters: It does not.
    """
    known = tuple(controls)
    for given in values:
        if given not in known:
            offered = f"It has {', '.join(known)}." if known else "It has none."
            raise BadParameters(
                f"{name!r} has no control {given!r}. {offered}{did_you_mean(given, known)} "
                "Controls are the keyword-only arguments of the simulation that have a default.",
                name=given,
            )


def _driven(
    running: Generator[Any, Any, Any], name: str, on_observation: Callable[[Mapping[str, Any]], None] | None
) -> Any:
    sent: Json | None = None
    while True:
        try:
            yielded = running.send(sent)
        except StopIteration as end:
            return end.value
        sent = {}
        values = yielded[0] if isinstance(yielded, tuple) and len(yielded) == 2 else yielded
        if not isinstance(values, Mapping):
            running.close()
            raise BadOutcome(
                f"{name!r} yielded {type(values).__name__}. An observation is a dict of names to numbers, "
                "alone or with a checkpoint: yield {'step': step}, checkpoint."
            )
        if on_observation is not None:
            on_observation(values)


@overload
def simulation(function: Callable[..., Any], /) -> Simulation: ...
@overload
def simulation(
    *,
    checkpoint: bool = False,
    controls: Iterable[str] | None = None,
    units: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Simulation]: ...
def simulation(
    function: Callable[..., Any] | None = None,
    /,
    *,
    checkpoint: bool = False,
    controls: Iterable[str] | None = None,
    units: Mapping[str, str] | None = None,
) -> Simulation | Callable[[Callable[..., Any]], Simulation]:
    """Make a simulation of a function or a generator; bare, or with what it can do.

    Args:
        function: Given when the decorator is bare.
        checkpoint: It yields checkpoints, and takes ``restart=`` to go on from one.
        controls: Names that may be set while it runs; by default its keyword-only arguments with a default.
        units: Units of what it yields and returns, by name: ``{"energy": "eV"}``.

    Example:
        >>> @simulation
        ... def parabola(x):
        ...     return {"y": (x - 1) ** 2}
        >>> parabola.run_locally(x=3)
        {'y': 4}
    """
    if function is not None:
        return Simulation(function)
    return lambda wrapped: Simulation(wrapped, checkpoint=checkpoint, controls=controls, units=units)
