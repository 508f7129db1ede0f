"""Which path answers: the series where it is exact enough, the networks where it is not."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from aisteer.deep_potential.chebyshev import ORDERS, can_be_fitted
from aisteer.deep_potential.description import Description
from aisteer.deep_potential.device import DeviceCommittee
from aisteer.deep_potential.exact import ExactNetwork, Pairs, energies_and_gradients
from aisteer.deep_potential.fast import Answer, FastCommittee, Precision
from aisteer.deep_potential.folding import CUTS
from aisteer.deep_potential.neighbours import Neighbours, find_neighbours
from aisteer.deep_potential.skin import SkinList
from aisteer.deep_potential.structures import Frames

__all__ = ["Engine", "Precision"]


class Engine:
    """The networks of a committee, and their series.

    Attributes:
        r_min: In Å: atoms with a neighbour nearer than that are evaluated by the networks.
        target: The largest error of a force, in eV/Å, that the series may make.
        visits: How many atoms had a neighbour below ``r_min`` so far.
    """

    def __init__(self, members: Sequence[Description], *, r_min: float | None, target: float) -> None:
        self.members = tuple(members)
        self.r_min = default_r_min(self.members) if r_min is None else r_min
        self.target = target
        self.visits = 0
        self._fast: dict[Precision, FastCommittee] = {}
        self._on_device: dict[tuple[Precision, torch.device], DeviceCommittee] = {}

    @cached_property
    def networks(self) -> tuple[ExactNetwork, ...]:
        """In the precision that they were trained in."""
        return tuple(ExactNetwork(member).requires_grad_(requires_grad=False) for member in self.members)

    @cached_property
    def doubles(self) -> tuple[ExactNetwork, ...]:
        """In double precision."""
        made = (ExactNetwork(member, double=True) for member in self.members)
        return tuple(network.requires_grad_(requires_grad=False) for network in made)

    @property
    def order(self) -> tuple[int, int] | None:
        """The first (terms, intervals) whose forces on a random structure meet the target; ``None`` where none do."""
        return self._choice[0] if self._choice else None

    @property
    def cut(self) -> float:
        """The largest of the cuts of the features' span with which forces still meet the target."""
        return self._choice[1] if self._choice else 0.0

    @cached_property
    def _choice(self) -> tuple[tuple[int, int], float] | None:
        if not all(can_be_fitted(member.descriptor, self.r_min) for member in self.members):
            return None
        frames = random_structure(self.members[0], self.r_min)
        found = self.neighbours(frames, overflow="nearest")
        truth = self.exact(frames, found, double=True)
        everyone = np.arange(len(found.counts))

        def meets(order: tuple[int, int], cut: float) -> bool:
            answers = FastCommittee(self.doubles, self.r_min, order, cut)(frames, found, everyone)
            errors = [_far(a.forces, t.forces) for a, t in zip(answers, truth, strict=True)]
            return float(np.max(errors)) <= self.target  # of no number nothing is met

        order = next((each for each in ORDERS if meets(each, 0.0)), None)
        if order is None:
            return None
        # The last cut is none at all, of which it is known already.
        return order, CUTS[bisect_left(CUTS[:-1], x=True, key=lambda cut: meets(order, cut))]

    def series(self, precision: Precision) -> FastCommittee:
        """All members with the terms, intervals and features that were chosen."""
        assert self._choice is not None
        if precision not in self._fast:
            self._fast[precision] = FastCommittee(self.doubles, self.r_min, *self._choice, precision)
        return self._fast[precision]

    def neighbours(self, frames: Frames, *, overflow: str, skin: SkinList | None = None) -> Neighbours:
        """Who is near whom; with a skin, from what it keeps."""
        descriptor = self.members[0].descriptor
        if skin is not None:
            return skin.find(frames, descriptor.cutoff, descriptor.sel, overflow=overflow)
        return find_neighbours(frames, descriptor.cutoff, descriptor.sel, overflow=overflow)

    def exact(
        self,
        frames: Frames,
        found: Neighbours,
        *,
        double: bool = False,
        atoms: NDArray[np.int64] | None = None,
    ) -> list[Answer]:
        """By the networks themselves, for all atoms or for some."""
        return [
            _by_network(network, frames, found, atoms)
            for network in (self.doubles if double else self.networks)
        ]

    def on_device(self, precision: Precision, device: torch.device) -> DeviceCommittee:
        """The same on a device that has a number, if its kind has: by Triton's kernels, or in plain torch."""
        assert self._choice is not None
        if (precision, device) not in self._on_device:
            made = DeviceCommittee(self.doubles, self.r_min, *self._choice, precision, device)
            self._on_device[precision, device] = made
        return self._on_device[precision, device]

    def fast(
        self, frames: Frames, found: Neighbours, precision: Precision, device: torch.device | None = None
    ) -> list[Answer]:
        """By the series; by the networks where a neighbour is nearer than ``r_min``, or no order will do."""
        if self.order is None:
            return self.exact(frames, found)
        near = np.unique(found.centre[found.distance < self.r_min])
        self.visits += len(near)
        rest = np.setdiff1d(np.arange(len(found.counts)), near) if len(near) else np.arange(len(found.counts))
        series = self.series(precision) if device is None else self.on_device(precision, device)
        answers = series(frames, found, rest)
        if not len(near):
            return answers
        return [
            Answer(a.atomic + b.atomic, a.forces + b.forces, a.virial + b.virial)
            for a, b in zip(answers, self.exact(frames, found, atoms=near), strict=True)
        ]


