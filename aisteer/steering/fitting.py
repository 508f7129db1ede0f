"""A task's evidence as fitted surrogates, one for each outcome, in the sense in which larger is better."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.goals import Goals
from aisteer.problem.surrogate_names import SURROGATES, is_reference
from aisteer.steering.domains import Domain
from aisteer.steering.fitted import Belief, Known, best_place, interest
from aisteer.steering.learners import INSTEAD, learned
from aisteer.steering.outliers import tamed
from aisteer.steering.points import placed
from aisteer.steering.predictors import LEAST, predicted_by
from aisteer.steering.protocols import Datum, Evidence, Json
from aisteer.steering.rolling import recorded, rolling
from aisteer.steering.widening import in_words, widening
from aisteer.surrogates.calibration import calibration, skill
from aisteer.surrogates.gaussian_process import Remembered

if TYPE_CHECKING:
    from aisteer.steering.foreign_learners import ForeignLearner

__all__ = ["Belief", "Fitter", "Known"]

Array = NDArray[np.float64]

_MOST = 1000
_BEST_KEPT = 250
_LARGEST = 1e100
"""Of what is squared on the way: beyond it numbers overflow, below its inverse they vanish."""
_IN_ANOTHER_UNIT = (
    "Points that are spread over the space are proposed meanwhile. Return the outcome in another unit, or its "
    "logarithm."
)
_GOES_ON = (
    "Runs go on, and nothing was lost; it is tried again with the next results. To take another: "
    "campaign.steer(surrogate='gaussian process')."
)


class Fitter:
    """Fits the surrogates of one task, and keeps the last fit for as long as the data stays the same.

    ``surrogate`` is the one that is fitted where steering names no other, ``seed`` that of its training. Where
    ``runs_code`` is false, a surrogate of the user's own is not imported.

    Attributes:
        trouble: What is wrong with the surrogate that was asked for, in words; empty when nothing is.
    """

    def __init__(self, domain: Domain, goals: Goals | Json) -> None:
        self.domain = domain
        self.goals = goals if isinstance(goals, Goals) else Goals.of({"objective": goals})
        self.objective = self.goals.first
        self.surrogate, self.seed, self.runs_code = SURROGATES[0], 0, False
        self.trouble = ""
        self._last: Belief | None = None
        self._remembered = {outcome: Remembered() for outcome in self.goals.outcomes}
        self._own: dict[tuple[str, str], ForeignLearner] = {}
        self._asked = "", ""
        self._refused: tuple[str, str] | None = None
        self._inside: dict[str, bool] = {}
        self._made_by: tuple[tuple[int, str], ...] = ()
        self._too_large = ""

    def belief(self, evidence: Evidence) -> Belief | None:
        """The surrogates of ``evidence``; ``None`` with fewer than 3 outcomes of the (first) objective."""
        told = [d for d in evidence.data if self._tells(d, self.objective.outcome)]
        data, beyond = self._chosen(told), self._beyond(evidence)
        if len(data) < LEAST:
            self.trouble = f"{beyond} {_IN_ANOTHER_UNIT}" if beyond else ""
            return None
        data += tuple(d for d in evidence.estimated if self._tells(d, self.objective.outcome))
        named = str(evidence.steering.get("surrogate") or self.surrogate)
        digest, why = self._digest(data, named), ""
        self._asked = digest, named
        if self._refused is not None and self._refused[0] == digest:
            digest, why = self._digest(data, f"instead of {named}"), self._refused[1]
        if self._last is None or self._last.digest != digest:
            self.trouble, self._made_by, self._too_large = "", evidence.made_by, beyond
            self._last = self._fit(data, digest, told, named, why)
        return self._last

    def refuse(self, why: str) -> bool:
        """The user's own surrogate failed after it was fitted: another stands in for as long as the data is the same.

        Returns:
            Whether such a one was asked for, and none stands in for it yet.
        """
        digest, named = self._asked
        if not is_reference(named) or (self._refused is not None and self._refused[0] == digest):
            return False
        self._refused = digest, f"{why} {INSTEAD}"
        return True

    def _tells(self, datum: Datum, outcome: str) -> bool:
        """Whether it has the outcome, at a point that the present space still knows."""
        if outcome not in datum.outcomes or not abs(datum.outcomes[outcome][0]) < _LARGEST:
            return False
        if datum.run not in self._inside:
            if placed(self.domain, datum.parameters) is None:
                return False  # and not for good: a later redefinition may bring it back
            self._inside[datum.run] = True
        return True

    def _beyond(self, evidence: Evidence) -> str:
        """Words about outcomes that are too large to be computed with; empty where there are none."""
        name = self.objective.outcome
        found = [
            d.run for d in evidence.data if name in d.outcomes and not abs(d.outcomes[name][0]) < _LARGEST
        ]
        if not found:
            return ""
        named = ", ".join(found[:3]) + (" and others" if len(found) > 3 else "")
        return f"{named}: the outcome is beyond {_LARGEST:.0e}, with which nothing can be computed, and is left out."

    def _outcome(self, datum: Datum) -> tuple[float, float]:
        return datum.outcomes[self.objective.outcome]

    def _chosen(self, told: list[Datum]) -> tuple[Datum, ...]:
        """All, or of too many the best and, from the others, an even share of their history."""
        if len(told) <= _MOST:
            return tuple(told)
        values = np.array([self._outcome(d)[0] for d in told])
        order = np.argsort(-interest(self.objective, values), kind="stable")
        kept = {int(i) for i in order[:_BEST_KEPT]}
        others = [i for i in range(len(told)) if i not in kept]
        places = np.linspace(0, len(others) - 1, _MOST - len(kept)).astype(int)
        kept.update(others[i] for i in places)
        return tuple(told[i] for i in sorted(kept))

    def _digest(self, data: tuple[Datum, ...], named: str) -> str:
        total = hashlib.sha256(b"" if named == SURROGATES[0] else named.encode())
        for d in data:
            total.update(f"{d.run}={self._outcome(d)};".encode())
            for name in self.goals.outcomes[1:]:
                total.update(f"{name}={d.outcomes.get(name)};".encode())
        return total.hexdigest()[:16]

    def _fit(self, data: tuple[Datum, ...], digest: str, told: list[Datum], named: str, why: str) -> Belief:
        x = self.domain.encode([d.parameters for d in data])
        known: dict[str, Known] = {}
        for outcome in self.goals.outcomes:
            here = [i for i, d in enumerate(data) if self._tells(d, outcome)]
            if len(here) < LEAST:
                continue
            rows = data if len(here) == len(data) else tuple(data[i] for i in here)
            history = (
                told if outcome == self.objective.outcome else [d for d in told if self._tells(d, outcome)]
            )
            known[outcome] = self._known(
                outcome, rows, x if rows is data else x[here], history, named=named, why=why
            )
        true = self.domain.at_truth(x)
        counts = np.asarray((x == true).all(axis=1))
        # The very same array where nothing differs: what is predicted of the runs themselves is at hand.
        true = x if counts.all() else true
        ran = np.array([not d.estimated for d in data])
        counts &= ran  # nobody has reached what was only foreseen
        place, feasible = best_place(self.goals, known, true, counts if counts.any() else ran)
        left = len(told) - int(ran.sum())
        return Belief(self.goals, known, place, feasible, digest, left, true, attained=bool(counts.any()))

    def _known(
        self,
        outcome: str,
        data: tuple[Datum, ...],
        x: Array,
        history: Sequence[Datum],
        *,
        named: str,
        why: str,
    ) -> Known:
        pairs = np.array([d.outcomes[outcome] for d in data], dtype=np.float64)
        y, error, sign = pairs[:, 0], pairs[:, 1], self.goals.sign(outcome)
        followed, unusual = tamed(y, [d.run for d in data])
        found = learned(
            SURROGATES[0] if why else named,
            x,
            sign * followed,
            error,
            domain=self.domain,
            remembered=self._remembered[outcome],
            seed=self.seed,
            sign=sign,
            own=self._learner(named, outcome),
        )
        if why or found.fault:
            self.trouble = f"{why or found.words} {_GOES_ON}"
        process = found.process
        left = process.leave_one_out()
        by = predicted_by(self._made_by, found.surrogate)
        widened = widening(*recorded(history, outcome, process.noise, by)[:3])
        return Known(
            outcome=outcome,
            unit=self.goals.unit(outcome),
            sign=sign,
            process=process,
            data=data,
            x=x,
            y=y,
            error=error,
            calibration=calibration(*rolling(history, outcome, process.noise, by)),
            skill=skill(followed, sign * left.mean, left.std, process.held_out)
            if np.ptp(followed) > 1.0 / _LARGEST
            else None,
            words=" ".join(
                filter(
                    None, [why, found.words, process.words, unusual, *self._besides(data), in_words(widened)]
                )
            ),
            surrogate=found.surrogate,
            widened=widened,
        )

    def _besides(self, data: tuple[Datum, ...]) -> list[str]:
        """What there is to say of the data itself."""
        return [self._too_large, _branches(data)]

    def _learner(self, named: str, outcome: str) -> ForeignLearner | None:
        """What learns with a regressor of the user's own; ``None`` where there is none, or it may not run here."""
        if not self.runs_code or not is_reference(named):
            return None
        if (named, outcome) not in self._own:
            from aisteer.steering.foreign_learners import ForeignLearner

            self._own[named, outcome] = ForeignLearner(named)
        return self._own[named, outcome]


def _branches(data: Sequence[Datum]) -> str:
    """Words about runs that went on from others: nothing tells how much of their chance they share."""
    names = {d.run for d in data}
    found = [d.run for d in data if d.parent in names]
    if not found:
        return ""
    named = ", ".join(found[:3]) + (" and others" if len(found) > 3 else "")
    return (
        f"{named}: branched from runs that count too. What chance did to a parent before the branch is in both, so "
        "they agree more than two runs would. The fit counts them as if they did not; the record of predictions leaves "
        "them out."
    )
