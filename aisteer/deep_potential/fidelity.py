"""How exact the fast path is, measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from aisteer.deep_potential.chebyshev import fit_series, net_error, s_of
from aisteer.deep_potential.engine import Engine
from aisteer.deep_potential.structures import Frames

__all__ = ["Fidelity", "MemberFidelity", "measure_fidelity"]


@dataclass(frozen=True)
class MemberFidelity:
    """How far one member's series is from its network.

    Attributes:
        net: The largest error of a component of the embedding net over the fitted range.
        net_slope: Likewise of its derivative by s, in Å.
        force: max ‖ΔF‖ in eV/Å on the structures given.
        force_rattled: The same on them with every atom moved at random (0.1 Å).
        force_compressed: The same on them compressed until the nearest pair is at ``r_min``.
    """

    net: float
    net_slope: float
    force: float
    force_rattled: float
    force_compressed: float


@dataclass(frozen=True)
class Fidelity:
    """What :meth:`DeepPotential.fidelity` found.

    Attributes:
        terms: Of each Chebyshev series; ``None`` where the networks themselves are evaluated.
        intervals: How many series follow each other over the fitted range.
        target: The error of a force that was asked for, in eV/Å.
        r_min: In Å; nearer neighbours are left to the networks.
        visits: How many atoms were evaluated with such a neighbour since the model was loaded.
        members: One for each model.
    """

    terms: int | None
    intervals: int
    target: float
    r_min: float
    visits: int
    members: tuple[MemberFidelity, ...]

    @property
    def force(self) -> float:
        """The largest ‖ΔF‖ of all members and structures, in eV/Å."""
        return max(max(m.force, m.force_rattled, m.force_compressed) for m in self.members)


def measure_fidelity(engine: Engine, frames: Iterable[Frames], *, seed: int = 0) -> Fidelity:
    """Compare series and networks, both in double precision."""
    given = list(frames)
    visits = engine.visits
    generator = np.random.default_rng(seed)
    sets = [
        given,
        [_rattled(each, generator) for each in given],
        [_compressed(each, engine) for each in given],
    ]
    errors = [np.max([_force_errors(engine, each) for each in some], axis=0) for some in sets]
    members = tuple(
        MemberFidelity(*_net_errors(engine, number), *(float(some[number]) for some in errors))
        for number in range(len(engine.members))
    )
    engine.visits = visits
    terms, intervals = engine.order or (None, 0)
    return Fidelity(terms, intervals, engine.target, engine.r_min, visits, members)


def _force_errors(engine: Engine, frames: Frames) -> list[float]:
    found = engine.neighbours(frames, overflow="nearest")
    pairs = zip(engine.fast(frames, found, "fp64"), engine.exact(frames, found, double=True), strict=True)
    return [float(np.linalg.norm(ours.forces - theirs.forces, axis=-1).max()) for ours, theirs in pairs]


def _net_errors(engine: Engine, number: int) -> tuple[float, float]:
    if engine.order is None:
        return 0.0, 0.0
    network = engine.doubles[number]
    descriptor = network.description.descriptor
    s_max = s_of(descriptor, engine.r_min)
    errors: list[tuple[float, float]] = []
    for kind in range(len(descriptor.sel)):
        series = fit_series(network, kind, s_max, *engine.order)
        seen = [other for other in range(len(descriptor.sel)) if (kind, other) not in descriptor.excluded]
        errors += [net_error(network, kind, other, s_max, series) for other in seen]
    net, slope = np.max(errors, axis=0)
    return float(net), float(slope)


def _rattled(frames: Frames, generator: np.random.Generator) -> Frames:
    moved = frames.positions + generator.normal(0, 0.1, frames.positions.shape)
    return Frames(moved, frames.cells, frames.periodic, frames.types, frames.shape)


def _compressed(frames: Frames, engine: Engine) -> Frames:
    """Scaled so that the nearest pair is just not nearer than r_min; larger structures are left as they are."""
    found = engine.neighbours(frames, overflow="nearest")
    if not len(found.distance):
        return frames
    factor = min(1.0, 1.0001 * engine.r_min / float(found.distance.min()))
    return Frames(
        frames.positions * factor, frames.cells * factor, frames.periodic, frames.types, frames.shape
    )
