"""The front end: plain ES modules and a style sheet beside this file, joined when they are asked for."""

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
    return "\n".join(_lean((STATIC / f"{name}.js").read_text(encoding="utf-8")) for name in modules)


def _lean(code: str) -> str:
    """Without indentation and lines of comment: every saved view keeps the code, and notebooks are to stay small."""
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@cache
def css(sheets: tuple[str, ...] = ("style", "plots", "narrow")) -> str:
    """The style sheets as one."""
    return "\n".join((STATIC / f"{name}.css").read_text(encoding="utf-8") for name in sheets)
