"""What is to be written at an endpoint, in the order in which it goes there, until a request takes it along."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Letter", "Letters"]

Json = dict[str, Any]

_LARGEST = 4_000_000
"""Bytes of orders that go in one request."""
_MOST = 2000
"""Orders in one request: the worker refuses what has more than some thousands."""


@dataclass(slots=True)
class Letter:
    """Orders that travel together.

    Attributes:
        orders: What is to be done.
        size: Bytes, about.
        where: The root as people write it, where it is to be made.
        answer: One answer for each order.
    """

    orders: list[Json]
    size: int = 0
    where: str = ""
    answer: Future[list[Json]] = field(default_factory=Future)


class Letters:
    """Letters that wait, for all threads."""

    def __init__(self) -> None:
        self._waiting: list[Letter] = []
        self._lock = threading.Lock()

    def add(self, letter: Letter) -> None:
        """One more; one that makes the root goes before all others, for which there is no place until it is made."""
        with self._lock:
            self._waiting.insert(0 if letter.where else len(self._waiting), letter)

    def again(self, letters: Sequence[Letter]) -> None:
        """These did not get there, or no answer came back: they go first. One that says nothing is let go of."""
        with self._lock:
            self._waiting[:0] = [letter for letter in letters if letter.orders]

    def take(self, *, rooted: bool) -> list[Letter]:
        """What fits into one request.

        Args:
            rooted: Whether the root was made; else only the letter that makes it can go.
        """
        taken: list[Letter] = []
        size = orders = 0
        with self._lock:
            while self._waiting:
                letter = self._waiting[0]
                if not (rooted or letter.where):
                    break
                more = orders + len(letter.orders) > _MOST or size + letter.size > _LARGEST
                if taken and (letter.where or more):
                    break
                taken.append(self._waiting.pop(0))
                size, orders = size + letter.size, orders + len(letter.orders)
                if letter.where:
                    break
        return taken
