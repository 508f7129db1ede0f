"""What passes between the driver and the mind: how things stand, and what came to mind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aisteer.journal.commands import Draft
from aisteer.journal.events import STARTS, ProposalPredicted, SurrogateFitted
from aisteer.journal.state import Proposal, State, estimate_cost

__all__ = ["BATCH", "Situation", "Thought", "situation", "still_to_propose"]

Json = dict[str, Any]
BATCH = 4
"""Proposals that wait for a decision at once, where a task does not say how many."""


@dataclass(frozen=True, slots=True)
class Situation:
    """How a task stands, as plain data (made in the driver's thread, beside its evidence).

    Attributes:
        task: The task's name.
        active: Proposals are to be made.
        slots: Runs that can be live at once.
        batch: Proposals that may wait for a decision at once.
        more: More of them may wait than when the last of those that do was made: a human has just said so.
        live: Runs that are live.
        queued: Accepted proposals not yet launched.
        waiting: The AI's own proposals that wait for a decision.
        told: The others that wait and begin a run, and have a prediction: own candidates, edits. What new results
            make of them is said anew; they are never taken back.
        unpredicted: Proposals without a prediction whose outcome is not known yet: edits, own candidates.
        left: How many more proposals the task's ``runs`` limit allows; ``None`` is no limit.
        cost: Estimated cost of one run, in the budget's unit.
        remaining: What is left of the budget after reservations.
        unit: What costs are counted in.
        finish: The last proposal to end this task.
        prices: The same of proposals that ask for resources of their own, by name.
        asks: A human decides on each proposal, as no rule does: there is time to make the next ones ready.
        made: Proposals that were made so far, in the whole campaign.
        model: Revision of the last surrogate in the journal; -1 where there is none.
        fitted: Digest of the data that it was fitted on.
    """

    task: str
    active: bool
    slots: int = 1
    batch: int = BATCH
    more: bool = False
    live: int = 0
    queued: int = 0
    waiting: tuple[Proposal, ...] = ()
    told: tuple[Proposal, ...] = ()
    unpredicted: tuple[Proposal, ...] = ()
    left: int | None = None
    cost: float = 0.0
    remaining: float = math.inf
    unit: str = "node-hours"
    finish: Proposal | None = None
    prices: dict[str, float] = field(default_factory=dict)
    asks: bool = False
    made: int = 0
    model: int = -1
    fitted: str = ""


@dataclass(frozen=True, slots=True)
class Thought:
    """What the mind wants to be written.

    Attributes:
        drafts: New proposals, best first, for ``commands.Propose``.
        predictions: For proposals that stand, for ``commands.Predict``.
        withdrawals: Why, to the proposals to be taken back for that reason, for ``commands.Withdraw``.
        fit: The new revision of the surrogate, for ``commands.Fitted``; written before the drafts.
        trouble: What went wrong, what it means and what to do next; empty when all went well.
    """

    drafts: Sequence[Draft] = ()
    predictions: Sequence[ProposalPredicted] = ()
    withdrawals: dict[str, list[str]] = field(default_factory=dict)
    fit: SurrogateFitted | None = None
    trouble: str = ""


def situation(state: State, task: str) -> Situation:
    """How ``task`` stands at ``state``; a pure function, to be called where the state is folded."""
    definition = state.definition["tasks"][task]
    live = [run for run in (state.runs[name] for name in state.live) if run.task == task]
    accepted = [p for p in (state.proposals[name] for name in state.accepted) if p.task == task]
    waiting = [p for p in (state.proposals[name] for name in state.waiting) if p.task == task]
    open_proposals = [*waiting, *accepted, *(state.proposals[run.proposal] for run in live)]
    own = [p for p in open_proposals if p.resources and not p.cost]
    fit = state.models.get(task)
    mine = tuple(p for p in waiting if p.origin in {"ai", "random"} and p.action == "start")
    return Situation(
        task=task,
        active=state.active and task not in state.finished,
        slots=max(1, int(definition.get("slots") or 1)),
        batch=max(1, int(state.steering.get(task, {}).get("batch") or definition.get("batch") or BATCH)),
        more=_more(state, task, mine),
        live=len(live),
        queued=len(accepted),
        waiting=mine,
        told=tuple(p for p in waiting if p not in mine and p.predicted and p.action in STARTS),
        unpredicted=tuple(p for p in open_proposals if not p.predicted and p.action in STARTS),
        left=still_to_propose(state, task),
        cost=estimate_cost(definition, state, task),
        remaining=state.remaining,
        unit=state.unit,
        finish=state.proposals[state.finishing[task]] if task in state.finishing else None,
        prices={p.id: estimate_cost(definition, state, task, p.resources) for p in own},
        asks=(state.rule_for(task) or {"rule": "ask"}).get("rule") == "ask",
        made=state.next_proposal - 1,
        model=fit.model if fit else -1,
        fitted=str(fit.summary.get("data", "")) if fit else "",
    )


def _more(state: State, task: str, waiting: Sequence[Proposal]) -> bool:
    """Whether the number of proposals that wait at once was raised since the last of them was made."""
    said = state.steered.get(task, {}).get("batch")
    if not said or not waiting:
        return False
    usual = state.definition["tasks"][task].get("batch") or BATCH
    now, before = state.steering.get(task, {}).get("batch") or usual, said["before"] or usual
    return int(now) > int(before) and float(said["time"]) >= max(p.time for p in waiting)


def still_to_propose(state: State, task: str) -> int | None:
    """How many more proposals the task's ``runs`` limit allows; ``None`` where it has none."""
    limit = state.definition["tasks"][task].get("runs")
    if limit is None:
        return None
    undecided = (state.proposals[name] for name in (*state.waiting, *state.accepted))
    taken = sum(1 for p in undecided if p.task == task and p.action in STARTS)
    taken += sum(1 for run in state.runs.values() if run.task == task and run.end != "withdrawn")
    return max(0, int(limit) - taken)
