"""The autonomy rule as words and as a choice on the screen."""

from __future__ import annotations

from typing import Any

from aisteer_widgets.view_models import format as fmt

__all__ = ["autonomy"]

Json = dict[str, Any]


def autonomy(rule: Json, words: str, read_only: str) -> Json:
    """The select in the head: ask always, or the rule that stands (set in a cell, as it has numbers).

    Args:
        rule: The rule as data; empty asks always.
        words: The rule in words, by the rule itself.
        read_only: Why it cannot be changed here; empty when it can.
    """
    asks = not rule or rule.get("kind") in {"ask", "Ask"}
    options = [{"value": "ask", "label": "Ask me"}]
    if not asks:
        options.append({"value": "rule", "label": fmt.clip(words or "By the rule", 60)})
    return {
        "value": "ask" if asks else "rule",
        "options": options,
        "asks": asks,
        "title": "Every proposal waits for you" if asks else fmt.clip(words, 400),
        "blocked": fmt.clip(read_only, 200),
    }
