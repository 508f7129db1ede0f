"""Whether predictions are to be believed: how often outcomes fell where they were said to fall."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.surrogates.drift import Drift, drift

__all__ = [
    "HALF_WIDTH",
    "LEVEL",
    "NEEDED",
    "NOT_AGAIN",
    "Calibration",
    "Coverage",
    "Skill",
    "calibration",
    "coverage",
    "lower_bound",
    "off_at_half",
    "skill",
    "wilson",
]

Array = NDArray[np.float64]

LEVEL = 0.9
"""Of the central interval whose coverage is counted."""
HALF_WIDTH = 1.6448536269514722
"""Half the width of that interval, in standard deviations of a normal distribution."""
_HALF_LEVEL_WIDTH = 0.6744897501960817
"""The same of the central 50 % interval."""
_SURE = 2.5758293035489004
"""Half the width of a 99 % interval: how sure it has to be that a second level is off where the first one holds."""
NEEDED = 8
"""Predictions made before the run that it takes to say anything."""
NOT_AGAIN = "the hyper-parameters were not fitted again"
"""How a process leaves an outcome out: what was learned of all of them has seen it."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often outcomes fell inside the 90 % interval that was predicted before they were known.

    Attributes:
        inside: Outcomes inside.
        of: Outcomes that had been predicted.
        low: Lower end of the 95 % Wilson interval of the coverage.
        high: Upper end.
        bound: What the coverage is at least, with 95 % confidence (Clopper & Pearson, one-sided).
        nll: Mean negative log density of the outcomes under their predictions; ``None`` without any.
    """

    inside: int
    of: int
    low: float
    high: float
    bound: float
    nll: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often outcomes fell inside the 90 % interval that was predicted before they were known.

    Attributes:
        inside: Outcomes inside.
        of: Outcomes that had been predicted.
        level: What the interval claims.
        low: Lower end of the 95 % Wilson interval of the coverage.
        high: Upper end.
        nll: Mean negative log density of the outcomes under their predictions; ``None`` without any.
        trusted: Enough were predicted, the coverage is not below what was claimed, neither where the AI chose nor
            where chance did, and the predictions have not drifted.
        words: All of that, for a human.
        bound: What the coverage is at least, with 95 % confidence (Clopper & Pearson, one-sided).
        acquired: Of points that somebody chose; ``None`` where no point was drawn at random.
        audit: Of points that were drawn at random, to test the predictions where nobody looks by himself.
        drift: How standardised residuals changed over time; ``None`` with too few to say.
    """

    inside: int
    of: int
    level: float
    low: float
    high: float
    nll: float | None
    trusted: bool
    words: str
    bound: float = 0.0
    acquired: Coverage | None = None
    audit: Coverage | None = None
    drift: Drift | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Skill:
    """How well outcomes are predicted from the others (leave-one-out).

    Attributes:
        rmse: Root mean square error, in the outcome's unit.
        spread: What it would be if each were predicted by the mean of the others.
        explained: Share of the variance that is explained; negative is worse than the mean.
        inside: Share inside the 90 % interval.
        nll: Mean negative log density.
        words: For a human; says that the hyper-parameters were not fitted again.
    """

    rmse: float
    spread: float
    explained: float
    inside: float
    nll: float
    words: str

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def wilson(inside: int, of: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson, J. Am. Stat. Assoc. 1927, 22, 209)."""
    if of == 0:
        return 0.0, 1.0
    share = inside / of
    centre = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    norm = 1 + z * z / of
    # At the ends the interval reaches 0 and 1 exactly; rounding would leave a trace.
    low = 0.0 if inside == 0 else max(0.0, (centre - half) / norm)
    high = 1.0 if inside == of else min(1.0, (centre + half) / norm)
    return low, high


def off_at_half(inside: int, of: int) -> str:
    """What uncertainties are whose 50 % intervals held ``inside`` of so many outcomes: ``narrow`` or ``wide``.

    Empty where a half may well be, which lies inside the 99 % Wilson interval of the share.
    """
    low, high = wilson(inside, of, _SURE)
    return "narrow" if high < 0.5 else "wide" if low > 0.5 else ""


def lower_bound(inside: int, of: int, risk: float = 0.05) -> float:
    """What a share is at least, with a confidence of ``1 - risk`` (Clopper & Pearson, Biometrika 1934, 26, 404).

    The share at which that many inside, or more, have a probability of ``risk``; 0 where nothing was counted.
    """
    if inside == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(50):
        share = 0.5 * (low + high)
        tail = sum(math.comb(of, k) * share**k * (1.0 - share) ** (of - k) for k in range(inside, of + 1))
        low, high = (share, high) if tail < risk else (low, share)
    return low


def coverage(outcome: Array, mean: Array, std: Array) -> Coverage:
    """Count how many outcomes fell inside the 90 % interval; shapes as in ``calibration``."""
    of = len(outcome)
    inside = int(np.sum(np.abs(outcome - mean) <= HALF_WIDTH * std))
    nll = _negative_log_density(outcome, mean, std) if of else None
    return Coverage(inside, of, *wilson(inside, of), lower_bound(inside, of), nll)


def calibration(
    outcome: Array, mean: Array, std: Array, audit: NDArray[np.bool_] | None = None
) -> Calibration:
    """Compare outcomes with what was predicted before they were known.

    Args:
        outcome: Shape ``(n,)``, in the order in which they became known.
        mean: Predicted, shape ``(n,)``.
        std: Predicted for the measurement, noise included, shape ``(n,)``; positive.
        audit: Which of the points were drawn at random, shape ``(n,)``.
    """
    every = coverage(outcome, mean, std)
    drawn = np.zeros(len(outcome), dtype=bool) if audit is None else audit
    parts = (
        [coverage(outcome[of], mean[of], std[of]) for of in (~drawn, drawn)] if drawn.any() else [None, None]
    )
    changed = drift((outcome - mean) / std)
    low = [p for p in (every, *parts) if p is not None and p.of >= NEEDED and p.high < LEVEL]
    trusted = every.of >= NEEDED and not low and not (changed is not None and changed.found)
    return Calibration(
        inside=every.inside,
        of=every.of,
        level=LEVEL,
        low=every.low,
        high=every.high,
        nll=every.nll,
        trusted=trusted,
        words=_words(
            every, parts[0], parts[1], changed, int(np.sum(np.abs(outcome - mean) <= _HALF_LEVEL_WIDTH * std))
        ),
        bound=every.bound,
        acquired=parts[0],
        audit=parts[1],
        drift=changed,
    )


def _words(
    every: Coverage, acquired: Coverage | None, audit: Coverage | None, changed: Drift | None, half: int
) -> str:
    if every.of == 0:
        return "No outcome has been predicted before it was known, so the predictions are untested."
    counted = (
        f"{every.inside} of {every.of} outcomes fell inside the {LEVEL:.0%} interval predicted before they ran "
        f"(coverage {every.low:.0%} to {every.high:.0%})"
    )
    if audit is not None:
        counted += f", {audit.inside} of {audit.of} where the point was drawn at random"
    if every.of < NEEDED:
        return f"{counted}; too few to trust it: at least {NEEDED} are needed."
    verdict = "that agrees with what it claims"
    if off := off_at_half(half, every.of):
        verdict += f", but {half} inside the 50% interval do not: its uncertainties are too {off} there"
    if every.low > LEVEL:
        verdict = "the model is cautious: its uncertainties are too wide"
    for part, where in ((acquired, " where the point was chosen"), (audit, " where nobody chose the point")):
        if part is not None and part.of >= NEEDED and part.high < LEVEL:
            verdict = f"the model is over-confident{where}: do not trust its uncertainties there"
    if changed is not None and changed.found:
        then = (
            "its uncertainties have become too wide" if changed.cautious else "do not trust its uncertainties"
        )
        verdict = f"{changed.words}: {then}"
    if every.high < LEVEL:
        verdict = "the model is over-confident: do not trust its uncertainties"
        if changed is not None and changed.found:
            verdict += f"; {changed.words}"
    return f"{counted}; {verdict}."


def skill(outcome: Array, mean: Array, std: Array, how: str = NOT_AGAIN) -> Skill | None:
    """Score leave-one-out predictions; ``None`` with fewer than 3 outcomes or no spread.

    Args:
        outcome: Shape ``(n,)``.
        mean: Predicted from the others, shape ``(n,)``.
        std: Predicted for the measurement, shape ``(n,)``; positive.
        how: In words, how the others were left out.
    """
    n = len(outcome)
    if n < 3 or not np.ptp(outcome) > 0:
        return None
    rmse = float(np.sqrt(np.mean((outcome - mean) ** 2)))
    spread = float(np.std(outcome, ddof=1) * math.sqrt(n / (n - 1)))  # The mean leaves the outcome out too.
    explained = 1.0 - (rmse / spread) ** 2
    inside = float(np.mean(np.abs(outcome - mean) <= HALF_WIDTH * std))
    verdict = (
        f"explains {explained:.0%} of the variance" if explained > 0 else "does no better than their mean"
    )
    words = (
        f"Predicting each of {n:,} outcomes from the others, the model {verdict} ({inside:.0%} inside the "
        f"{LEVEL:.0%} interval; {how})."
    )
    return Skill(rmse, spread, explained, inside, _negative_log_density(outcome, mean, std), words)


def _negative_log_density(outcome: Array, mean: Array, std: Array) -> float:
    return float(np.mean(0.5 * ((outcome - mean) / std) ** 2 + np.log(std) + 0.5 * math.log(2 * math.pi)))
