"""The steps of a training, without files and displays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aisteer.deep_potential.chebyshev import s_of
from aisteer.deep_potential.description import Description
from aisteer.deep_potential.training.batches import BatchOrder, Labels, Sample
from aisteer.deep_potential.training.committee_pass import CommitteePass
from aisteer.deep_potential.training.loss import LearningRate, Loss, Slopes
from aisteer.deep_potential.training.neighbourhoods import Loops
from aisteer.deep_potential.training.record import CurvePoint, Errors
from aisteer.deep_potential.training.series import TERMS, SeriesOfNets
from aisteer.deep_potential.training.settings import Adam
from aisteer.deep_potential.training.stack import Stack
from aisteer.errors import TrainingDiverged

__all__ = ["Trainer", "TrainingPlan"]

_SERIES_ERROR = {"float64": 1e-5, "float32": 3e-3}
_LOOK_AT_SERIES = 100
"""Steps after which it is asked again whether the series are exact enough: nets bend more as they learn."""

_ATOMS_AT_ONCE = 512
_ATOMS_ON_THE_WAY = 1024  # of the validation set, for a point of the curve


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """Everything that a training depends on.

    Attributes:
        members: The committee before its first step.
        training: What is trained on.
        validation: What is not.
        nearest: The least distance in all of these by the types of centre and neighbour, in Å; of shape (types, types).
        rate: The learning rate; it knows the number of steps.
        loss: The loss.
        adam: The optimizer.
        sizes: Frames in a batch of each system.
        uniform: Whether systems are drawn with equal chances.
        seed: Of the order of batches.
    """

    members: tuple[Description, ...]
    training: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    nearest: NDArray[np.float64]
    rate: LearningRate
    loss: Loss
    adam: Adam
    sizes: tuple[int, ...]
    uniform: bool
    seed: int


class Trainer:
    """A committee in training.

    Attributes:
        step: How many steps were taken.
        stack: The weights.
        terms: Of the series of the embedding nets.
    """

    def __init__(self, plan: TrainingPlan) -> None:
        self._plan = plan
        self.step = 0
        self.stack = Stack(plan.members)
        for layer in self.stack.embedding:
            for tensor in layer.tensors():
                tensor.requires_grad_()
        self._descriptor = plan.members[0].descriptor
        self._s_max = np.vectorize(lambda r: s_of(self._descriptor, r))(plan.nearest)
        self._tolerance = _SERIES_ERROR[self._descriptor.precision]
        self.terms = TERMS[0]
        self._series = SeriesOfNets(self.stack, self._s_max, self.terms)
        self._order = BatchOrder(
            [len(each) for each in plan.training], plan.sizes, [plan.seed, 0xBA7C], uniform=plan.uniform
        )
        self._adam = torch.optim.Adam(
            self.stack.tensors(),
            lr=plan.rate.at(0),
            betas=(plan.adam.beta1, plan.adam.beta2),
            weight_decay=plan.adam.weight_decay,
            fused=True,
        )

    def advance(self, *, look: bool = False) -> CurvePoint | None:
        """One step; where ``look`` is set, what there is to see at it.

        Raises:
            TrainingDiverged: A loss is not finite.
        """
        if self.step % _LOOK_AT_SERIES == 0:
            self._fit_terms()
        rate = self._plan.rate.at(self.step)
        number, frames = self._order.take()
        sample = self._plan.training[number]
        labels = sample.labels(frames)
        seen = self._forward(sample, frames)
        weights = self._plan.loss.weights(rate / self._plan.rate.start)
        slopes = Slopes.of(
            weights, seen.energies, seen.forces, seen.virial, labels, intensive=self._plan.loss.intensive
        )
        if not bool(torch.isfinite(slopes.losses).all()):
            raise TrainingDiverged(
                f"At step {self.step} the loss of member {int((~torch.isfinite(slopes.losses)).nonzero()[0])} is not "
                "finite any more. What was saved before stands. Look for outliers in the labels, or begin with a "
                "smaller learning rate (start_lr).",
                step=self.step,
            )
        seen.gradient(slopes.by_energies, slopes.by_forces, slopes.by_virial)
        for group in self._adam.param_groups:
            group["lr"] = rate
        self._adam.step()
        self.step += 1
        if not look:
            return None
        training = _errors([_squares(seen, labels, sample.atoms)])
        on_the_way = (
            self.errors(self._plan.validation, atoms=_ATOMS_ON_THE_WAY) if self._plan.validation else None
        )
        return CurvePoint(self.step, rate, tuple(slopes.losses.tolist()), training, on_the_way)

    def check_weights(self) -> None:
        """Raise ``TrainingDiverged`` where a weight is no number: the last step's loss did not know that yet."""
        if not all(bool(torch.isfinite(tensor).all()) for tensor in self.stack.tensors()):
            raise TrainingDiverged(
                f"After step {self.step} weights are not finite any more. What was saved before stands. Look for "
                "outliers in the labels, or begin with a smaller learning rate (start_lr).",
                step=self.step,
            )

    def errors(self, samples: Sequence[Sample], *, atoms: int | None = None) -> Errors:
        """Against the labels of all frames, or of the first of each system that have so many atoms together."""
        found = []
        share = None if atoms is None else max(1, atoms // len(samples))
        for sample in samples:
            count = len(sample) if share is None else min(len(sample), max(1, share // sample.atoms))
            chunk = max(1, _ATOMS_AT_ONCE // sample.atoms)
            for begin in range(0, count, chunk):
                frames = np.arange(begin, min(begin + chunk, count))
                with torch.no_grad():
                    seen = self._forward(sample, frames)
                found.append(_squares(seen, sample.labels(frames), sample.atoms))
        return _errors(found)

    def series_error(self) -> float:
        """How far the derivatives of the series may be from those of the nets (see :class:`SeriesOfNets`)."""
        return self._series.error()

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on; tensors, numbers and text."""
        return {
            "step": self.step,
            "terms": self.terms,
            "weights": [tensor.detach().clone() for tensor in self.stack.tensors()],
            "adam": self._adam.state_dict(),
            "order": self._order.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        with torch.no_grad():
            for tensor, value in zip(self.stack.tensors(), state["weights"], strict=True):
                tensor.copy_(value)
        self._adam.load_state_dict(state["adam"])
        self._order.restore(state["order"])
        self.step, self.terms = state["step"], state["terms"]
        self._series = SeriesOfNets(self.stack, self._s_max, self.terms)

    def _forward(self, sample: Sample, frames: NDArray[np.int64]) -> CommitteePass:
        loops = Loops(sample.neighbourhoods.take(frames), self._descriptor, self._s_max, self.terms)
        return CommitteePass(self.stack, self._series, loops)

    def _fit_terms(self) -> None:
        """More terms, where those that there are do not follow the nets any more."""
        for terms in TERMS:
            if terms < self.terms:
                continue
            if terms > self.terms:
                self.terms = terms
                self._series = SeriesOfNets(self.stack, self._s_max, terms)
            if self._series.error() <= self._tolerance:
                return


def _squares(seen: CommitteePass, labels: Labels, atoms: int) -> tuple[int, list[tuple[int, Any]]]:
    """Frames, and for energies, forces and virials how many numbers and each member's sum of squares."""
    energies, forces, virials = labels
    parts = (
        (seen.energies, energies, 1 / atoms**2),
        (seen.forces, forces, 1.0),
        (seen.virial, virials, 1 / atoms**2),
    )
    sums = []
    for said, label, scale in parts:
        if label is None:
            sums.append((0, torch.zeros(len(said), dtype=torch.float64)))
        else:
            sums.append((label.numel(), ((said - label) ** 2).flatten(1).sum(1) * scale))
    return seen.energies.shape[1], sums


def _errors(found: list[tuple[int, list[tuple[int, Any]]]]) -> Errors:
    values: list[tuple[float, ...] | None] = []
    for part, unit in enumerate((1000.0, 1.0, 1000.0)):
        count = sum(sums[part][0] for _, sums in found)
        if not count:
            values.append(None)
            continue
        total = sum(sums[part][1] for _, sums in found)
        values.append(tuple((torch.sqrt(total / count) * unit).tolist()))
    return Errors(values[0], values[1], values[2], sum(frames for frames, _ in found))
