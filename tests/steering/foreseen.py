"""Runs that go to their end as simulations do: towards a value of their own, with noise."""

from __future__ import annotations

import numpy as np

from aisteer.steering.curves import Curve
from aisteer.steering.early_stopping import Ended, Stopping, Underway, Watched
from aisteer.steering.protocols import Datum
from aisteer.steering.thought import Thought

LENGTH = 60
DEFINITION = {"objective": {"kind": "minimize", "outcome": "energy", "unit": "eV"}}


def approaching(
    final: float, rng: np.random.Generator, *, length: int = LENGTH, noise: float = 0.05
) -> Curve:
    """A curve that relaxes from 5 towards ``final``."""
    curve = Curve()
    steps = np.arange(1, length + 1)
    values = final + (5.0 - final) * np.exp(-steps / 12.0) + noise * rng.standard_normal(length)
    curve.feed({"step": int(k), "energy": float(v)} for k, v in zip(steps, values, strict=True))
    return curve


class Runs:
    """Finished runs of one task with their curves, and one that is under way."""

    def __init__(self, n: int = 30, seed: int = 0, **definition: object) -> None:
        self.rng = np.random.default_rng(seed)
        self.finals = self.rng.normal(0.0, 1.0, n)
        self.definition = {**DEFINITION, **definition}
        self.curves = {f"R{i}": approaching(final, self.rng) for i, final in enumerate(self.finals)}
        self.data = tuple(
            Datum(f"R{i}", {"x": float(i)}, {"energy": (float(final), 0.0)})
            for i, final in enumerate(self.finals)
        )
        self.stopping = Stopping(self.definition)

    def watched(self, **more: object) -> Watched:
        ended = tuple(Ended(datum, place) for place, datum in enumerate(self.data))
        underway = (Underway("R99", {"x": 0.5}, {}),)
        return Watched(**{"task": "main", "data": self.data, "ended": ended, "underway": underway, **more})  # type: ignore[arg-type]

    def look(self, curve: Curve, **more: object) -> Thought:
        return self.stopping.look(self.watched(**more), {**self.curves, "R99": curve})
