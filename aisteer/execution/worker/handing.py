"""Many requests at once: who writes and finds lots, which spare a short run a folder of its own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Sequence

from . import files, lots
from .files import Json
from .lots import Spot


class Handing:
    """Puts requests into lots, and finds them again.

    Args:
        root: The spool's root.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._places: dict[str, Spot] = {}
        self._lots = lots.Lots(root)
        self._searched: list[str] = []
        self._absent: set[str] = set()
        """Attempts that stand in none of the lots in ``_searched``."""

    def put(self, requests: Sequence[Json]) -> list[Spot]:
        """Write requests with the same keys as one lot, or as several if they are large; where each of them stands.

        Raises:
            OSError, ValueError, TypeError: Something could not be written; ``holds`` knows what was. ``lots.TooLarge``
                is a request that nobody would read.
        """
        data, where = lots.compose(requests)
        if len(requests) == 1:
            lots.check_size(requests[0], len(data))
        if len(data) > lots.LARGEST:
            half = len(requests) // 2
            return self.put(requests[:half]) + self.put(requests[half:])
        name = uuid.uuid4().hex
        files.write_whole(lots.path_of(self.root, name), data)
        places = [(name, offset, length) for offset, length in where]
        for request, place in zip(requests, places):
            self._places[f"{request['uuid']}-{request['attempt']}"] = place
        return places

    def place(self, key: str) -> Spot | None:
        """Where the attempt's request stands, as far as that was written or found here."""
        return self._places.get(key)

    def find(self, wanted: Collection[str]) -> None:
        """Look for requests of these attempts in all lots: another driver may have written them."""
        missing = {key for key in wanted if key not in self._places}
        if not missing:
            return
        names = self.names()
        if names != self._searched:
            self._searched = names
            self._absent.clear()
        missing -= self._absent
        readable = True
        for name in names if missing else ():
            content = self.content(name)
            readable = readable and bool(content)
            for key, offset, length in lots.entries(content):
                if key in missing:
                    self._places[key] = (name, offset, length)
        if readable:
            self._absent.update(key for key in missing if key not in self._places)

    def request(self, key: str) -> Json | None:
        """The request of an attempt whose place is known."""
        place = self._places.get(key)
        return None if place is None else self._lots.read(key, place)

    def holds(self, key: str) -> bool:
        """Whether the attempt's request stands in a lot that is there now."""
        place = self._places.get(key)
        return place is not None and os.path.lexists(lots.path_of(self.root, place[0]))

    def forget(self, key: str) -> None:
        """The attempt is over."""
        self._places.pop(key, None)

    def names(self) -> list[str]:
        """The lots that are there."""
        try:
            found = os.listdir(os.path.join(self.root, "lots"))
        except OSError:
            return []
        return sorted(name[:-6] for name in found if name.endswith(".jsonl"))

    def content(self, name: str) -> bytes:
        """All of a lot; empty when it cannot be read."""
        return files.read(lots.path_of(self.root, name), lots.LARGEST) or b""

    def remove(self, name: str) -> None:
        """Remove a lot of which every attempt is over and packed."""
        files.remove(lots.path_of(self.root, name))

    def close(self) -> None:
        """Let go of the file that is open."""
        self._lots.close()
