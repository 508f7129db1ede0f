"""Which outcomes a function returns, as far as its source says so."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["returned_names"]

_OTHERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def returned_names(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """Keys of the dicts that ``function`` returns; ``None`` where its source does not spell out every one.

    Args:
        function: A function or generator function. One that a decorator wraps may return something else.
    """
    if hasattr(function, "__wrapped__"):
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    outer = next((part for part in tree.body if isinstance(part, ast.FunctionDef)), None)
    if outer is None:
        return None
    names: dict[str, None] = {}
    for found in _returns(outer):
        if not isinstance(found.value, ast.Dict):
            return None
        for key in found.value.keys:
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                return None
            names[key.value] = None
    return tuple(names) or None


def _returns(node: ast.AST) -> Iterator[ast.Return]:
    """Of the function itself, not of those within it."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.Return):
            yield part
        elif not isinstance(part, _OTHERS):
            yield from _returns(part)
