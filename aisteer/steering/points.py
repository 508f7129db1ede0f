"""Which points of a task are the same, and which are taken."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aisteer.steering.protocols import Evidence, Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aisteer.steering.domains import Domain

__all__ = ["Key", "placed", "point_key", "taken_points"]

Key = tuple[Any, ...]


def point_key(names: Iterable[str], point: Json) -> Key:
    """What makes two points of a task the same; controls beside the parameters do not count."""
    return tuple(point.get(name) for name in names)


def taken_points(evidence: Evidence, names: Sequence[str]) -> set[Key]:
    """Points that have run, run, wait to run, wait for a decision, failed or were marked bad."""
    points: Iterator[Json] = itertools.chain(
        (d.parameters for d in evidence.data),
        (d.parameters for d in evidence.censored),
        evidence.failed,
        evidence.bad,
        evidence.pending,
        (parameters for _, parameters in evidence.waiting),
    )
    return {point_key(names, point) for point in points}


def placed(domain: Domain, point: Json) -> NDArray[np.float64] | None:
    """The inputs of one point, shape ``(d,)``; ``None`` where a redefinition has left it behind."""
    try:
        found: NDArray[np.float64] = domain.encode([point])[0]
    except (KeyError, StopIteration):
        return None
    return found
