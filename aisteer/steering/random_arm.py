"""The seeded random arm: what a campaign is compared with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from aisteer.journal.commands import Draft
from aisteer.problem.pool import Pool
from aisteer.problem.regions import ruled_out
from aisteer.problem.space import Space
from aisteer.steering.points import Key, point_key, taken_points
from aisteer.steering.protocols import Batch, Evidence, Json
from aisteer.steering.restraint import settings_of

__all__ = ["RandomArm"]

_CHUNK = 256
_MISSES = 4096
"""Draws in a row that were made before, after which a box counts as used up."""


class RandomArm:
    """Draws uniformly from the space; each candidate of a pool once.

    The sequence depends on the seed alone. What has been drawn is recognised by its parameters, so after a
    restart the same arm goes on, and a draw that was rejected is not drawn again.
    """

    name = "random"

    def __init__(self, space: Space | Pool, seed: int) -> None:
        self.space = space
        self.seed = seed
        self._drawn: list[Json] = []
        self._source = self._pool() if isinstance(space, Pool) else self._box()
        self._settled = 0

    def _pool(self) -> Iterator[Json]:
        assert isinstance(self.space, Pool)
        keys = self.space.keys
        for place in np.random.default_rng([self.seed, 1]).permutation(len(keys)):
            yield self.space.point(keys[int(place)])

    def _box(self) -> Iterator[Json]:
        for chunk in itertools.count():
            # A chunk of its own generator: the sequence does not depend on how many are asked for at once.
            yield from self.space.sample(_CHUNK, np.random.default_rng([self.seed, 2, chunk]))

    def propose(self, evidence: Evidence, n: int) -> Batch:
        """The next ``n`` draws of the sequence; fewer when a pool, or a box of few points, is used up."""
        names = self.space.names
        taken = taken_points(evidence, names)
        taken |= {point_key(names, parameters) for parameters, _ in evidence.rejected}
        drafts: list[Draft] = []
        settings = settings_of(evidence)
        pins = {} if isinstance(self.space, Pool) else settings.get("pinned") or {}
        place, misses = self._skip(taken), 0
        while len(drafts) < n and misses < _MISSES:
            point = self._draw(place)
            if point is None:
                break
            point = {**point, **pins}
            key = point_key(names, point)
            misses += 1
            if key not in taken and not ruled_out(self.space, settings, point):
                taken.add(key)
                misses = 0
                reason = {"kind": "random", "seed": self.seed, "draw": place + 1}
                drafts.append(Draft(task=evidence.task, parameters=point, origin="random", reasons=[reason]))
            place += 1
        return Batch(drafts)

    def _skip(self, taken: set[Key]) -> int:
        """The first draw that may not have been made; draws before it are never looked at again."""
        while self._settled < len(self._drawn):
            if point_key(self.space.names, self._drawn[self._settled]) not in taken:
                break
            self._settled += 1
        return self._settled

    def _draw(self, place: int) -> Json | None:
        while len(self._drawn) <= place:
            point = next(self._source, None)
            if point is None:
                return None
            self._drawn.append(dict(point))
        return self._drawn[place]
