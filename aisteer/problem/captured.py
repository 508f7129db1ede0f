"""What a function takes along from around it: the globals and closures it really uses."""

from __future__ import annotations

import builtins
import dis
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

from aisteer.errors import BadDefinition

__all__ = ["LARGE", "captured", "refuse_large", "size_in_words", "size_of"]

LARGE = 1_000_000
"""Bytes above which a captured value does not travel with the code."""

Local = Callable[[Any], bool]


def captured(function: types.FunctionType, local: Local) -> dict[str, Any]:
    """Data by name that ``function`` reaches through globals and closures.

    Functions and classes for which ``local`` is true are looked through; modules, and what can be
    imported where the worker is, are left out.
    """
    found: dict[str, Any] = {}
    seen: set[int] = set()
    queue: list[Any] = [function]
    while queue:
        current = queue.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        for name, value in _reached(current):
            if isinstance(value, types.ModuleType):
                continue
            inner = getattr(value, "function", value) if type(value).__name__ == "Simulation" else value
            if isinstance(inner, types.FunctionType | type):
                if local(inner):
                    queue.append(inner)
            elif not (callable(inner) and _importable(inner)):
                found.setdefault(name, inner)
    return found


def _importable(value: Any) -> bool:
    return isinstance(value, types.BuiltinFunctionType) or type(value).__name__ == "ufunc"


def _reached(current: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(current, type):
        for member in vars(current).values():
            inner = getattr(member, "__func__", member)
            inner = getattr(inner, "fget", inner)
            if isinstance(inner, types.FunctionType):
                yield inner.__name__, inner
        for base in current.__bases__:
            yield base.__name__, base
        return
    if isinstance(current, types.FunctionType):
        cells = current.__closure__ or ()
        for name, cell in zip(current.__code__.co_freevars, cells, strict=True):
            try:
                yield name, cell.cell_contents
            except ValueError:  # not assigned yet
                continue
        for name in _global_names(current.__code__):
            if name in current.__globals__:
                yield name, current.__globals__[name]


def _global_names(code: types.CodeType) -> set[str]:
    names = {i.argval for i in dis.get_instructions(code) if i.opname in {"LOAD_GLOBAL", "LOAD_NAME"}}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _global_names(constant)
    return {name for name in names if not hasattr(builtins, name) or name == "_"}


def size_of(value: Any) -> int:
    """About how many bytes ``value`` would travel as; 0 where that cannot be told."""
    import cloudpickle

    array_bytes = getattr(value, "nbytes", None)
    if isinstance(array_bytes, int):
        return array_bytes
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    if inspect.isgenerator(value):
        return 0
    try:
        return len(cloudpickle.dumps(value))
    except Exception:  # noqa: BLE001  a user's object may fail in any way; it is named when it is pickled
        return 0


def size_in_words(size: int) -> str:
    """``12.3 MB``."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def refuse_large(name: str, data: dict[str, Any]) -> None:
    """Refuse to drag large data along with every run.

    Raises:
        BadDefinition: With the names and sizes.
    """
    sizes = {key: size_of(value) for key, value in data.items()}
    large = sorted(((size, key) for key, size in sizes.items() if size > LARGE), reverse=True)
    if large:
        words = ", ".join(f"{key} ({size_in_words(size)})" for size, key in large)
        raise BadDefinition(
            f"The simulation {name!r} would drag {words} along with its code to every worker. "
            "Load it inside the simulation from a file that the worker can read, or compute it there.",
            large={key: size for size, key in large},
        )
