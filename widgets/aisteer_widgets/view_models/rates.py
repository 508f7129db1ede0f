"""Shares as rows: how many of how many, with the interval of that share, and what was claimed of it."""

from __future__ import annotations

from typing import Any

from aisteer_widgets.view_models import format as fmt

__all__ = ["rate"]

Json = dict[str, Any]


def rate(term: str, k: int, n: int, ends: tuple[float, float], claimed: float | None) -> Json:
    """A row of shares: ``k`` of ``n``, the ends of the 95 % interval, and what was claimed, where anything was."""
    low, high = (round(100 * end) for end in ends)
    return {
        "term": term,
        "share": k / n,
        "low": ends[0],
        "high": ends[1],
        "claimed": claimed,
        "text": f"{k:,} of {n:,}",
        "interval": f"{low} to {high}{fmt.NARROW}%",
    }
