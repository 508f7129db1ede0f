"""Names: those that a parameter can have, and the one that was meant."""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Iterable

from aisteer.errors import BadDefinition
from aisteer.problem.parameters import Choice, Float, Int

__all__ = ["RESERVED", "check_parameter", "did_you_mean"]

RESERVED = frozenset(("restart", "seed", "self", "reason", "repeat", "task", "resources", "on_observation"))
"""Names that ``propose``, ``edit``, ``branch`` or the worker use themselves."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` where a known name is near, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def check_parameter(name: str, parameter: object) -> None:
    """Make sure that it is a parameter, and may have that name.

    Raises:
        BadDefinition: It is none, or may not.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BadDefinition(
            f"{name!r} cannot be the name of a parameter: the simulation takes it as an argument."
        )
    if name in RESERVED:
        raise BadDefinition(
            f"The parameter cannot be called {name!r}: that argument has a meaning of its own."
        )
    if not isinstance(parameter, Float | Int | Choice):
        raise BadDefinition(
            f"{name} must be ai.Float(low, high), ai.Int(low, high) or ai.Choice(options), not {parameter!r}."
        )
