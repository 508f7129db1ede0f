"""The loss of energies, forces and virials as deepmd-kit defines it, and its schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["LearningRate", "Loss", "Slopes", "Weights"]


@dataclass(frozen=True)
class LearningRate:
    """A learning rate that falls exponentially, in stairs unless ``smooth``.

    With s = ``decay_steps`` and T = ``steps`` it is η(t) = max(η₀ r^⌊t/s⌋, η_T), and r = (η_T / η₀)^(s/T).

    Attributes:
        start: η₀.
        stop: What it has fallen to after all steps.
        decay_steps: How wide a stair is; where it is not below ``steps``, a hundredth of these is taken, or 100.
        steps: Of the whole training.
        smooth: Without the floor.
        rate: r, where it is given and not taken from ``stop``.
    """

    start: float
    stop: float
    decay_steps: int
    steps: int
    smooth: bool = False
    rate: float | None = None

    @property
    def stair(self) -> int:
        """The width that is used."""
        if self.decay_steps < self.steps or self.rate is not None:
            return self.decay_steps
        return 100 if self.steps // 10 > 100 else self.steps // 100 + 1

    def at(self, step: int) -> float:
        """Of a step, counted from zero."""
        if self.steps == 0:
            return self.start
        rate = self.rate
        if rate is None:
            rate = math.exp(math.log(max(self.stop, 1e-10) / self.start) / (self.steps / self.stair))
        exponent = step / self.stair if self.smooth else float(step // self.stair)
        return max(float(self.start * rate**exponent), self.stop)


@dataclass(frozen=True)
class Weights:
    """What energies, forces and virials weigh in the loss."""

    energy: float
    force: float
    virial: float


@dataclass(frozen=True)
class Loss:
    """Prefactors that go with the learning rate: limit + (start − limit) · η(t) / η₀.

    Attributes:
        start: At the first step.
        limit: What they would be at a learning rate of zero. A term with a zero at either end is left out, as
            deepmd-kit does.
        intensive: Divide squares of energies and virials by N² and not by N (``intensive_ener_virial``).
    """

    start: Weights
    limit: Weights
    intensive: bool = False

    def weights(self, share: float) -> Weights:
        """At the learning rate η = share · η₀."""

        def between(start: float, limit: float) -> float:
            return limit + (start - limit) * share if start != 0 and limit != 0 else 0.0

        return Weights(
            between(self.start.energy, self.limit.energy),
            between(self.start.force, self.limit.force),
            between(self.start.virial, self.limit.virial),
        )


@dataclass(eq=False)
class Slopes:
    """The losses of all members on one batch, and their slopes by what the members said.

    With N atoms, averages over frames, atoms and components: L = p_e ⟨ΔE²⟩ / N + p_f ⟨ΔF²⟩ + p_v ⟨ΔΞ²⟩ / N.

    Attributes:
        losses: Of shape (members,).
        by_energies: Of shape (members, frames).
        by_forces: Of shape (members, frames, atoms, 3).
        by_virial: Of shape (members, frames, 9).
    """

    losses: Tensor
    by_energies: Tensor
    by_forces: Tensor
    by_virial: Tensor

    @classmethod
    def of(
        cls,
        weights: Weights,
        energies: Tensor,
        forces: Tensor,
        virial: Tensor,
        labels: tuple[Tensor | None, Tensor | None, Tensor | None],
        *,
        intensive: bool = False,
    ) -> Slopes:
        """A label that is not there counts nothing.

        Args:
            weights: Prefactors of this step.
            energies: Of shape (members, frames).
            forces: Of shape (members, frames, atoms, 3).
            virial: Of shape (members, frames, 9).
            labels: Energies, forces and virials without the axis of members.
            intensive: See :class:`Loss`.
        """
        atoms = forces.shape[2]
        norm = 1 / atoms**2 if intensive else 1 / atoms
        losses = torch.zeros(len(energies), dtype=torch.float64)
        found = []
        parts = (
            (weights.energy * norm, energies, labels[0]),
            (weights.force, forces, labels[1]),
            (weights.virial * norm, virial, labels[2]),
        )
        for weight, said, label in parts:
            if label is None or weight == 0:
                found.append(torch.zeros_like(said))
                continue
            off = (said - label).flatten(1)
            losses += weight * (off * off).mean(1)
            found.append((off * (2 * weight / off.shape[1])).view(said.shape))
        return cls(losses, *found)
