"""The fast path on any device with double precision: the same series and folded layers, all members in one batch.

On a GPU the loops over neighbours are kernels in Triton, which PyTorch brings along there; elsewhere, and where these
do not run, they are plain torch. On a CPU the compiled loops of :mod:`aisteer.deep_potential.fast` are several
times as fast.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from importlib.util import find_spec
from threading import Lock
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.deep_potential.batched import Batch, Passes
from aisteer.deep_potential.chebyshev import fit_series, s_of
from aisteer.deep_potential.eager import EagerLoops, EagerPasses
from aisteer.deep_potential.exact import ExactNetwork
from aisteer.deep_potential.fast import PRECISIONS, Answer, Precision, starts_of
from aisteer.deep_potential.fitting import Room
from aisteer.deep_potential.folding import fold
from aisteer.deep_potential.kernels import Pairs, Weight
from aisteer.deep_potential.neighbours import Neighbours
from aisteer.deep_potential.structures import Frames
from aisteer.errors import BadModel

__all__ = ["DeviceCommittee", "device_of", "has_kernels"]

_BLOCK = 2048
"""Atoms at once in plain torch: with a hundred neighbours and 32 terms some hundred MB."""

_KERNEL_BLOCK = 8192
"""Atoms at once by kernels, which keep of a pair but what it pulls with: with four stock models some 800 MB."""

Integers = NDArray[np.int64]


class Loops(Protocol):
    """The two loops over neighbours; see ``EagerLoops``."""

    def moments(self, atoms: Integers, scalars: Tensor, vectors: Tensor) -> None: ...
    def spread(self, by_scalars: Tensor, by_vectors: Tensor, first: int) -> None: ...
    def sums(self) -> tuple[Tensor, Tensor]: ...


def device_of(name: str | None, *, exact: bool) -> torch.device | None:
    """The device of that name with the number that it has now, or ``None`` for the compiled loops.

    Raises:
        BadModel: There is no such device, or none with double precision, or the networks themselves are wanted there.
    """
    if name is None:
        return None
    if exact:
        raise BadModel("The networks themselves are evaluated on the CPU. Leave out device, or exact=True.")
    try:
        number = torch.zeros(1, dtype=torch.float64, device=torch.device(name))
        number.cpu()
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise BadModel(
            f"There is no device {name!r:.40} with double precision here: {str(error).splitlines()[0]:.200} "
            "Without device= the CPU is taken."
        ) from error
    # "cuda" is another GPU after torch.cuda.set_device; what is on a GPU stays there.
    return number.device


@cache
def has_kernels(device: torch.device) -> bool:
    """Whether Triton's kernels run there: on a GPU, where Triton is installed and each of them has run once.

    With ``TRITON_INTERPRET=1`` they run on the CPU too, very slowly: that is how they are tested without a GPU.

    Raises:
        torch.OutOfMemoryError: There is no memory for that now, which says nothing of later.
    """
    if device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return False
    if find_spec("triton") is None:
        return False
    try:
        from aisteer.deep_potential.triton_loops import try_kernels

        with _current(device):
            try_kernels(device)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # noqa: BLE001  whatever it lacks, plain torch answers the same
        why = " ".join(str(error).split())
        warnings.warn(
            f"Triton's kernels do not run on {device} ({type(error).__name__}: {why:.200}). The same is computed in "
            "plain PyTorch, which takes longer; Triton mostly lacks a C compiler, such as gcc.",
            stacklevel=2,
        )
        return False
    return True


class DeviceCommittee:
    """All members on one device; arguments and answers as of :class:`FastCommittee`.

    Args:
        networks: In double precision.
        r_min: Neighbours nearer than this, in Å, are not to be given.
        order: How many terms a series has, and how many intervals there are.
        cut: Which products of features are left out.
        precision: Of the loops over neighbours and of the matrix products.
        device: Where all this is computed.
        kernels: Whether by Triton's kernels; by default wherever they run.
    """

    def __init__(  # noqa: PLR0917  as FastCommittee has them
        self,
        networks: tuple[ExactNetwork, ...],
        r_min: float,
        order: tuple[int, int],
        cut: float,
        precision: Precision,
        device: torch.device,
        *,
        kernels: bool | None = None,
    ) -> None:
        descriptor = networks[0].description.descriptor
        self._terms, self._intervals = order
        self._types = len(descriptor.sel)
        self._device = device
        self._series_dtype, dtype = PRECISIONS[precision]
        self._tempted = device.type == "cuda" and dtype == torch.float32  # to TF32
        s_max = s_of(descriptor, r_min)
        shifts = np.tile(2.0 * np.arange(self._intervals)[::-1] + 1, self._types)
        self._weight = Weight(descriptor.cutoff, descriptor.smooth_from, 2 * self._intervals / s_max, shifts)
        self._kernels = has_kernels(device) if kernels is None else kernels
        passes: Passes = EagerPasses()
        if self._kernels:
            from aisteer.deep_potential.triton_loops import TritonPasses

            passes = TritonPasses()
        alike = _alike(networks)
        # Answers are of the members in the order of their batches; who is where.
        self._order = np.argsort([number for batch in alike for number in batch])
        self._batches: list[list[Batch]] = []
        for batch in alike:
            some = [networks[number] for number in batch]
            made = []
            for kind in range(self._types):
                nets = [each.description.fitting.networks[kind] for each in some]
                folded = [
                    fold(fit_series(each, kind, s_max, *order), net[0], each.description.descriptor.axis, cut)
                    for each, net in zip(some, nets, strict=True)
                ]
                biases = [float(each.description.bias[kind]) for each in some]
                made.append(Batch(folded, nets, biases, dtype, device, passes))
            self._batches.append(made)
        self._rooms: list[Room] = []

    def __call__(self, frames: Frames, found: Neighbours, atoms: Integers) -> list[Answer]:
        """What each member says, for the energies of `atoms` alone (numbers through all frames)."""
        with _current(self._device), FULL_PRODUCTS if self._tempted else nullcontext():
            return self._answers(frames, found, atoms)

    def _answers(self, frames: Frames, found: Neighbours, atoms: Integers) -> list[Answer]:
        types = np.tile(frames.types, len(frames))[atoms]
        room = self._room()
        start = starts_of(found, self._weight, self._intervals)
        pairs = Pairs(start, found.neighbour, found.offset, frames.positions.reshape(-1, 3))
        loops = self._loops(pairs, len(frames.types), room, everyone=len(atoms) == len(found.counts))
        atomic = torch.zeros(len(self._order), len(found.counts), dtype=torch.float64, device=self._device)
        block = _KERNEL_BLOCK if self._kernels else _BLOCK
        for kind in range(self._types):
            alike = atoms[types == kind]
            for begin in range(0, len(alike), block):
                some = alike[begin : begin + block]
                self._evaluate(loops, kind, some, found.counts[some], atomic, room)
        parts = [each.to("cpu", copy=True).numpy() for each in (atomic, *loops.sums())]
        answers = [Answer(*each) for each in zip(*parts, strict=True)]
        self._rooms.append(room)
        return [answers[place] for place in self._order]

    def _room(self) -> Room:
        try:
            return self._rooms.pop()
        except IndexError:  # none is free; asking first would not be safe where several threads evaluate
            return Room(self._device)

    def _loops(self, pairs: Pairs, frame_size: int, room: Room, *, everyone: bool) -> Loops:
        given = pairs, self._weight, len(self._order), frame_size, self._device
        if not self._kernels:
            return EagerLoops(*given)
        from aisteer.deep_potential.triton_loops import TritonLoops

        return TritonLoops(*given, room=room, everyone=everyone)

    def _evaluate(  # noqa: PLR0917
        self, loops: Loops, kind: int, atoms: Integers, counts: Integers, atomic: Tensor, room: Room
    ) -> None:
        """Add what atoms of one type contribute."""
        size, number = len(atoms), len(self._weight.shifts) * self._terms
        scalars = room.take("scalars", size, number + self._types + 1, dtype=self._series_dtype)
        vectors = room.take("vectors", 3, size, number, dtype=self._series_dtype)
        scalars[:, number:-1] = torch.from_numpy(counts).to(self._device)
        scalars[:, -1] = 1
        loops.moments(atoms, scalars, vectors)
        where = torch.from_numpy(atoms).to(self._device)
        first = 0
        for batch in self._batches:
            energies, by_scalars, by_vectors = batch[kind](scalars, vectors, room)
            atomic[first : first + len(energies), where] = energies
            loops.spread(by_scalars, by_vectors, first)
            first += len(energies)


def _current(device: torch.device) -> AbstractContextManager[object]:
    """Triton takes the GPU that is the current one, whatever its arguments are on."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


