"""Inputs as networks like them: numbers of unit spread around zero, and one column for each option of a choice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Columns"]

_SAME = 1e-6
"""How near an input has to be to an option to be it."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How inputs are scaled. It depends on the space and not on what was run, which may lie in one corner of it.

    Attributes:
        centre: Subtracted, shape ``(d,)``.
        spread: Divided by, shape ``(d,)``, positive.
        options: Of columns without an order, by their place: the values that they may have.
    """

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    options: Mapping[int, Sequence[float]] = field(default_factory=dict)

    @classmethod
    def of_box(cls, dimension: int, options: Mapping[int, Sequence[float]] | None = None) -> Columns:
        """Of a unit cube."""
        return cls(np.full(dimension, 0.5), np.full(dimension, 1 / math.sqrt(12)), options or {})

    @classmethod
    def of_rows(cls, rows: NDArray[np.floating[Any]]) -> Columns:
        """Of candidates, shape ``(n, d)``; a column that is the same for all of them tells nothing."""
        spread = rows.std(axis=0)
        return cls(rows.mean(axis=0), np.where(spread > 0, spread, 1.0))

    @property
    def width(self) -> int:
        """Columns that come out."""
        return len(self.centre) + sum(len(values) - 1 for values in self.options.values())

    def __call__(self, x: Tensor) -> Tensor:
        """Shape ``m x width``, single precision, of inputs ``m x d``; differentiable in the numbers."""
        scaled = (x - torch.as_tensor(self.centre)) / torch.as_tensor(self.spread)
        if not self.options:
            return scaled.float()
        numbers = [i for i in range(x.shape[-1]) if i not in self.options]
        parts = [scaled[:, numbers]]
        for column, values in self.options.items():
            levels = torch.as_tensor(list(values), dtype=x.dtype)
            parts.append(((x[:, column : column + 1] - levels).abs() < _SAME).to(x.dtype))
        return torch.cat(parts, dim=-1).float()
