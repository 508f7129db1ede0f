"""Text that a notebook shows as it is laid out, its lines broken between words where they are too long."""

from __future__ import annotations

import html

__all__ = ["preformatted"]

_STYLE = "white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere"


def preformatted(text: str) -> str:
    """``text`` as HTML, escaped; JupyterLab alone would break its lines in the middle of words."""
    return f'<pre style="{_STYLE}">{html.escape(text)}</pre>'
