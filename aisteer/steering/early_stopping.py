"""When the AI proposes to stop a run: what its curve says of its end, beside what is sought. It is decided on as usual.

A task's finished runs teach how runs end that have shown so much (``extrapolation``). That is believed only as far as
it has held: each finished run is predicted from its own first part by those that ended before it, at every stage, and
what came out is compared, as is what stopping by these predictions would have cost (``foresight_record``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.journal.commands import Draft
from aisteer.problem.goals import Goals
from aisteer.steering.chances import Standing, adds
from aisteer.steering.curves import FEWEST, Curve, stages
from aisteer.steering.extrapolation import NEEDED, Final, Told, extrapolate, told_of
from aisteer.steering.foresight_record import Held, Record
from aisteer.steering.protocols import Datum, Json
from aisteer.steering.thought import Thought

__all__ = ["BOUND", "Ended", "Stopping", "Underway", "Watched", "bound_of", "suits"]

Array = NDArray[np.float64]

BOUND = 0.02
"""The probability to add something below which a stop is proposed, where a task does not say."""
_RECOVERED = 3.0
"""A stop that waits is taken back once that probability exceeds so many times the bound."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A finished run to learn from: how many runs had ended before it, and the attempt that its curve is of."""

    datum: Datum
    before: int


@dataclass(frozen=True, slots=True)
class Underway:
    """A run that could be stopped."""

    run: str
    parameters: Json
    predicted: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Watched:
    """How the runs of a task stand, as plain data (``aisteer.steering.watching``).

    Attributes:
        task: Its name.
        data: All that is known, oldest first: what a run has to be better than.
        ended: Those of it that have curves.
        underway: Runs that could be stopped.
        stops: The AI's stop proposals that wait, by run.
        asked: Runs of which a stop was ever proposed by the AI.
        gone: Stop proposals that wait although their run has ended, by what became of it.
        best: The best of the objective by the surrogate's mean, where there is a fit.
        best_run: The run of which that is.
    """

    task: str
    data: tuple[Datum, ...] = ()
    ended: tuple[Ended, ...] = ()
    underway: tuple[Underway, ...] = ()
    stops: Mapping[str, str] | None = None
    asked: frozenset[str] = frozenset()
    gone: Mapping[str, list[str]] | None = None
    best: float | None = None
    best_run: str = ""


def bound_of(definition: Mapping[str, Any]) -> float:
    """The probability below which a task's runs are proposed to be stopped; 0 where they are not."""
    return float(definition.get("early_stopping", BOUND)) if suits(definition) else 0.0


def suits(definition: Mapping[str, Any]) -> bool:
    """Whether a run can be of no use to a task: not where every outcome teaches, nor where runs cannot be compared.

    To learn, and to find a level, every run counts. Under a given context, or at several fidelities, the best run is
    no measure for another. A baseline is left to itself.
    """
    goals = Goals.of(definition)
    comparable = (
        not definition.get("context") and not definition.get("fidelity") and not definition.get("baseline")
    )
    return comparable and (goals.several or goals.has_best)


