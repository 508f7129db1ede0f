"""Frames with their labels as a step takes them, and the order in which batches come."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.deep_potential.training.checking import is_whole
from aisteer.deep_potential.training.neighbourhoods import Neighbourhoods
from aisteer.deep_potential.training.systems import System
from aisteer.errors import BadDefinition

__all__ = ["BatchOrder", "Labels", "Sample", "batch_sizes"]

Labels = tuple[Tensor | None, Tensor | None, Tensor | None]
Frames = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample:
    """The frames of one system, with their pairs.

    Attributes:
        neighbourhoods: Their pairs.
        energies: Of shape (frames,), or ``None``.
        forces: Of shape (frames, atoms, 3), or ``None``.
        virials: Of shape (frames, 9), or ``None``.
    """

    neighbourhoods: Neighbourhoods
    energies: Tensor | None
    forces: Tensor | None
    virials: Tensor | None

    @classmethod
    def of(cls, system: System, neighbourhoods: Neighbourhoods) -> Sample:
        """From a system and its pairs."""
        virials = None if system.virials is None else system.virials.reshape(-1, 9)
        labels = (system.energies, system.forces, virials)
        return cls(
            neighbourhoods,
            *(None if a is None else torch.from_numpy(np.ascontiguousarray(a)) for a in labels),
        )

    def __len__(self) -> int:
        return len(self.neighbourhoods)

    @property
    def atoms(self) -> int:
        """Of one frame."""
        return len(self.neighbourhoods.types)

    def labels(self, frames: Frames) -> Labels:
        """Energies, forces and virials of some frames."""
        where = torch.from_numpy(frames)
        energies, forces, virials = (
            None if part is None else part[where] for part in (self.energies, self.forces, self.virials)
        )
        return energies, forces, virials


def batch_sizes(rule: int | str | Sequence[int], atoms: Sequence[int]) -> list[int]:
    """Frames in a batch of each system, by deepmd-kit's rules.

    Args:
        rule: A number, one for each system, "auto" (as many as make 32 atoms or more), "auto:N", or
            "max:N" (at most N).
        atoms: Of one frame of each system.
    """
    if isinstance(rule, str):
        kind, _, number = rule.partition(":")
        if kind not in {"auto", "max"} or not (rule == "auto" or (number.isdecimal() and int(number) > 0)):
            raise BadDefinition(
                f'batch_size is a number, a list of them, "auto", "auto:N" or "max:N", not {rule!r:.40}.'
            )
        wanted = int(number or 32)
        return [math.ceil(wanted / n) if kind == "auto" else max(1, wanted // n) for n in atoms]
    sizes: list[Any] = list(rule) if isinstance(rule, list | tuple) else [rule] * len(atoms)
    if len(sizes) != len(atoms) or not all(is_whole(size, 1) for size in sizes):
        raise BadDefinition(
            f"batch_size is {rule!r:.60} for {len(atoms)} systems; it is a positive number, or one for each system."
        )
    return [int(size) for size in sizes]


class BatchOrder:
    """Which frames come next: a system by chance, of its frames each once before any comes again.

    Args:
        frames: How many each system has.
        sizes: Frames in a batch of each system.
        seed: Of the order.
        uniform: Draw systems with equal chances, not by how many batches they have.
    """

    def __init__(
        self, frames: Sequence[int], sizes: Sequence[int], seed: Sequence[int], *, uniform: bool = False
    ) -> None:
        self._frames, self._sizes = list(frames), list(sizes)
        batches = np.array([math.ceil(n / size) for n, size in zip(frames, sizes, strict=True)], dtype=float)
        self._chances = np.full(len(batches), 1 / len(batches)) if uniform else batches / batches.sum()
        self._generator = np.random.default_rng(list(seed))
        self._left: list[Frames] = [np.zeros(0, dtype=np.int64) for _ in frames]

    def take(self) -> tuple[int, Frames]:
        """A system, and frames of it."""
        system = int(self._generator.choice(len(self._frames), p=self._chances))
        if not len(self._left[system]):
            self._left[system] = self._generator.permutation(self._frames[system])
        size = self._sizes[system]
        chosen, self._left[system] = self._left[system][:size], self._left[system][size:]
        return system, chosen

    def state(self) -> str:
        """Where it is, as JSON."""
        left = [part.tolist() for part in self._left]
        return json.dumps({"generator": self._generator.bit_generator.state, "left": left})

    def restore(self, state: str) -> None:
        """Go on from there."""
        found = json.loads(state)
        self._generator.bit_generator.state = found["generator"]
        self._left = [np.array(part, dtype=np.int64) for part in found["left"]]
