"""Values as lines of a module: an import that gives the value, or a constant."""

from __future__ import annotations

import importlib
import math
import pathlib
from typing import Any

__all__ = ["Unsourceable", "constant", "import_line"]

_LONGEST_CONSTANT = 65_536


class Unsourceable(Exception):
    """It cannot be written down as source; the message says why."""


def import_line(name: str, value: Any) -> str | None:
    """The import that gives ``value``; ``None`` where there is none."""
    for module_name in (getattr(value, "__module__", None), type(value).__module__):
        attribute = getattr(value, "__name__", None) or getattr(value, "_name", None)
        if not isinstance(module_name, str) or not isinstance(attribute, str) or not attribute.isidentifier():
            continue
        if module_name in {"__main__", "builtins"}:
            continue
        try:
            module = importlib.import_module(module_name)
        except ImportError:
            continue
        if getattr(module, attribute, None) is value:
            renamed = "" if attribute == name else f" as {name}"
            return f"from {module_name} import {attribute}{renamed}"
    return None


def constant(name: str, value: Any) -> str:
    """Plain data as Python text.

    Raises:
        Unsourceable: It is something else, or too long.
    """
    text = _literal(value)
    if text is None:
        raise Unsourceable(f"{name!r} ({type(value).__name__}) cannot be written down as a constant")
    if len(text) > _LONGEST_CONSTANT:
        raise Unsourceable(f"{name!r} is too long to be read")
    return text


def _literal(value: Any) -> str | None:
    """Python text for plain data, the same in every process; ``None`` for anything else."""
    kind = type(value)
    text: str | None = None
    if value is None or value is Ellipsis or kind in {bool, int, str, bytes, complex}:
        text = repr(value)
    elif kind is float:
        text = repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    elif isinstance(value, pathlib.PurePath):
        text = f"pathlib.{'Path' if isinstance(value, pathlib.Path) else 'PurePath'}({str(value)!r})"
    elif kind in {list, tuple, set, frozenset}:
        text = _sequence(value, kind)
    elif kind is dict:
        pairs = [(_literal(k), _literal(v)) for k, v in value.items()]
        if all(k is not None and v is not None for k, v in pairs):
            text = "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"
    return text


def _sequence(value: Any, kind: type) -> str | None:
    parts = [_literal(item) for item in value]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if kind is list:
        return f"[{', '.join(known)}]"
    if kind is tuple:
        return f"({', '.join(known)}{',' if len(known) == 1 else ''})"
    # The order of a set depends on the process; its text must not.
    inside = ", ".join(sorted(known))
    if not known:
        return f"{kind.__name__}()"
    return f"{{{inside}}}" if kind is set else f"frozenset({{{inside}}})"
