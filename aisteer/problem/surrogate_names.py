"""The surrogates that a policy can be asked for by name, and one of the user's own by where it is imported from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.references import imported

__all__ = ["SURROGATES", "is_reference", "named_surrogate", "reference_to", "surrogates_of"]

SURROGATES = ("gaussian process", "deep ensemble")
"""The first is what a policy uses if nothing is said."""
_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def is_reference(name: object) -> bool:
    """Whether it says where a regressor is imported from: ``module:name``."""
    return isinstance(name, str) and _REFERENCE.fullmatch(name) is not None


def named_surrogate(definition: Mapping[str, Any]) -> str:
    """The surrogate that a task's definition names; the Gaussian process where it names none."""
    options = (definition.get("policy") or {}).get("options") or {}
    return str(options.get("surrogate") or SURROGATES[0])


def surrogates_of(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """What a task can be steered by: ours, and the one of the user's own that its definition names.

    Others are code that nobody who may redefine the task has asked for.
    """
    own = named_surrogate(definition)
    return (*SURROGATES, own) if is_reference(own) else SURROGATES


def reference_to(surrogate: object) -> str:
    """A surrogate as it stands in the definition: its name, or where it is imported from.

    Args:
        surrogate: One of ``SURROGATES``, ``"module:name"``, or a class, function or object of a module that has such a
            name there.

    Raises:
        BadDefinition: It is none of these.
    """
    if isinstance(surrogate, str):
        if surrogate in SURROGATES or is_reference(surrogate):
            return surrogate
        raise BadDefinition(
            f"There is no surrogate {surrogate!r:.60}. Choose one of {', '.join(SURROGATES)}, or name a regressor of "
            "your own by where it is imported from: 'module:name'."
        )
    module, name = getattr(surrogate, "__module__", None), getattr(surrogate, "__qualname__", None)
    reference = f"{module}:{name}"
    if module != "__main__" and is_reference(reference) and _stands_there(reference, surrogate):
        return reference
    raise BadDefinition(
        f"The surrogate {surrogate!r:.100} cannot be imported again by its name, so the campaign could not be opened "
        "tomorrow. Put a class, or a function that makes the regressor, into a module, and name it: 'module:name'."
    )


def _stands_there(reference: str, surrogate: object) -> bool:
    try:
        return imported(reference) is surrogate
    except (ImportError, AttributeError):
        return False
