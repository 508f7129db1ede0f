"""When an attempt that a worker has not begun is sent again, and when it is given up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from aisteer.execution.globus.member import Member
from aisteer.execution.worker.attempt import STALE, UNCLAIMED

__all__ = ["clock", "held_back", "hold_back"]

_LATER = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds after which it is sent again, the first time, the second …"""
_MOST = 40
"""Times that it is held back, which takes some three hours; then something there has to be mended by somebody."""
_BLOCKS = 10
"""Blocks that may end too soon for it to begin: each may have been brought for it, and costs node-hours."""
_SAME = 60.0
"""Seconds between two ends that may be told of one block."""
_UNTIL = 900.0
"""Seconds after which a block that was about to end is taken for ended, whatever was said."""
_WORTH_A_WORD = 2
_ADVICE = {
    STALE: "Have the endpoint's workers started anew, or use an engine whose workers are processes.",
    UNCLAIMED: "Is there room in its spool?",
}


def hold_back(member: Member, why: str, now: float, after: float = 0.0) -> str:
    """Have an attempt sent again, later each time.

    Args:
        member: The attempt.
        why: Why it was not begun, in words.
        now: Monotonic seconds.
        after: Seconds until the block ends that is too short for it; 0 where that is not why.

    Returns:
        Why it is given up, once it is; empty while it is sent again.
    """
    why = why.rstrip(".")
    if after > 0:
        return _wait_for_block(member, now, after)
    member.held, member.why = member.held + 1, why
    if member.held >= _MOST:
        return f"It was not begun there, {member.held} times: {why}. {_ADVICE.get(why, 'Ask its administrator.')}"
    member.queued, member.not_before = True, now + _LATER[min(member.held, len(_LATER)) - 1]
    return ""


def _wait_for_block(member: Member, now: float, after: float) -> str:
    ends = now + after
    if all(abs(ends - known) > _SAME for known in member.blocks):
        member.blocks.append(ends)
    member.longest = max(member.longest, after)
    if len(member.blocks) >= _BLOCKS:
        return (
            f"{len(member.blocks)} blocks ended too soon for it to begin: {clock(member.longest)} were left at most, "
            "and it cannot go on in another one. Ask for longer blocks, give it a smaller walltime, or let it yield "
            "checkpoints."
        )
    member.queued, member.not_before = True, now + min(after, _UNTIL)
    return ""


def held_back(members: Iterable[Member]) -> str:
    """In words, which attempts are not begun again and again, and why the first of them is not."""
    found = [m for m in members if m.held >= _WORTH_A_WORD and not (m.claimed or m.over)]
    if not found:
        return ""
    first = found[0]
    others = f" and {len(found) - 1} more are" if len(found) > 1 else " is"
    advice = f" {_ADVICE[first.why]}" if first.why in _ADVICE else ""
    return (
        f"{first.ref.run}{others} not begun there, {first.held} times by now: {first.why}.{advice} It is tried again, "
        "less and less often."
    )


def clock(seconds: float) -> str:
    """A time as a batch system writes it: ``1:30:00``."""
    return str(dt.timedelta(seconds=round(seconds)))