def default_r_min(members: Sequence[Description]) -> float:
    """Seven tenths of the least distance in the training data, or 0.6 Å where a model does not say that."""
    known = [member.nearest for member in members if member.nearest is not None]
    return 0.7 * min(known) if len(known) == len(members) else 0.6


def random_structure(member: Description, r_min: float, atoms: int = 48) -> Frames:
    """Random points no nearer than r_min, of the composition and six tenths of the density that ``sel`` is made for."""
    descriptor = member.descriptor
    sel = np.array(descriptor.sel, dtype=float)
    atoms = max(atoms, 2 * len(sel))
    sphere = 4 / 3 * np.pi * descriptor.cutoff**3
    edge = (atoms * sphere / (0.6 * max(1.0, sel.sum()))) ** (1 / 3)
    edge = max(edge, 1.2 * r_min * atoms ** (1 / 3))
    generator = np.random.default_rng(0)
    points: list[NDArray[np.float64]] = []
    for _ in range(100 * atoms):
        point = generator.uniform(0, edge, 3)
        apart = np.array(points).reshape(-1, 3) - point
        apart -= edge * np.round(apart / edge)
        if (np.linalg.norm(apart, axis=1) > r_min).all():
            points.append(point)
        if len(points) == atoms:
            break
    types = np.resize(
        np.repeat(np.arange(len(sel)), np.ceil(8 * sel / max(1.0, sel.max())).astype(int)), len(points)
    )
    types[: len(sel)] = np.arange(len(sel))  # each type at least once
    where = np.array(points)[None]
    return Frames(where, np.eye(3)[None] * edge, (True, True, True), types.astype(np.int64), ())


def _by_network(
    network: ExactNetwork, frames: Frames, found: Neighbours, atoms: NDArray[np.int64] | None
) -> Answer:
    positions = torch.from_numpy(frames.positions.reshape(-1, 3))
    pairs = Pairs.of(found, torch.from_numpy(np.tile(frames.types, len(frames))))
    vectors = positions[pairs.neighbour] - positions[pairs.centre] + torch.from_numpy(found.offset)
    chosen = None if atoms is None else torch.from_numpy(atoms)
    atomic, gradients = energies_and_gradients(network, vectors, pairs, chosen)
    forces = torch.zeros_like(positions)
    forces.index_add_(0, pairs.centre, gradients).index_add_(0, pairs.neighbour, gradients, alpha=-1)
    virial = torch.zeros(len(frames), 9, dtype=torch.float64)
    outer = (gradients[:, :, None] * vectors[:, None, :]).reshape(-1, 9)
    virial.index_add_(0, pairs.centre // len(frames.types), outer, alpha=-1)
    return Answer(atomic.numpy(), forces.numpy(), virial.numpy())


def _far(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(ours - theirs, axis=-1).max())
