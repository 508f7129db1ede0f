"""What a text such as ``my_models:forest`` stands for."""

from __future__ import annotations

import functools
import importlib
from typing import Any

__all__ = ["imported"]


def imported(reference: str) -> Any:
    """What ``module:name`` names, the module imported; of a name with dots what the last one is.

    Raises:
        ImportError, AttributeError: There is no such module, or nothing of that name in it.
        Exception: Whatever the module raises when it is imported.
    """
    module, _, name = reference.partition(":")
    return functools.reduce(getattr, name.split("."), importlib.import_module(module))
