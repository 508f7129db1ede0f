"""How curves were extrapolated so far: each finished run, foreseen by those before it, beside what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from aisteer.problem.goals import Goals
from aisteer.steering.chances import Standing, adds
from aisteer.steering.curves import Curve, stages
from aisteer.steering.extrapolation import Final, extrapolate, told_of
from aisteer.steering.protocols import Datum, Json
from aisteer.surrogates.calibration import LEVEL, NEEDED, coverage, wilson

__all__ = ["Held", "Record"]

_ROLLING = 50
"""Finished runs that are looked at, the latest ones."""


@dataclass(frozen=True, slots=True)
class Held:
    """How predictions from curves held, of the last 50 finished runs.

    Attributes:
        stage: Observations that they were made after.
        inside: Outcomes inside the 90 % interval, of the outcome that did worst.
        of: Outcomes that had been foreseen.
        bound: What the coverage is at least, with 95 % confidence.
        stopped: Runs that these predictions would have stopped.
        wrong: Of those, the ones that ended better than all before them.
        saved: The share of their observations that would have been saved.
        trusted: Enough were foreseen, the coverage is not below what was claimed, and not more of the stops would have
            been wrong than a stop's own probability says.
        words: All of that, for a human.
    """

    stage: int
    inside: int = 0
    of: int = 0
    bound: float = 0.0
    stopped: int = 0
    wrong: int = 0
    saved: float = 0.0
    trusted: bool = False
    words: str = ""

    @classmethod
    def untested(cls, stage: int) -> Held:
        """Where nobody looked."""
        return cls(stage)

    def to_json(self) -> Json:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Tested:
    """One finished run: by stage, what was foreseen of each outcome, and the chance that it adds; whether it did."""

    count: int
    finals: dict[int, dict[str, Final]]
    chances: dict[int, float]
    added: bool


class Record:
    """The rolling test of a task's extrapolations. Each run is tested once.

    Args:
        goals: What is sought.
        bound: The probability below which a stop would have been proposed.
    """

    def __init__(self, goals: Goals, bound: float) -> None:
        self.goals = goals
        self.bound = bound
        self._tested: dict[tuple[str, int], _Tested] = {}

    def held(self, ended: Sequence[tuple[Datum, int, Curve]], data: Sequence[Datum], stage: int) -> Held:
        """How predictions after ``stage`` observations held.

        Args:
            ended: Finished runs, how many of ``data`` had ended before each, and their curves, oldest first.
            data: All that ended.
            stage: Observations.
        """
        first = max(0, len(ended) - _ROLLING)
        tested = []
        for place in range(first, len(ended)):
            # The number before it changes where a result is marked bad: then it is tested again.
            key = (ended[place][0].run, place)
            if key not in self._tested:
                self._tested[key] = self._test(ended[:place], data, *ended[place])
            tested.append((ended[place][0], self._tested[key]))
        kept = {(ended[place][0].run, place) for place in range(first, len(ended))}
        self._tested = {key: one for key, one in self._tested.items() if key in kept}
        return self._counted(tested, stage)

    def _test(
        self,
        earlier: Sequence[tuple[Datum, int, Curve]],
        data: Sequence[Datum],
        datum: Datum,
        before: int,
        curve: Curve,
    ) -> _Tested:
        finals: dict[int, dict[str, Final]] = {}
        chances: dict[int, float] = {}
        standing = Standing.of(self.goals, data[:before])
        told = {name: [told_of(d, c, name) for d, _, c in earlier] for name in self.goals.outcomes}
        for stage in stages(curve.count):
            found = {n: extrapolate(told[n], told_of(datum, curve, n), stage) for n in self.goals.outcomes}
            known = {name: final for name, final in found.items() if final is not None}
            if len(known) == len(found):
                finals[stage], chances[stage] = known, adds(self.goals, known, standing)
        return _Tested(curve.count, finals, chances, standing.beaten(self.goals, datum))

    def _counted(self, tested: Sequence[tuple[Datum, _Tested]], stage: int) -> Held:
        told = [(datum, one) for datum, one in tested if stage in one.finals]
        counted = []
        for name in self.goals.outcomes:
            y = np.array([datum.outcomes[name][0] for datum, _ in told])
            mean = np.array([one.finals[stage][name].mean for _, one in told])
            std = np.array([one.finals[stage][name].std for _, one in told])
            counted.append(coverage(y, mean, std))
        worst = min(counted, key=lambda one: one.bound)
        stopped = [(one, at) for _, one in tested if (at := self._stop(one)) is not None]
        wrong = sum(one.added for one, _ in stopped)
        saved = float(np.mean([1.0 - at / one.count for one, at in stopped])) if stopped else 0.0
        trusted = worst.of >= NEEDED and worst.high >= LEVEL and wilson(wrong, len(stopped))[0] <= self.bound
        held = Held(stage, worst.inside, worst.of, worst.bound, len(stopped), wrong, saved, trusted)
        return replace(held, words=_words(held, len(tested)))

    def _stop(self, one: _Tested) -> int | None:
        """The first stage at which it would have been proposed to be stopped."""
        return min((stage for stage, chance in one.chances.items() if chance < self.bound), default=None)


def _words(held: Held, tested: int) -> str:
    words = (
        f"{held.inside} of {held.of} finished runs ended inside the 90 % interval foreseen after {held.stage} "
        f"observations; of the last {tested}"
    )
    if not held.stopped:
        return f"{words} none would have been stopped."
    ended = f"{held.wrong} of which ended better" if held.wrong else "none of which ended better"
    return (
        f"{words}, {held.stopped} would have been stopped, {ended} than those before, saving {held.saved:.0%} of their "
        "observations."
    )
