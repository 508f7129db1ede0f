"""What is known of one attempt at a remote endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aisteer.execution.endpoint import AttemptRef

__all__ = ["Member"]

Json = dict[str, Any]


@dataclass(slots=True)
class Member:
    """An attempt that was not let go of yet.

    Attributes:
        queued: It is to be sent (again).
        sending: It is being sent: the service may have it already.
        elsewhere: Another driver, or an earlier try, may have sent it: who has it is decided by the spool alone.
        sent: When the service took it, monotonic seconds; 0 before.
        ticket: ``<task group>/<task>``.
        first: When it was first sent.
        copies: How often it was sent beside a task that may be there, as nobody there may know that.
        needs: What it needs there, as a word: attempts of equal needs are begun in the order in which they are sent.
        failures: How often its task was over without having begun it.
        cut_off: How often that was since its block had ended.
        unstarted: How often the endpoint could not start what would execute it.
        ranks: Its task was refused once, for it said nothing of ranks.
        held: How often a worker had it and has not begun it, for ``why``.
        why: The last reason of those.
        blocks: Ends of blocks that ended too soon for it to begin, monotonic seconds.
        longest: The most seconds that one of them had left.
        followed: The driver has asked for it.
        not_before: When it may be sent again, monotonic seconds: the block that it was sent to is about to end.
        looked: When an answer last said that nobody had claimed it.
        ends: When the block ends in which it is executed, by the clock there; 0 where that is not told.
        known: ``""``, ``"claimed"`` or ``"ended"``, as a question says it.
        end: How it ended, while the rest of its stream is not here: it is told after that, so that nothing is missing.
        end_since: Since when.
        missed: How many looks have not brought the rest, though they should have, and since when.
    """

    ref: AttemptRef
    queued: bool = False
    sending: bool = False
    elsewhere: bool = False
    sent: float = 0.0
    ticket: str = ""
    first: float = 0.0
    copies: int = 0
    needs: str = ""
    failures: int = 0
    cut_off: int = 0
    unstarted: int = 0
    ranks: bool = False
    held: int = 0
    why: str = ""
    blocks: list[float] = field(default_factory=list)
    longest: float = 0.0
    followed: bool = False
    not_before: float = 0.0
    looked: float = 0.0
    offset: int = 0
    prefix: str = ""
    ends: float = 0.0
    known: str = ""
    waits: bool = False
    length: int = 0
    gap: str = ""
    trouble_since: float = 0.0
    end: Json | None = None
    end_since: float = 0.0
    missed: tuple[int, float] = (0, 0.0)
    over: bool = False

    @property
    def claimed(self) -> bool:
        """Whether somebody executes it, or did."""
        return bool(self.known)
