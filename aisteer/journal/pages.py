"""Many proposals or runs in little memory.

What is live or has just changed is kept as it is; everything else lies in compressed pages of
``PAGE`` values, decoded when somebody looks. The journal names proposals and runs P1, P2, … and
R1, R2, … without a gap, so a name says which page it is on.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from threading import Lock
from typing import Generic, TypeVar

from aisteer.errors import JournalDamaged
from aisteer.journal.rows import pack, unpack
from aisteer.journal.state import Proposal

__all__ = ["PAGE", "Paged", "PagedProposals"]

PAGE = 256
DECODED = 8
V = TypeVar("V")


class Paged(MutableMapping[str, V], Generic[V]):
    """Values by name, in the order of their numbers.

    Reading is safe from any thread; one thread at a time may write.

    Args:
        kind: ``P`` for proposals, ``R`` for runs: the first letter of the names.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.pages: list[bytes] = []
        self.changed: list[int] = []  # per page, the position at which it was last packed anew
        self.count = 0
        self._hot: dict[str, V] = {}
        self._dirty: set[str] = set()
        self._decoded: OrderedDict[int, tuple[bytes, list[V]]] = OrderedDict()
        self._lock = Lock()

    @property
    def unsettled(self) -> int:
        """How many values have changed since they were last packed."""
        return len(self._dirty)

    def _number(self, name: str) -> int:
        """The number in ``name``; 0 when it is none of ours."""
        digits = name[1:]
        if name[:1] != self.kind or not (digits.isascii() and digits.isdigit()) or digits[0] == "0":
            return 0
        return int(digits)

    def __getitem__(self, name: str) -> V:
        found = self._hot.get(name)
        if found is not None:
            return found
        number = self._number(name)
        if not 1 <= number <= self.count:
            raise KeyError(name)
        page, place = divmod(number - 1, PAGE)
        values = self._page(page)
        if place < len(values):
            return values[place]
        return self._hot[name]  # packed in between, on another thread

    def __setitem__(self, name: str, value: V) -> None:
        if name not in self._hot:
            number = self._number(name)
            if number == self.count + 1:
                self.count = number
            elif not 1 <= number <= self.count:
                message = (
                    f"The journal names {name!r} after {self.kind}{self.count}: an event between them is missing. "
                    "Restore the journal from a copy; the spool still has what the runs wrote."
                )
                raise JournalDamaged(message, name=name)
        self._hot[name] = value
        self._dirty.add(name)

    def __delitem__(self, name: str) -> None:
        raise TypeError("Proposals and runs are never removed from a journal.")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._hot or 1 <= self._number(name) <= self.count)

    def __iter__(self) -> Iterator[str]:
        kind = self.kind
        return (f"{kind}{number}" for number in range(1, self.count + 1))

    def __len__(self) -> int:
        return self.count

    def _page(self, page: int) -> list[V]:
        if page >= len(self.pages):
            return []
        packed = self.pages[page]
        with self._lock:
            known = self._decoded.get(page)
            if known is not None and known[0] is packed:
                self._decoded.move_to_end(page)
                return known[1]
        try:
            values: list[V] = unpack(self.kind, packed)
        except (ValueError, TypeError, LookupError, zlib.error) as error:
            raise JournalDamaged(f"A page of the journal's snapshot cannot be read ({error}).") from error
        with self._lock:
            self._decoded[page] = (packed, values)
            while len(self._decoded) > DECODED:
                self._decoded.popitem(last=False)
        return values

    def settle(self, position: int, keep: set[str]) -> None:
        """Pack what has changed; only the values named in ``keep`` stay unpacked.

        Args:
            position: The journal's position now.
            keep: Names that will change or be looked at soon.
        """
        touched = sorted({(self._number(name) - 1) // PAGE for name in self._dirty})
        for page in touched:
            self._pack(page, position)
        self._dirty.clear()
        for name in [name for name in self._hot if name not in keep]:
            del self._hot[name]

    def _pack(self, page: int, position: int) -> None:
        values = list(self._page(page))
        first = page * PAGE + 1
        for place in range(min(PAGE, self.count - page * PAGE)):
            hot = self._hot.get(f"{self.kind}{first + place}")
            if hot is None:
                continue
            if place < len(values):
                values[place] = hot
            else:
                values.append(hot)
        packed = pack(self.kind, values)
        if page < len(self.pages):
            self.pages[page], self.changed[page] = packed, position
        else:
            self.pages.append(packed)
            self.changed.append(position)

    def load(self, pages: list[bytes], count: int) -> None:
        """Start from the pages of a snapshot.

        Raises:
            JournalDamaged: They are not as many as ``count`` values need.
        """
        if len(pages) != -(-count // PAGE):
            raise JournalDamaged("The journal's snapshot lacks a page.")
        with self._lock:
            self.pages, self.changed, self.count = pages, [0] * len(pages), count
            self._hot, self._dirty = {}, set()
            self._decoded.clear()


class PagedProposals(Paged[Proposal]):
    """Proposals in pages, with an index of their points.

    Args:
        search: Names of the proposals whose point may have one of some keys.
    """

    def __init__(self, search: Callable[[Iterable[str]], Iterable[str]]) -> None:
        super().__init__("P")
        self._search = search

    def alike(self, keys: Iterable[str]) -> Iterable[Proposal]:
        """The proposals whose point may have one of ``keys``."""
        return [self[name] for name in self._search(keys)]