class _FullProducts:
    """While a thread is in it, a GPU's matrix products in single precision have all its bits, and not TF32's eleven.

    PyTorch has one setting for all threads. So the first to come changes it, and the last to go changes it back.
    """

    def __init__(self) -> None:
        self._lock, self._within = Lock(), 0
        self._restore: Callable[[], object] = nullcontext

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._restore = _leave_tf32()
            self._within += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._within -= 1
            if not self._within:
                self._restore()


def _leave_tf32() -> Callable[[], object]:
    """Answer with what brings it back."""
    matmul = torch.backends.cuda.matmul
    if matmul.fp32_precision != "tf32":
        return nullcontext
    try:
        was = torch.get_float32_matmul_precision()
    except RuntimeError:  # it was set by `fp32_precision`, and PyTorch refuses to have both ways mixed
        matmul.fp32_precision = "ieee"
        return partial(setattr, matmul, "fp32_precision", "tf32")
    torch.set_float32_matmul_precision("highest")
    return partial(torch.set_float32_matmul_precision, was)


FULL_PRODUCTS = _FullProducts()


def _alike(networks: Sequence[ExactNetwork]) -> list[list[int]]:
    """Numbers of members whose fitting nets are as wide as each other's."""
    found: dict[object, list[int]] = {}
    for number, network in enumerate(networks):
        nets = network.description.fitting.networks
        found.setdefault(tuple(tuple(len(x.bias) for x in net) for net in nets), []).append(number)
    return list(found.values())
