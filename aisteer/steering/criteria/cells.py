r"""The space above the fronts of draws, cut into cells, and what a candidate is expected to fill of it.

Of two objectives the cells are the strips between the sorted points, above the best second one beyond. Of three, each
slab between two neighbours in the third objective is cut into such strips: with points sorted by the first and by the
third objective, cell :math:`(i, j)` lies above

.. math:: Y_{ij} = \max \{ y_p : x_p \ge x_{(i+1)},\; z_p \ge z_{(j+1)} \}

and no end of it but that is a matter of two objectives at once. So the expected excess over each coordinate is
computed once for each point, not once for each corner of each cell, and all draws are cut together.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["Cells"]

_CORNER = 0.1
_FAR_BELOW = -38.0
_NORM = 1.0 / math.sqrt(2.0 * math.pi)


class Cells:
    """The space above the fronts of ``S`` draws, cut into cells.

    Args:
        values: Two or three objectives of the points in each draw, larger is better, shape ``S x P x m``; minus
            infinity where a point does not count.
        reference: Shape ``m``.
        exponents: Weights less 1, shape ``m``.
    """

    def __init__(self, values: Tensor, reference: Tensor, exponents: Tensor) -> None:
        self._three = len(reference) == 3
        kept = _fronts(values, reference) if self._three else _above(values, reference)
        first = kept[..., 0].sort(-1)
        self._first = _edged(first.values, reference[0])
        if self._three:
            self._second, self._third, self._level = _levels(kept, first.indices, reference)
            corner = self._corners()
        else:
            second = kept[..., 1].gather(-1, first.indices)
            beyond = second.flip(-1).cummax(-1).values.flip(-1) if second.shape[-1] else second
            self._second = torch.cat([beyond, reference[1].expand(len(kept), 1)], -1)
            corner = torch.stack([self._first, self._second], -1)
        self._density: Tensor | None = None
        if bool(exponents.any()):
            extent = (kept.amax((0, 1)) - reference) if kept.shape[1] else torch.ones_like(reference)
            from_there = ((corner - reference) / extent.clamp_min(1e-9) + _CORNER).clamp_min(1e-9)
            self._density = (exponents * from_there.log()).sum(-1).exp()

    def expected(self, mean: Tensor, std: Tensor) -> Tensor:
        """The expected growth in each draw, ``b x S``; ``mean``: ``b x S x m`` or ``b x 1 x m``; ``std``: ``b x m``."""
        spread = std[:, None, :, None]
        wide = _between(_excess(mean[..., :1], spread[..., 0, :], self._first))
        high = _excess(mean[..., 1:2], spread[..., 1, :], self._second)
        if not self._three:
            found = wide * high
            total: Tensor = (found if self._density is None else found * self._density).sum(-1)
            return total
        deep = _between(_excess(mean[..., 2:], spread[..., 2, :], self._third))
        level = self._level.flatten(1).expand(len(high), -1, -1)
        high = high.gather(-1, level).view(len(high), *self._level.shape)
        if self._density is not None:
            high = high * self._density
        total = ((high @ deep.unsqueeze(-1)).squeeze(-1) * wide).sum(-1)
        return total  # noqa: RET504  mypy would take it for anything

    @property
    def entries(self) -> int:
        """How many numbers one candidate takes."""
        return (self._level if self._three else self._first).numel()

    def _corners(self) -> Tensor:
        """The lower corner of each cell: ``S x (P + 1) x (P + 1) x 3``."""
        high = self._second.gather(-1, self._level.flatten(1)).view_as(self._level)
        wide, deep = self._first.unsqueeze(-1), self._third.unsqueeze(-2)
        return torch.stack([wide.expand_as(high), high, deep.expand_as(high)], -1)


def _above(values: Tensor, reference: Tensor) -> Tensor:
    """Points that do not exceed the reference lie on it."""
    return torch.where((values > reference).all(-1, keepdim=True), values, reference)


def _fronts(values: Tensor, reference: Tensor) -> Tensor:
    """The fronts of the draws, filled up with the reference to the size of the largest."""
    kept = _above(values, reference)
    others = kept.unsqueeze(-3)
    beaten = ((kept.unsqueeze(-2) <= others).all(-1) & (kept.unsqueeze(-2) < others).any(-1)).any(-1)
    counts = (kept > reference).all(-1) & ~beaten
    most = int(counts.sum(-1).max()) if counts.shape[-1] else 0
    order = (~counts).to(torch.int8).argsort(stable=True, dim=-1)[:, :most]
    kept = torch.where(counts.unsqueeze(-1), kept, reference)
    return kept.gather(1, order.unsqueeze(-1).expand(-1, -1, kept.shape[-1]))


def _edged(sorted_values: Tensor, edge: Tensor) -> Tensor:
    """Where cells begin: the reference, then each point."""
    return torch.cat([edge.expand(len(sorted_values), 1), sorted_values], -1)


def _levels(kept: Tensor, by_first: Tensor, reference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The second and third coordinates, sorted behind the reference's, and the place of each cell's second one."""
    draws, points, _ = kept.shape
    second, third = kept[..., 1].sort(-1), kept[..., 2].sort(-1)
    ranks = [order.argsort(-1) for order in (by_first, second.indices, third.indices)]
    level = by_first.new_zeros(draws, points + 1, points + 1)
    inner = level[:, :points, :points]
    inner[torch.arange(draws).unsqueeze(-1), ranks[0], ranks[2]] = ranks[1] + 1
    if points:
        for axis in (1, 2):
            inner.copy_(inner.flip(axis).cummax(axis).values.flip(axis))
    return _edged(second.values, reference[1]), _edged(third.values, reference[2]), level


def _excess(mean: Tensor, spread: Tensor, edges: Tensor) -> Tensor:
    """By how much a candidate exceeds each edge in expectation, ``b x S x k``."""
    return spread * _h((mean - edges) / spread)


def _between(excess: Tensor) -> Tensor:
    """What of it lies before the next edge; after the last there is no end."""
    beyond = torch.cat([excess[..., 1:], torch.zeros_like(excess[..., :1])], -1)
    return (excess - beyond).clamp_min(0.0)


def _h(z: Tensor) -> Tensor:
    """The expected positive part of a normal variable with mean ``z`` and variance 1; relatively exact above -30."""
    inside = z.clamp_min(_FAR_BELOW)
    found: Tensor = _NORM * torch.exp(-0.5 * inside * inside) + inside * torch.special.ndtr(inside)
    return torch.where(z > _FAR_BELOW, found, 0.0)
