"""The front end: plain ES modules and a style sheet beside this file, joined without a build step."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["BOARD", "CONNECT", "css", "esm"]

STATIC = Path(__file__).parent / "static"
BOARD = (
    "core",
    "charts",
    "axes",
    "kernel",
    "saving",
    "header",
    "ending",
    "review",
    "own",
    "runs",
    "plots",
    "trust",
    "ledger",
    "belief",
    "steer",
    "keys",
    "asking",
    "selecting",
    "beside",
    "board",
)
"""In the order in which they use each other; the last one exports ``render``."""
CONNECT = ("core", "kernel", "connect")


@cache
def esm(modules: tuple[str, ...] = BOARD) -> str:
    """The code of a front end as one ES module."""
    return "\n".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in modules)


@cache
def css(sheets: tuple[str, ...] = ("style", "plots", "narrow")) -> str:
    """The style sheets as one."""
    return "\n".join((STATIC / f"{name}.css").read_text(encoding="utf-8") for name in sheets)
