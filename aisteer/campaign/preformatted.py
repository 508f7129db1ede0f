"""Text that is shown as it is laid out, its lines broken between words where they are too long."""

from __future__ import annotations

import html
import textwrap

__all__ = ["in_lines", "preformatted"]

_STYLE = "white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere"
_BETWEEN = " · "
_COLUMNS = 96
"""Letters beside each other in a notebook; there a longer line is broken in the middle of a word."""


def preformatted(text: str) -> str:
    """``text`` as HTML, escaped; JupyterLab alone would break its lines in the middle of words."""
    return f'<pre style="{_STYLE}">{html.escape(text)}</pre>'


def in_lines(text: str) -> str:
    """``text`` for ``print``: what a line has too much goes on beneath it, further in."""
    return "\n".join(_broken(line) for line in text.split("\n"))


def _broken(line: str) -> str:
    """Between its parts, where it has some; a part that is too long by itself between words."""
    if len(line) <= _COLUMNS:
        return line
    further = " " * (len(line) - len(line.lstrip()) + 4)
    lines: list[str] = []
    for part in line.split(_BETWEEN):
        if lines and len(lines[-1]) + len(_BETWEEN) + len(part) <= _COLUMNS:
            lines[-1] += f"{_BETWEEN}{part}"
            continue
        if lines:
            lines[-1] += _BETWEEN.rstrip()
        lines += textwrap.wrap(
            part,
            _COLUMNS - len(_BETWEEN),
            initial_indent=further if lines else "",
            subsequent_indent=further,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
