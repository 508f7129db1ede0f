"""What is seen of an endpoint's queue from here, and which of what waits there nobody there may know any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aisteer.execution.globus.member import Member

__all__ = ["Waiting"]

_OVERTAKEN = 30.0
"""Seconds that one may be begun after another that was sent later."""
_SHAKEN = 30.0
"""Seconds around the end of a block in which its agent may end with it, and in which what waits should be begun."""
_SETTLED = 10.0
"""Seconds after a death in which something that waited beside it is begun, if the queue has outlived it."""
_APART = 20.0
"""Seconds between two copies of an attempt at least; doubled with each."""
_COPIES = 5
"""Copies for such reasons at most: each is work for the queue, and a batch system may bring nodes for it."""
_FORGOTTEN = 1800.0
"""Seconds after which what waits is sent once more whatever was seen; four times as many for each copy before."""


class Waiting:
    """Finds what is to be sent once more.

    An agent takes tasks before its workers do. When it or a block of it dies, they are gone without a word: so when
    attempts of ours die there and nothing that waited beside them is begun, once when a block ended (its agent may end
    with it, and takes tasks until it has), when later ones of equal needs overtake, and in any case after some time, an
    attempt is sent once more. Nobody executes both: the claim decides.
    """

    def __init__(self) -> None:
        self._died_at = 0.0
        self._shaken_at = 0.0
        self._survived: dict[str, float] = {}
        self._overtaken: dict[str, tuple[float, float]] = {}

    def died(self, now: float) -> None:
        """An attempt there has died without an end."""
        self._died_at = now

    def block_ended(self, now: float) -> None:
        """An attempt was preempted."""
        self._shaken_at = now

    def begun(self, member: Member, now: float) -> None:
        """Somebody there was seen to have begun an attempt."""
        if member.sent < self._died_at:
            self._survived[member.needs] = now
        if member.sent > self._overtaken.get(member.needs, (0.0, 0.0))[0]:
            self._overtaken[member.needs] = (member.sent, now)

    def forgets(self, member: Member, now: float) -> bool:
        """Whether nobody there may know an attempt that was sent."""
        if not member.sent or member.over or member.claimed or member.queued:
            return False
        waited = now - member.sent
        if waited > _FORGOTTEN * 4.0 ** min(member.copies, 20):
            return True
        if member.copies >= _COPIES or waited <= _APART * 2.0**member.copies:
            return False
        return (
            self._gone_with_others(member, now) or self._in_the_dark(member, now) or self._passed(member, now)
        )

    def _gone_with_others(self, member: Member, now: float) -> bool:
        """Whether attempts died while it waited, and nothing that waited then was begun since."""
        survived = self._survived.get(member.needs, 0.0) > self._died_at
        return member.sent < self._died_at and now - self._died_at > _SETTLED and not survived

    def _in_the_dark(self, member: Member, now: float) -> bool:
        """Whether it was sent for the first time before or soon after a block ended, and nobody has begun it since."""
        since = max(member.sent, self._shaken_at)
        return member.sent == member.first < self._shaken_at + _SHAKEN and now - since > _SHAKEN

    def _passed(self, member: Member, now: float) -> bool:
        """Whether one that needs as much and was sent later was begun, and it was not since. Small ones may pass."""
        sent, seen = self._overtaken.get(member.needs, (0.0, 0.0))
        return member.sent + _OVERTAKEN < sent and now - seen > _OVERTAKEN
