"""The front end: plain ES modules and a style sheet beside this file, joined without a build step."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["css", "esm"]

STATIC = Path(__file__).parent / "static"
MODULES = ("core", "charts", "kernel", "saving", "header", "review", "runs", "plots", "board")
"""In the order in which they use each other; the last one exports ``render``."""


@cache
def esm() -> str:
    """All of the front end's code as one ES module."""
    return "\n".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in MODULES)


@cache
def css() -> str:
    """The style sheet."""
    return (STATIC / "style.css").read_text(encoding="utf-8")
