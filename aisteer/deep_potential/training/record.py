"""What a training tells of itself: its curve, its errors, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CurvePoint", "Errors", "TrainingRecord", "described"]


@dataclass(frozen=True)
class Errors:
    """Root mean square errors of each member against labels; ``None`` where there are no such labels.

    Attributes:
        energy: In meV per atom.
        force: Of a component, in eV/Å.
        virial: Of a component, in meV per atom.
        frames: How many were looked at.
    """

    energy: tuple[float, ...] | None
    force: tuple[float, ...] | None
    virial: tuple[float, ...] | None
    frames: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Errors:
        """Back from JSON."""
        energy, force, virial = (
            None if given[name] is None else tuple(given[name]) for name in ("energy", "force", "virial")
        )
        return cls(energy, force, virial, given["frames"])


@dataclass(frozen=True)
class CurvePoint:
    """One point of the learning curve.

    Attributes:
        step: After so many steps.
        rate: The learning rate of the last of them.
        loss: Of each member, on the batch of that step.
        training: Errors on that batch, before the step.
        validation: Errors on some frames of the validation set; ``None`` without one.
    """

    step: int
    rate: float
    loss: tuple[float, ...]
    training: Errors
    validation: Errors | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> CurvePoint:
        """Back from JSON."""
        seen = given["validation"]
        return cls(
            given["step"],
            given["rate"],
            tuple(given["loss"]),
            Errors.from_dict(given["training"]),
            None if seen is None else Errors.from_dict(seen),
        )


@dataclass(frozen=True)
class TrainingRecord:
    """How a training went: ``model.training``.

    Attributes:
        steps: That were taken.
        of: That were asked for.
        seconds: That they took, without reading and searching for neighbours.
        training: Errors on the training set; on as many of its frames as the validation set has, at least 100.
        validation: Errors on the whole validation set; ``None`` without one.
        curve: What was seen on the way.
        left_out: Frames that stood out and were left out, a line each.
        terms: Of the series by which the embedding nets were evaluated at the end.
        series_error: How far that series' derivatives may be from those of the nets, relative to the largest feature.
        checkpoints: Where deepmd-kit's checkpoints were written.
    """

    steps: int
    of: int
    seconds: float
    training: Errors
    validation: Errors | None
    curve: tuple[CurvePoint, ...]
    left_out: tuple[str, ...]
    terms: int
    series_error: float
    checkpoints: tuple[Path, ...]

    def frame(self) -> pd.DataFrame:
        """The curve as a table: a row for each point and member."""
        import pandas as pd

        rows = []
        for point in self.curve:
            for member, loss in enumerate(point.loss):
                row: dict[str, Any] = {"step": point.step, "member": member, "rate": point.rate, "loss": loss}
                for name, errors in (("training", point.training), ("validation", point.validation)):
                    for what in ("energy", "force", "virial"):
                        values = None if errors is None else getattr(errors, what)
                        if values is not None:
                            row[f"{name}_{what}"] = values[member]
                rows.append(row)
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        lines = [f"{self.steps} of {self.of} steps in {self.seconds:.0f} s"]
        for name, errors in (("training", self.training), ("validation", self.validation)):
            if errors is not None:
                lines.append(f"{name:>10} ({errors.frames} frames): {described(errors)}")
        if self.left_out:
            lines.append(f"{len(self.left_out)} frames that stood out were left out")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


def described(errors: Errors) -> str:
    """Root mean square errors in words, the members' range where there are several."""
    parts = []
    for name, values, unit, digits in (
        ("energy", errors.energy, "meV/atom", 2),
        ("force", errors.force, "eV/Å", 4),
        ("virial", errors.virial, "meV/atom", 2),
    ):
        if values is not None:
            parts.append(f"{name} {_range(values, digits)} {unit}")
    return ", ".join(parts)


def _range(values: Sequence[float], digits: int) -> str:
    low, high = np.min(values), np.max(values)
    if len(values) == 1:
        return f"{low:.{digits}f}"
    return f"{low:.{digits}f}–{high:.{digits}f}"
