"""The front end: plain ES modules and a style sheet beside this file, joined when they are asked for."""

from __future__ import annotations

import base64
import gzip
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
    "fields",
    "reasons",
    "deciding",
    "review",
    "own",
    "runs",
    "plots",
    "trust",
    "ledger",
    "maps",
    "slices",
    "pool",
    "belief",
    "minds",
    "table",
    "problem",
    "regions",
    "known",
    "oversight",
    "steer",
    "keys",
    "asking",
    "selecting",
    "beside",
    "board",
)
"""In the order in which they use each other; the last one exports ``render``."""
_UNPACK = """// The widget's code, compressed; what it is made of stands in aisteer_widgets/static.
const bytes = Uint8Array.from(atob("PACKED"), (c) => c.charCodeAt(0));
const code = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();
const place = URL.createObjectURL(code.slice(0, code.size, "text/javascript"));
const { default: widget } = await import(place);
URL.revokeObjectURL(place);
export default widget;
"""
CONNECT = ("core", "kernel", "connect")


@cache
def esm(modules: tuple[str, ...] = BOARD) -> str:
    """The code of a front end as one ES module.

    Packed: every view keeps its code in the saved notebook, and notebooks are to stay small.
    """
    code = "\n".join(_lean((STATIC / f"{name}.js").read_text(encoding="utf-8")) for name in modules)
    packed = base64.b64encode(gzip.compress(code.encode(), mtime=0)).decode()
    return _UNPACK.replace("PACKED", packed)


def _lean(code: str) -> str:
    """Without indentation and lines of comment."""
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@cache
def css(sheets: tuple[str, ...] = ("style", "plots", "narrow")) -> str:
    """The style sheets as one."""
    return "\n".join((STATIC / f"{name}.css").read_text(encoding="utf-8") for name in sheets)
