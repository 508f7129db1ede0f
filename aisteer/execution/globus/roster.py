"""What is known of the attempts at a remote endpoint, what is asked about them next, and what is new."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aisteer.execution.endpoint import AttemptRef, Glimpse
from aisteer.execution.ends import clean_end, clean_text, number
from aisteer.execution.globus.bookmarks import Bookmarks
from aisteer.execution.globus.early import Early
from aisteer.execution.globus.member import Member
from aisteer.execution.globus.waiting import Waiting
from aisteer.execution.mirror import Mirror
from aisteer.execution.worker import files
from aisteer.execution.worker.book import entries
from aisteer.execution.worker.stream import PREFIX, mark

__all__ = ["Roster"]

Json = dict[str, Any]

_SURE = 3.0
"""Seconds for which a holder has to be dead, or a folder gone: the end may be about to be written."""
_WAITING = 4.0
"""Seconds after which an attempt that was sent and that nobody has claimed is said to wait there."""
_LATELY = 600.0
"""Seconds for which workers are taken to have the Python that an end told of."""
_TAIL = 5.0
"""Seconds that the rest of a stream may arrive late, from the first look that should have seen it."""
_LOOKS = 3
"""Looks at least that should have seen it."""
_OUT_OF_REACH = 900.0
"""Seconds after which an end is told without the rest of its stream, which nobody could look at."""
_CLAIM = ("by", "host", "job")
_LONGEST = 8 << 20


class Roster:
    """The attempts, for all threads.

    Args:
        mirror: What earlier drivers mirrored, to read on from there.
    """

    def __init__(self, mirror: Mirror) -> None:
        self.bell = threading.Condition()
        self._mirror = mirror
        self._members: dict[str, Member] = {}
        self._books = Bookmarks()
        self._early = Early()
        self._news: list[Glimpse] = []
        self._waiting = Waiting()
        self._python: tuple[str, float] = ("", 0.0)

    # --- the driver's thread ---

    def add(
        self, ref: AttemptRef, *, queued: bool, elsewhere: bool, ticket: str = "", needs: str = ""
    ) -> Member:
        """Follow an attempt; one that is known stays as it is."""
        with self.bell:
            member = self._members.get(ref.key)
            if member is None:
                member = self._members[ref.key] = Member(
                    ref, queued=queued, elsewhere=elsewhere, ticket=ticket
                )
                end = self._early.take(ref.key)
                if end is not None:
                    self._end(member, end)
            member.elsewhere = member.elsewhere or elsewhere
            member.needs = member.needs or needs
            member.ticket = member.ticket or ticket
            return member

    def drain(self, offsets: Mapping[AttemptRef, int], wait: float) -> list[Glimpse]:
        """What is new, in order; waits at most so many seconds for it. Lets go of what is over for the driver."""
        with self.bell:
            self._let_go(offsets)
            self._give_up_tails(time.monotonic())
            if not self._news and wait > 0:
                self.bell.wait_for(lambda: bool(self._news), wait)
            news, self._news = self._news, []
            if not news:
                self._rewind(offsets)
            return [glimpse for glimpse in news if glimpse.ref in offsets]

    def _let_go(self, offsets: Mapping[AttemptRef, int]) -> None:
        done = []
        for key, member in self._members.items():
            if member.ref in offsets:
                member.followed = True
            elif member.over or member.followed:
                done.append(key)
        untold = {glimpse.ref.key for glimpse in self._news} if done else set()
        for key in done:
            if not self._members[key].over:
                self._waiting.died(time.monotonic())  # the driver gave it up: it showed no sign of life
            if key not in untold and self._members.pop(key).known == "ended":
                self._early.is_over(key)

    def _give_up_tails(self, now: float) -> None:
        """Tell ends whose streams cannot be read to their ends."""
        for member in self._members.values():
            if member.end is not None and (
                now - member.end_since > _OUT_OF_REACH
                or (member.missed[0] >= _LOOKS and now - member.missed[1] > _TAIL)
                or member.gap
            ):
                self._tell_end(member)

    def _rewind(self, offsets: Mapping[AttemptRef, int]) -> None:
        """Where the mirror is not what was handed out (its disk was full, another driver read it): read again."""
        for ref, offset in offsets.items():
            member = self._members.get(ref.key)
            if member is not None and member.offset != offset:
                member.offset, member.prefix = offset, self._prefix(ref, offset)

    def _prefix(self, ref: AttemptRef, offset: int) -> str:
        """What the bytes before an offset are known by, from the mirror; empty where it has fewer."""
        start = max(0, offset - PREFIX)
        try:
            with self._mirror.path(ref.run, ref.attempt).open("rb") as file:
                file.seek(start)
                known = file.read(offset - start)
        except OSError:
            return ""
        return mark(known) if offset and len(known) == offset - start else ""

    # --- the threads that send and watch ---

    def members(self) -> list[Member]:
        """Those that are not over."""
        with self.bell:
            return [member for member in self._members.values() if not member.over]

    def get(self, key: str) -> Member | None:
        """One of them."""
        return self._members.get(key)

    def question(self) -> Json:
        """``attempts``, ``books`` and ``closed``, as a look asks; without attempts there is nothing to ask."""
        with self.bell:
            asked = {
                key: {"offset": member.offset, "prefix": member.prefix, "known": member.known}
                for key, member in self._members.items()
                if _is_there(member) and (not member.over or member.offset < member.length)
            }
            return {"attempts": asked, **self._books.asked()}

    def python(self, now: float) -> str:
        """The Python that executed one of them lately; empty where that is not known."""
        python, told = self._python
        return python if now - told < _LATELY else ""

    def begin_sending(self, members: Iterable[Member]) -> list[Member]:
        """Those of them that are still to be sent. From now on nobody takes them back here: the spool decides."""
        with self.bell:
            left = [m for m in members if m.queued and not (m.over or m.claimed)]
            for member in left:
                member.sending = True
            return left

    def not_sent(self, member: Member, *, surely: bool) -> None:
        """It could not be sent; ``surely``: the service has refused it, else it may have it nevertheless."""
        with self.bell:
            member.sending, member.elsewhere = False, member.elsewhere or not surely

    def take_back(self, ref: AttemptRef, end: Json) -> bool:
        """Whether an attempt was still here, never sent by anybody: it ends so."""
        with self.bell:
            member = self._members.get(ref.key)
            if member is None or not member.queued or member.sending or member.elsewhere or member.sent:
                return False
            member.queued = False
            self._end(member, end)
            return True

    def sent(self, member: Member, ticket: str) -> None:
        """The service has taken it."""
        with self.bell:
            member.queued = member.sending = member.waits = False
            member.sent, member.ticket = time.monotonic(), ticket
            member.first = member.first or member.sent
            self._tell(Glimpse(member.ref, state="submitted", ticket=ticket))

    def forgotten(self, now: float) -> list[Member]:
        """What was sent, waits for ever as the service says, and may be known to nobody there any more."""
        with self.bell:
            return [member for member in self._members.values() if self._waiting.forgets(member, now)]

    def send_once_more(self, member: Member) -> None:
        """Nobody there may know it: it is sent once more, beside what may be there."""
        with self.bell:
            member.queued, member.copies = True, member.copies + 1

    def lose(self, member: Member, why: str) -> None:
        """Nobody executes it."""
        with self.bell:
            if not member.over:
                member.over = True
                self._tell(Glimpse(member.ref, lost=why))

    def end(self, member: Member, end: Json) -> None:
        """It is over, as somebody says who knows."""
        with self.bell:
            self._end(member, end)

    def take_result(self, member: Member, end: Json, stream: bytes | None) -> None:
        """What a task brought back when it was done: the end, and the whole stream if that is small."""
        with self.bell:
            if stream is not None and not member.gap:
                self._data(member, stream[member.offset :], member.offset, {"prefix": mark(stream)})
            self._end(member, end)

    def take(self, answer: Json, asked: Collection[str]) -> None:
        """What a look saw. It comes from outside: nothing in it is believed to be what it should be."""
        attempts = answer.get("attempts")
        now = time.monotonic()
        with self.bell:
            for lines in self._books.take(answer):
                self._read_book(lines)
            for key in asked:
                member = self._members.get(key)
                said = attempts.get(key) if isinstance(attempts, dict) else None
                if member is not None:
                    self._saw(member, said if isinstance(said, dict) else {}, now)
                    if answer.get("more") is not True:  # else its turn may come with the next look
                        self._missed(member, now)

    def _read_book(self, lines: bytes) -> None:
        for key, line in entries(lines):
            member = self._members.get(key)
            if member is None:
                self._early.put(key, line)
            elif not member.over and (found := files.decode(line)) is not None:
                self._end(member, found)

    def _saw(self, member: Member, said: Json, now: float) -> None:
        claim, end, data, gap = said.get("claim"), said.get("end"), said.get("data"), said.get("gap")
        if isinstance(claim, dict) and not member.claimed:
            member.known = "claimed"
            self._waiting.begun(member, now)
            member.ends = number(claim.get("ends")) or 0.0
            where = {name: text for name in _CLAIM if (text := clean_text(claim.get(name), 200))}
            self._tell(Glimpse(member.ref, state="claimed", claim=where, ticket=member.ticket or None))
        if not member.claimed:
            member.looked = now
            if member.sent and not member.waits and now - member.sent > _WAITING:
                member.waits = True
                self._tell(Glimpse(member.ref, state="waiting", ticket=member.ticket or None))
        if isinstance(data, str) and type(said.get("offset")) is int:
            self._data(member, data.encode("latin-1", "replace"), said["offset"], said)
        gap = clean_text(gap, 500)
        if gap and gap != member.gap:
            member.gap = gap
            self._tell(Glimpse(member.ref, gap=member.gap))
        if isinstance(end, dict):
            self._end(member, end)
        elif not member.over:
            beat = number(said.get("heartbeat"))
            if beat is not None or member.claimed:
                self._tell(Glimpse(member.ref, heartbeat=int(beat or 0)))
            self._doubt(member, said, now)

    def _data(self, member: Member, data: bytes, offset: int, said: Json) -> None:
        if offset != member.offset or not data.endswith(b"\n") or len(data) > _LONGEST:
            return  # an answer to an earlier question, or none that we asked for
        member.offset += len(data)
        member.prefix = clean_text(said.get("prefix"), 200)
        whole = int(number(said.get("length")) or 0)
        self._tell(Glimpse(member.ref, data=data, offset=offset, length=max(whole, member.offset)))
        if member.end is not None and member.offset >= member.length:
            self._tell_end(member)

    def _end(self, member: Member, end: Json) -> None:
        if member.over:
            return
        clean = clean_end(end)
        if clean["end"] == "preempted":
            self._waiting.block_ended(time.monotonic())
        if clean["versions"].get("python"):
            self._python = (str(clean["versions"]["python"]), time.monotonic())
        member.over, member.known = True, "ended"
        member.length = clean["length"] if not member.gap else 0
        member.end, member.end_since = clean, time.monotonic()
        if member.offset >= member.length:
            self._tell_end(member)

    def _tell_end(self, member: Member) -> None:
        self._tell(Glimpse(member.ref, end=member.end, length=member.length))
        member.end = None

    def _missed(self, member: Member, now: float) -> None:
        """A look was answered without the rest of the stream: it may have been asked before, or files arrive late."""
        if member.end is not None:
            count, since = member.missed
            member.missed = (count + 1, since or now)

    def _doubt(self, member: Member, said: Json, now: float) -> None:
        """Whether it is executed any more, once that is sure."""
        reason = ""
        if said.get("gone") is True:
            reason = (
                "Its folder in the endpoint's spool is gone: it was removed or purged, or its file system is not "
                "mounted there. What was mirrored is kept."
            )
        elif said.get("holder_dead") is True:
            reason = (
                "The process that executed it is dead and left no end: it was killed, or its machine was restarted. "
                "Its observations are kept."
            )
        if not reason:
            member.trouble_since = 0.0
            return
        member.trouble_since = member.trouble_since or now
        if now - member.trouble_since >= _SURE:
            member.over = True
            self._waiting.died(now)
            self._tell(Glimpse(member.ref, lost=reason))

    def _tell(self, glimpse: Glimpse) -> None:
        self._news.append(glimpse)
        self.bell.notify_all()


def _is_there(member: Member) -> bool:
    """Whether something of it can be in the spool."""
    return bool(member.sent) or member.elsewhere or member.claimed
