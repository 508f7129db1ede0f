"""Looking at live attempts in a spool that this machine sees."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from aisteer.execution.endpoint import AttemptRef, Glimpse
from aisteer.execution.mirror import Mirror
from aisteer.execution.spool import Spool, Tail
from aisteer.execution.worker.claim import holder_is_dead, holder_lives
from aisteer.execution.worker.command import end_group
from aisteer.execution.worker.files import Json

__all__ = ["Lookout", "Watched"]

_SWEEP = 2.0
"""Seconds in which every live attempt is looked at once, also without a hint; one that is younger is not."""
_SLICES = 8
_SURE = 3.0
"""Seconds for which a holder has to be dead, or a folder gone: its host may be about to write the end."""
_CUT_OFF = 15.0
"""Seconds in which a worker whose folder is gone has noticed, and has interrupted or killed its simulation."""


@dataclass(slots=True)
class Watched:
    """What is known of a live attempt."""

    ref: AttemptRef
    tail: Tail = field(default_factory=Tail)
    claim: Json | None = None
    running: bool = False
    housed: bool = False
    over: bool = False
    length: int = 0
    gap: str = ""
    dead_since: float = 0.0
    lost: str = ""
    released: bool = False
    kept: bool = False
    since: float = field(default_factory=time.monotonic)
    beat: tuple[int | None, float] = (None, 0.0)

    def moving(self, heartbeat: int | None, within: float = 20.0) -> bool:
        """Whether its heartbeat has changed within so many seconds of our own clock."""
        now = time.monotonic()
        if heartbeat != self.beat[0] or not self.beat[1]:
            self.beat = (heartbeat, now)
        return now - self.beat[1] < within


class Lookout:
    """Looks at attempts: those of which there is news at once, all of them now and then.

    Args:
        spool: Where they are.
        ours: Whether the runs are this machine's own, so that what a dead one left running is ended.
        mirror: What was mirrored of streams that we read on from where another driver stopped.
    """

    def __init__(self, spool: Spool, *, ours: bool = False, mirror: Mirror | None = None) -> None:
        self.spool = spool
        self.ours = ours
        self.mirror = mirror
        self.watched: dict[AttemptRef, Watched] = {}
        self._over: list[AttemptRef] = []
        self._slice = 0
        self._sweep_at = 0.0

    def add(self, ref: AttemptRef) -> None:
        """Look after this attempt."""
        if ref not in self.watched:
            self.watched[ref] = Watched(ref)

    @property
    def live(self) -> list[AttemptRef]:
        """Attempts whose end was not seen."""
        return [ref for ref, watched in self.watched.items() if not watched.over]

    @property
    def next_sweep(self) -> float:
        """When the next slice of all attempts is due, monotonic seconds."""
        return self._sweep_at

    def unclaimed(self, age: float) -> list[AttemptRef]:
        """Attempts that we have looked after for so many seconds and of which no claim was seen."""
        born = time.monotonic() - age
        return [r for r, w in self.watched.items() if not (w.over or w.claim) and w.since < born]

    def released(self, ref: AttemptRef) -> None:
        """Nobody executes it any more, as the endpoint knows; its end may be there."""
        watched = self.watched.get(ref)
        if watched is not None:
            watched.released = True

    def lose(self, ref: AttemptRef, reason: str) -> None:
        """Nobody executes it, as the endpoint knows."""
        watched = self.watched.get(ref)
        if watched is not None and not watched.over:
            watched.lost = reason

    def keep(self, ref: AttemptRef) -> None:
        """It is over, and the endpoint keeps its end until the disk takes it."""
        watched = self.watched.get(ref)
        if watched is not None:
            watched.kept = True

    def keep_nothing(self) -> None:
        """Whoever kept ends is gone."""
        for watched in self.watched.values():
            watched.kept = False

    def look(
        self,
        offsets: Mapping[AttemptRef, int],
        ended: Collection[AttemptRef],
        observed: Collection[AttemptRef],
    ) -> list[Glimpse]:
        """What changed of attempts in ``offsets``: of those of which there is news, and of a slice of the rest."""
        self._clear(offsets)
        due = dict.fromkeys(self._due(offsets))
        if ended or due:
            self.spool.books.look()
        found: list[Glimpse] = []
        for ref in {**dict.fromkeys(ended), **dict.fromkeys(observed), **due}:
            if ref in offsets:
                whole = ref in due
                found += self._glimpse(ref, offsets[ref], thorough=whole, end=whole or ref in ended)
        return found

    def _clear(self, offsets: Mapping[AttemptRef, int]) -> None:
        """Forget attempts that are over for the driver as well, and finish reading those that are not."""
        still = []
        for ref in self._over:
            if ref in offsets:
                still.append(ref)
            else:
                self.watched.pop(ref, None)
                self.spool.forget(ref)
        self._over = still

    def _due(self, offsets: Mapping[AttemptRef, int]) -> Iterator[AttemptRef]:
        for ref in self._over:
            if offsets[ref] < self.watched[ref].length:
                yield ref
        now = time.monotonic()
        if now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP / _SLICES
        self._slice = (self._slice + 1) % _SLICES
        for ref in offsets:
            self.add(ref)
        yield from [
            ref
            for ref, watched in list(self.watched.items())[self._slice :: _SLICES]
            if ref in offsets and not watched.over and now - watched.since >= _SWEEP
        ]

    def _glimpse(self, ref: AttemptRef, offset: int, *, thorough: bool, end: bool) -> list[Glimpse]:
        """The attempt as it is now; empty when nothing changed. The end is read first: then the stream is whole."""
        watched = self.watched.get(ref)
        if watched is None:
            watched = self.watched[ref] = Watched(ref)
        ending = self.spool.end(ref, look=False) if end and not watched.over else None
        claim = None
        state = ""
        if watched.claim is None and ending is None:
            claim = watched.claim = self.spool.claim(ref)
            state = "claimed" if claim is not None else ""
        data = b""
        if offset and not watched.tail.prefix and self.mirror is not None:
            watched.tail.remember(offset, self.mirror.path(ref.run, ref.attempt))
        if ending is None or ending["length"] != offset or offset:
            data = self.spool.tail(ref, watched.tail, offset)
        if data and not watched.running:
            watched.running, state = True, "running"
        heartbeat = (
            self.spool.heartbeat(ref) if thorough and watched.claim is not None and ending is None else None
        )
        watched.housed = watched.housed or bool(data) or heartbeat is not None
        if thorough and watched.claim is not None and heartbeat is None:
            heartbeat = 0
        gap, watched.gap = (watched.tail.gap if watched.tail.gap != watched.gap else ""), watched.tail.gap
        lost = (
            ""
            if ending is not None or watched.over
            else watched.lost or (self._lost(watched) if thorough else "")
        )
        if ending is not None or lost:
            watched.over = True
            watched.length = ending["length"] if ending is not None and not watched.tail.gap else 0
            self._over.append(ref)
        if not (data or gap or state or claim or ending or lost or heartbeat is not None):
            return []
        length = max(offset + len(data), watched.length)
        return [Glimpse(ref, data, offset, length, gap, state, claim, heartbeat, ending, lost)]

    def _gone(self, watched: Watched) -> bool:
        """Whether its folder is gone, or the lot that it was handed over in if it never had one."""
        if watched.housed:
            return not os.path.isdir(f"{self.spool.root}/{watched.ref.folder}")
        return self.spool.is_gone(watched.ref)

    def _lost(self, watched: Watched) -> str:
        """Why nobody executes it any more, once that is sure."""
        reason = ""
        sure = _SURE
        if watched.kept:
            return ""
        if watched.claim is not None and holder_is_dead(watched.claim):
            if self.ours:
                end_group(f"{self.spool.root}/{watched.ref.folder}")
            reason = (
                f"The process that executed it ({watched.claim.get('host')}:{watched.claim.get('pid')}) is "
                f"dead and left no end: "
                "it was killed together with its host, or the machine was restarted. Its observations are kept."
            )
        elif self._gone(watched):
            reason = "Its folder in the spool is gone: it was removed or is not mounted. What was mirrored is kept."
            if watched.claim is not None and holder_lives(watched.claim) and not watched.released:
                sure = _CUT_OFF  # no next attempt while this one is still executed
        if not reason:
            watched.dead_since = 0.0
            return ""
        now = time.monotonic()
        watched.dead_since = watched.dead_since or now
        return reason if now - watched.dead_since >= sure and self.spool.end(watched.ref) is None else ""
