"""A rank in words. There is one notion of it, and it never stands without what it is a rank among.

A proposal's rank is its place by the policy's acquisition, 1 being the best: in a pool among the candidates that
have no outcome yet, in a box among 512 points spread over the space and itself. So ``of`` shrinks as runs end.
"""

from __future__ import annotations

__all__ = ["moved", "ordinal", "ranked"]


def ordinal(n: int) -> str:
    """``1st``, ``2nd``, ``11th``, ``1,293rd``."""
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{ending}"


def ranked(rank: int | None, of: int | None, noun: str = "candidate") -> str:
    """``3rd of 1,430 candidates``; empty where either is not known."""
    if not rank or not of:
        return ""
    return f"{ordinal(rank)} of {of:,} {noun}{'' if of == 1 else 's'}"


def moved(rank: int | None, of: int | None, now: int, of_now: int) -> str:
    """``from 1st to 1,135th of 1,430 candidates``; both counts where they differ."""
    if not rank or not of:
        return f"to {ranked(now, of_now)}"
    if of == of_now:
        return f"from {ordinal(rank)} to {ranked(now, of_now)}"
    return f"from {ranked(rank, of)} to {ordinal(now)} of {of_now:,}"
