"""How large what is sent may be: measured before it is sent, for a batch that is too large ends its sender."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["BATCH", "Parcel", "batches", "in_words", "largest", "measured"]

Json = dict[str, Any]

LIMIT = 10_000_000
"""Bytes of one submission that the web service takes, once everything in it is base64."""
BATCH = LIMIT * 3 // 4 - 500_000
"""Bytes as JSON of all orders in a submission: base64 makes four of three, and a submission says more than them."""
MOST = 128
"""Orders in a submission, as the SDK's Executor puts them together."""
_OVERHEAD = 300


class Parcel:
    """An order and the bytes that it takes in a submission."""

    __slots__ = ("order", "size")

    def __init__(self, order: Json) -> None:
        self.order = order
        self.size = measured(order)


def measured(value: Any) -> int:
    """Bytes that a value takes in a submission: JSON, written as text into JSON."""
    text = json.dumps(value)
    return len(text) + text.count('"') + text.count("\\") + _OVERHEAD


def batches(parcels: Sequence[Parcel], limit: int = BATCH, most: int = MOST) -> Iterator[list[Parcel]]:
    """Parcels in submissions that the service takes, in their order. One that is too large for all is alone."""
    batch: list[Parcel] = []
    size = 0
    for parcel in parcels:
        if batch and (size + parcel.size > limit or len(batch) >= most):
            yield batch
            batch, size = [], 0
        batch.append(parcel)
        size += parcel.size
    if batch:
        yield batch


def largest(value: Json, most: int = 3, depth: int = 3) -> str:
    """In words, what in a request is large: ``parameters.structure (8.1 MB), parameters.cell (20 kB)``."""
    found = sorted(_parts(value, "", depth), reverse=True)[:most]
    return ", ".join(f"{name} ({in_words(size)})" for size, name in found if size * 20 >= found[0][0])


def in_words(size: int) -> str:
    """Bytes as people say them."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def _parts(value: Json, prefix: str, depth: int) -> Iterator[tuple[int, str]]:
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, dict) and depth > 1:
            yield from _parts(item, f"{name}.", depth - 1)
        else:
            yield len(json.dumps(item)), name[:80]
