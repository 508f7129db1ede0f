"""What decisions brought: how often the AI was followed, and how its picks and the humans' came out.

All of it describes. A cause is claimed only from edits whose original was run beside them, drawn by chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.journal.state import State
from aisteer.problem.goals import Goals
from aisteer.steering.ledger import ledger
from aisteer.steering.protocols import Json
from aisteer.surrogates.calibration import Coverage, coverage, wilson

__all__ = ["Effect", "Followed", "Hindsight", "hindsight"]

Array = NDArray[np.float64]
_FEW = 5
"""Randomised pairs that it takes to give an interval."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What humans (or rules) did with the AI's proposals.

    Attributes:
        accepted: As they were.
        edited: Replaced by another point.
        rejected: Not run.
        rate: Share that was accepted; ``None`` where nothing was decided.
        low: Lower end of its 95 % Wilson interval.
        high: Upper end.
    """

    accepted: int
    edited: int
    rejected: int
    rate: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What edits brought over the AI's originals, from pairs that chance chose.

    Attributes:
        pairs: Edits with an outcome whose original has one too.
        drawn: Edits that were drawn; the rest of them has not ended, failed, or was not covered by the budget.
        mean: Mean gain of the edit over the original, in the objective's unit; positive where the edit was better.
        error: Its standard error; ``None`` with fewer than 2 pairs.
        low: Lower end of its 95 % interval (Student's t); ``None`` with fewer than 5 pairs.
        high: Upper end.
    """

    pairs: int
    drawn: int
    mean: float | None = None
    error: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What decisions on a task's proposals brought.

    Attributes:
        task: The task.
        outcome: Of which objective.
        unit: Its unit.
        by_humans: What humans did with the AI's proposals.
        by_rules: What autonomy rules did with them.
        ai: How predictions at the AI's own picks held.
        humans: How the same surrogate's predictions held where humans chose: edits and own points.
        edits: A row for each edit: the AI's pick and the human's, predicted and actual.
        effect: What edits brought; the only part that speaks of a cause.
        words: All of that, for a human.
    """

    task: str
    outcome: str
    unit: str
    by_humans: Followed
    by_rules: Followed
    ai: Coverage
    humans: Coverage
    edits: list[Json] = field(repr=False)
    effect: Effect = field(default=Effect(0, 0))
    words: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """As plain data."""
        return asdict(self)


def hindsight(state: State, task: str) -> Hindsight:
    """Look back at the decisions on a task's proposals.

    Args:
        state: The state.
        task: The task.
    """
    goals = Goals.of(state.definition["tasks"][task])
    objective, unit = goals.first, goals.unit(goals.first.outcome)
    rows = [row for row in ledger(state, task) if row["action"] == "start"]
    twins = {name for name, p in state.proposals.items() if p.beside is not None} if rows else set()
    ai = [row for row in rows if row["origin"] == "ai" and row["proposal"] not in twins]
    noise = _noise(state, task, objective.outcome)
    edits = [
        _edit(state, row) for row in rows if row["parent"] is not None and row["ai_parameters"] is not None
    ]
    worth = objective.worth if objective.has_best else None
    found: Json = {
        "by_humans": _followed([row for row in ai if row["rule"] is None]),
        "by_rules": _followed([row for row in ai if row["rule"] is not None]),
        "ai": _held([row for row in rows if row["origin"] == "ai"], noise),
        "humans": _held([row for row in rows if row["origin"] == "human"], noise),
        "effect": _effect(edits, worth),
    }
    words = tuple(_words(found, unit, worth))
    return Hindsight(task=task, outcome=objective.outcome, unit=unit, edits=edits, words=words, **found)


def _noise(state: State, task: str, outcome: str) -> float:
    fit = state.models.get(task)
    summary: Json = fit.summary if fit else {}
    known = (summary.get("outcomes") or {}).get(outcome, summary)
    return float(known.get("noise") or 0.0)


def _followed(rows: Sequence[Json]) -> Followed:
    counts = {
        word: sum(row["decision"] == word for row in rows) for word in ("accepted", "edited", "rejected")
    }
    of = sum(counts.values())
    low, high = wilson(counts["accepted"], of)
    return Followed(**counts, rate=counts["accepted"] / of if of else None, low=low, high=high)


def _held(rows: Sequence[Json], noise: float) -> Coverage:
    """How often the 90 % intervals held, of what was predicted before it ran and is not marked bad."""
    told = [r for r in rows if r["predicted_std"] is not None and r["outcome"] is not None and not r["bad"]]
    told = [r for r in told if r["state"] == "done"]
    table = np.array(
        [[r["outcome"], r["predicted_mean"], r["predicted_std"], r["standard_error"] or noise] for r in told]
    )
    value, mean, std, error = table.reshape(-1, 4).T
    return coverage(value, mean, np.maximum(np.hypot(std, error), 1e-300))


def _edit(state: State, row: Json) -> Json:
    """An edit: the AI's pick and the human's, predicted and actual."""
    proposal = state.proposals[row["proposal"]]
    decision = proposal.decision
    drawn = decision is not None and "counterfactual" in (decision.evidence or {})
    names = ("proposal", "parent", "by", "reason", "ai_parameters", "parameters", "ai_mean", "ai_std")
    more = (
        "predicted_mean",
        "predicted_std",
        "run",
        "outcome",
        "standard_error",
        "ai_run",
        "ai_outcome",
        "ai_error",
    )
    counts = drawn and row["state"] == "done" and not row["bad"]
    if counts and row["ai_run"] is not None:
        twin = state.runs[row["ai_run"]]
        counts = twin.end == "done" and not twin.bad
    return {name: row[name] for name in (*names, *more)} | {
        "reason": proposal.reason or row["reason"],
        "drawn": drawn,
        "counts": counts,
    }


def _effect(edits: Sequence[Json], worth: Callable[[Any], Any] | None) -> Effect:
    drawn = [edit for edit in edits if edit["drawn"]]
    pairs = [e for e in drawn if e["counts"] and e["outcome"] is not None and e["ai_outcome"] is not None]
    if worth is None or not pairs:
        return Effect(0 if worth is None else len(pairs), len(drawn))
    gains: Array = np.asarray(worth(np.array([e["outcome"] for e in pairs], dtype=np.float64)))
    gains = gains - np.asarray(worth(np.array([e["ai_outcome"] for e in pairs], dtype=np.float64)))
    n, mean = len(gains), float(gains.mean())
    if n < 2:
        return Effect(n, len(drawn), mean)
    error = float(gains.std(ddof=1)) / math.sqrt(n)
    if n < _FEW:
        return Effect(n, len(drawn), mean, error)
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, 0.975)) * error
    return Effect(n, len(drawn), mean, error, mean - half, mean + half)


def _words(found: Json, unit: str, worth: object) -> list[str]:
    said = []
    for name, who in (("by_humans", "Humans"), ("by_rules", "Rules")):
        followed: Followed = found[name]
        if followed.rate is not None:
            interval = f"95 % interval {followed.low:.0%} to {followed.high:.0%}"
            rest = f"edited {followed.edited} and rejected {followed.rejected}"
            said.append(
                f"{who} accepted {followed.rate:.0%} of the AI's proposals as they were ({interval}), {rest}."
            )
    for name, where in (("ai", "where the AI chose"), ("humans", "where humans chose")):
        held: Coverage = found[name]
        if held.of:
            counted = f"{held.inside} of {held.of} outcomes {where}"
            interval = f"coverage {held.low:.0%} to {held.high:.0%}"
            said.append(f"{counted} fell inside the 90 % interval that the surrogate predicted ({interval}).")
    return [*said, _effect_in_words(found["effect"], unit, worth)]


def _effect_in_words(effect: Effect, unit: str, worth: object) -> str:
    if not effect.pairs or worth is None:
        return "Whether edits made outcomes better cannot be said: no original was run beside its edit."
    if effect.low is None or effect.high is None:
        pairs = f"{effect.pairs} pair{'s' if effect.pairs > 1 else ''} drawn by chance"
        better = "better" if (effect.mean or 0.0) >= 0 else "worse"
        gain = f"{abs(effect.mean or 0.0):.3g} {unit}".rstrip()
        return f"In {pairs} the edit was {better} by {gain}: too few to say more, at least {_FEW} are needed."
    mean, low, high, verdict = effect.mean or 0.0, effect.low, effect.high, "made no clear difference"
    if high < 0:  # Said as how much worse, without a sign.
        mean, low, high, verdict = -mean, -high, -low, "made outcomes worse"
    elif low > 0:
        verdict = "made outcomes better"
    gain = f"{mean:.3g} {unit}".rstrip()
    interval = f"95 % interval {low:.3g} to {high:.3g} {unit}".rstrip()
    by = "" if low <= 0 else "by "
    told = f"Edits {verdict}: {by}{gain} on average ({interval}), in {effect.pairs} pairs drawn by chance."
    return told.replace("-", "−")
