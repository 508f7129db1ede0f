"""What autonomy rules may look at besides the proposal that they judge."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aisteer.journal.events import STARTS
from aisteer.journal.state import Proposal, State
from aisteer.steering.rolling import earned
from aisteer.surrogates.calibration import Coverage, coverage

__all__ = ["Context"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What rules may look at besides the proposal.

    Attributes:
        now: Unix time.
        outcome: Name of the objective's outcome.
        calibration: The task's calibration summary, as in ``SurrogateFitted``: of several objectives that of the first
            whose predictions are not to be trusted; empty where there is none.
        remaining: What is left of the budget after reservations.
        automatic: How many acceptances without a human there have been, in this campaign.
        unit: What costs are counted in.
        free: A cost of nothing is one that is known, not one that nobody knows yet.
        earned: The outcome whose predictions have held worst so far, and how often they did.
    """

    now: float
    outcome: str = ""
    calibration: Json = field(default_factory=dict)
    remaining: float = math.inf
    automatic: Callable[[], int] = int
    unit: str = "node-hours"
    free: bool = False
    earned: Callable[[], tuple[str, Coverage]] = lambda: ("", coverage(*(np.zeros((3, 0)))))

    @classmethod
    def of(
        cls,
        state: State,
        proposal: Proposal,
        now: float,
        *,
        remaining: float | None = None,
        automatic: int = 0,
        memory: dict[str, tuple[str, Coverage]] | None = None,
    ) -> Context:
        """The context of ``proposal`` at ``state``.

        Args:
            state: The state.
            proposal: What is judged.
            now: Unix time.
            remaining: What is left of the budget, where acceptances of the same pass count already.
            automatic: Acceptances of the same pass.
            memory: Coverages by task, kept for the proposals of the same pass.
        """

        def covered() -> tuple[str, Coverage]:
            kept = {} if memory is None else memory
            if proposal.task not in kept:
                kept[proposal.task] = earned(state, proposal.task)
            return kept[proposal.task]

        task = state.definition.get("tasks", {}).get(proposal.task, {})
        fit = state.models.get(proposal.task)
        return cls(
            now=now,
            outcome=str((task.get("objective") or {}).get("outcome", "")),
            calibration=_calibration_of(task, fit.summary) if fit else {},
            remaining=state.remaining if remaining is None else remaining,
            automatic=lambda: _automatic_acceptances(state) + automatic,
            unit=state.unit,
            free=proposal.action not in STARTS or task.get("cost") == 0,
            earned=covered,
        )


def _calibration_of(task: Json, summary: Json) -> Json:
    """How predictions held: of several objectives, of the first that should not be trusted."""
    each: Json = summary.get("outcomes") or {}
    names = [one.get("outcome") for one in task.get("objectives") or ()]
    known = [dict(each[name].get("calibration") or {}) for name in names if name in each]
    first = dict(summary.get("calibration") or {})
    return next((one for one in known if one.get("trusted") is not True), first)


def _automatic_acceptances(state: State) -> int:
    return sum(
        1
        for p in state.proposals.values()
        if p.decision is not None and p.decision.verdict == "accepted" and p.decision.rule is not None
    )
