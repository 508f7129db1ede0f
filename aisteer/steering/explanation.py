"""What a proposal says of itself, made of the model's own terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.criteria.protocol import Criterion
from aisteer.steering.domains import Domain
from aisteer.steering.failure_risk import Risk
from aisteer.steering.fitting import Belief
from aisteer.steering.protocols import Json
from aisteer.steering.reasons import (
    acquisition,
    distance,
    feasibility,
    improvement,
    model,
    nearest,
    outcomes,
    reference,
    region,
)
from aisteer.steering.slopes import around

__all__ = ["Standing", "explain"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where others stand: ``Scores.order`` of the candidates that a point is ranked among."""

    values: Array

    @property
    def of(self) -> int:
        """How many there are."""
        return len(self.values)

    def rank(self, value: float) -> int:
        """1 where none is better; ties do not push down."""
        return 1 + int(np.sum(self.values > value + 1e-9))


def explain(
    belief: Belief,
    domain: Domain,
    points: list[Json],
    *,
    criterion: Criterion,
    spread: Array,
    standing: Standing,
    besides: int = 0,
    weighed: Sequence[Json] | None = None,
    risk: Risk | None = None,
) -> list[Json]:
    """``predicted``, ``acquisition``, ``rank``, ``of`` and ``reasons`` of each point.

    Args:
        belief: The surrogates.
        domain: The space that they were fitted in.
        points: What is asked about.
        criterion: Of the policy.
        spread: Inputs all over the space, shape ``(M, d)``.
        standing: What they are ranked among.
        besides: 1 where the points are not among the candidates of ``standing`` themselves.
        weighed: Of each point what weighing its cost adds: ``reasons``, ``cost``, and the ``gain`` at the truth where
            a run of it is none itself (``aisteer.steering.weighing``).
        risk: Of failing, which the ranks take into account; ``None`` where no run has failed.

    The reasons: ``acquisition`` (the policy's, with its two terms, see ``aisteer.steering.criteria``),
    ``improvement`` (expected, over the best run; where there is a best), ``outcomes`` (mean and standard deviation of
    each, where there are several), ``feasibility`` (the probability that each constraint on outcomes holds),
    ``reference`` (where the data had to give it), ``nearest`` (runs, how near, what came out), ``distance`` (in length
    scales of the kernel and as its correlation with the nearest run; ``far`` where that is below 0.5),
    ``sensitivity`` (see ``aisteer.steering.slopes``), ``noise`` (learned, where errors are not known),
    ``calibration`` and ``fit`` (words), ``calibrations`` (of each outcome, where there are several),
    ``region`` (edges), ``failure_risk`` (how likely the run is to fail, and how the nearest ended).
    """
    x = domain.encode(points)
    scores = criterion.scores(belief, x, spread)
    order = scores.order if risk is None else scores.order + risk.log_success(x)
    added = [{} for _ in points] if weighed is None else weighed
    told = _predicted(belief, x)
    shared = [*model(belief), *reference(belief)]
    columns: list[Sequence[Sequence[Json]]] = [
        acquisition(scores),
        improvement(belief, x, spread, [one.get("gain") for one in added]),
        [one.get("reasons", ()) for one in added],
        [outcomes(belief, one) for one in told],
        feasibility(belief, x),
        [[] if risk is None else [risk.reason(one)] for one in x],
        [[nearest(belief, domain, one)] for one in x],
        distance(belief, x),
        around(belief, domain, points),
        [shared for _ in points],
        [region(domain, point, one) for point, one in zip(points, x, strict=True)],
    ]
    return [
        {
            "predicted": told[i],
            "acquisition": float(scores.value[i]),
            "rank": standing.rank(float(order[i])),
            "of": standing.of + besides,
            "reasons": [reason for column in columns for reason in column[i]],
            **({"cost": added[i]["cost"]} if "cost" in added[i] else {}),
        }
        for i in range(len(points))
    ]


def _predicted(belief: Belief, x: Array) -> list[Json]:
    """Of each input, mean and standard deviation by outcome."""
    told = {name: known.predict(x) for name, known in belief.known.items()}
    return [
        {name: [float(mean[i]), float(std[i])] for name, (mean, std) in told.items()} for i in range(len(x))
    ]
