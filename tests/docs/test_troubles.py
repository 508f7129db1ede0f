"""What the how-to for remote runs says that the board says is what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "remote.md"


def said_by_the_code() -> Iterator[str]:
    """Each text in it, whole; what is filled in is an ellipsis."""
    for path in [*(ROOT / "aisteer").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
                )


def test_each_message_in_the_table_of_troubles_is_one_of_the_code() -> None:
    table = PAGE.read_text("utf-8").partition("| it says |")[2].splitlines()[2:]
    messages = [message for row in table for message in re.findall(r"\*([^*]+)\*", row.split("|")[1])]
    assert len(messages) > 15
    texts = [text for text in said_by_the_code() if len(text) > 10]
    unsaid = []
    for message in messages:
        pattern = ".*?".join(re.escape(piece.strip()) for piece in message.split("…"))
        if not any(re.search(pattern, text, re.DOTALL) for text in texts):
            unsaid.append(message)
    assert unsaid == []