class Stopping:
    """Foresees how the runs of one task end, and proposes stops.

    Args:
        definition: The task's definition.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.goals = Goals.of(definition)
        self.bound = bound_of(definition)
        self._record = Record(self.goals, self.bound)
        self._seen: dict[str, tuple[int, str]] = {}

    def look(self, watched: Watched, curves: Mapping[str, Curve]) -> Thought:
        """Stops to be proposed, and those to be taken back.

        Args:
            watched: How the runs stand.
            curves: What each has shown, by run.
        """
        withdrawals: dict[str, list[str]] = {
            words: list(names) for words, names in (watched.gone or {}).items()
        }
        ended = [e for e in watched.ended if e.datum.run in curves and curves[e.datum.run].count >= FEWEST]
        if not self.bound or len(ended) < NEEDED or not watched.underway:
            return Thought(withdrawals=withdrawals)
        length = int(np.median([curves[e.datum.run].count for e in ended]))
        self._seen = {u.run: self._seen[u.run] for u in watched.underway if u.run in self._seen}
        drafts: list[Draft] = []
        for run in watched.underway:
            curve = curves.get(run.run)
            count = max((s for s in stages(length) if curve is not None and s <= curve.count), default=0)
            now = (count, ended[-1].datum.run)
            if curve is None or not count or self._seen.get(run.run) == now:
                continue
            self._seen[run.run] = now
            foreseen = self._foresee(watched, ended, curves, run, count)
            if foreseen is None:
                continue
            waiting = (watched.stops or {}).get(run.run)
            if waiting is not None and (
                foreseen.chance > _RECOVERED * self.bound or not foreseen.held.trusted
            ):
                words = f"what {run.run} has shown since speaks for letting it go on"
                withdrawals.setdefault(words, []).append(waiting)
            elif run.run not in watched.asked and foreseen.chance < self.bound and foreseen.held.trusted:
                drafts.append(self._draft(watched.task, run, curve, length, foreseen))
        return Thought(drafts=drafts, withdrawals=withdrawals)

    def _foresee(
        self, watched: Watched, ended: Sequence[Ended], curves: Mapping[str, Curve], run: Underway, count: int
    ) -> _Foreseen | None:
        finals: dict[str, Final] = {}
        for outcome in self.goals.outcomes:
            told = [told_of(e.datum, curves[e.datum.run], outcome) for e in ended]
            prior = run.predicted.get(outcome)
            found = extrapolate(told, Told(curves[run.run], float(prior[0]) if prior else None), count)
            if found is None:
                return None
            finals[outcome] = found
        standing = Standing.of(self.goals, watched.data)
        if watched.best is not None:
            standing = standing.relaxed(self.goals, watched.best, watched.best_run)
        chance = adds(self.goals, finals, standing)
        # Where nothing speaks for a stop the record is not asked for: it costs more than a look.
        held = (
            self._record.held([(e.datum, e.before, curves[e.datum.run]) for e in ended], watched.data, count)
            if chance < self.bound or run.run in (watched.stops or {})
            else Held.untested(count)
        )
        return _Foreseen(finals, standing, chance, held)

    def _draft(self, task: str, run: Underway, curve: Curve, length: int, told: _Foreseen) -> Draft:
        predicted = {name: [final.mean, final.std] for name, final in told.finals.items()}
        return Draft(
            task=task,
            parameters=run.parameters,
            origin="ai",
            action="stop",
            predicted=predicted,
            reasons=[self._reason(run, curve, length, told)],
            run=run.run,
        )

    def _reason(self, run: Underway, curve: Curve, length: int, told: _Foreseen) -> Json:
        goal = self.goals.first
        final = told.finals[goal.outcome]
        observed = final.observed
        least = "below 0.1 %" if told.chance < 1e-3 else f"{100 * told.chance:.1f} %"
        words = (
            f"After {curve.count} observations (runs make {length}), {goal.outcome} is foreseen to end at "
            f"{final.mean:.4g} ± {final.std:.2g} {goal.unit}".rstrip()
            + f", by how {final.learned} finished runs went on from there. The chance that it "
            + f"{self._sought(told.standing)} is {least}."
        )
        reason: Json = {
            "kind": "early_stop",
            "run": run.run,
            "observed": observed,
            "count": curve.count,
            "stage": final.count,
            "length": length,
            "learned": final.learned,
            "final": [final.mean, final.std],
            "chance": told.chance,
            "bound": self.bound,
            "best": told.standing.value,
            "best_run": told.standing.run,
            "believed": told.standing.believed,
            "held": told.held.to_json(),
            "words": words,
        }
        shown = observed or next(iter(curve.names), "")
        if shown:
            reason |= {"shown": shown, "curve": [[x, y] for x, y in curve.picture(shown)]}
        return reason

    def _sought(self, standing: Standing) -> str:
        if self.goals.several:
            return "adds to the front"
        if standing.value is None:
            return f"beats {standing.run}"
        believed = ", as the surrogate believes" if standing.believed else ""
        return f"beats {standing.run} ({standing.value:.4g}{believed})"


@dataclass(frozen=True, slots=True)
class _Foreseen:
    """What is to come of a run: its outcomes, what they have to be better than, the chance of it, and what held."""

    finals: dict[str, Final]
    standing: Standing
    chance: float
    held: Held
