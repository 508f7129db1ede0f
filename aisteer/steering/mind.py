"""The mind: when to propose, what to say of what waits, what to take back. It never touches the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.errors import AisteerError
from aisteer.journal.events import ProposalPredicted, SurrogateFitted
from aisteer.journal.state import Proposal
from aisteer.problem.pool import Pool, space_from_json
from aisteer.problem.space import Space
from aisteer.steering.ahead import Ahead
from aisteer.steering.audits import Audits
from aisteer.steering.ending import or_finish
from aisteer.steering.overtaken import Seen, left_out, moved_by, overtaken, surplus
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Evidence, Json, Policy, Predicts, Troubled
from aisteer.steering.restraint import obeying
from aisteer.steering.thought import Situation, Thought, situation

if TYPE_CHECKING:
    from aisteer.steering.beliefs import Arrays

__all__ = ["Mind", "Situation", "Thought", "situation", "wanted"]


@dataclass(slots=True)
class _Task:
    """What is kept warm of a task: its policy for as long as the definition stays, and the last fit."""

    key: str
    space: Space | Pool
    policy: Policy
    audits: Audits
    ahead: Ahead = field(default_factory=Ahead)
    seen: Seen | None = None
    model: int = -1


def wanted(stands: Situation) -> int:
    """How many proposals to make now.

    At most ``batch`` wait at once. The next are made when fewer wait than there are free slots, or none
    waits at all, and at most half a batch is accepted but not launched yet: so that a human finds something
    to decide on, slots do not idle, and nothing is decided long before results that could change it. Where a
    human has just asked for more at once, they come at once.
    A seeded random arm learns nothing, so it fills every slot.
    """
    if not stands.active or (stands.left is not None and stands.left <= 0):
        return 0
    waiting = len(stands.waiting)
    free = max(0, stands.slots - stands.live - stands.queued)
    if (waiting >= max(1, free) and not stands.more) or stands.queued >= max(1, stands.batch // 2):
        return 0
    n = max(0, stands.batch - waiting - stands.queued)
    return n if stands.left is None else min(n, stands.left)


def _wanted_at_random(stands: Situation) -> int:
    if not stands.active:
        return 0
    n = max(stands.batch, stands.slots) - len(stands.waiting) - stands.queued
    # Whole batches, so that a thousand short runs do not take a thousand thoughts.
    if 2 * n < max(stands.batch, stands.slots) and not stands.more:
        return 0
    return max(0, n if stands.left is None else min(n, stands.left))


class Mind:
    """Thinks about the tasks of one campaign: one policy for each, kept warm.

    All calls come from one thread; the heavy imports happen there, when a policy that needs them is made.

    Args:
        folder: The campaign's folder, where the candidates of pools and the code of foreign minds are kept.
        minds: Task name to a foreign mind of this process, where it cannot be made from the definition. Looked at
            each time: somebody may bring one later.
    """

    def __init__(self, folder: Path | str, minds: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self.minds = {} if minds is None else minds
        self._tasks: dict[str, _Task] = {}

    def think(self, evidence: Evidence, stands: Situation) -> Thought:
        """What is to be written, given what is known and how things stand.

        Args:
            evidence: Of ``aisteer.steering.evidence.evidence``.
            stands: Of ``situation`` at the same state.
        """
        try:
            task = self._task(evidence)
        except AisteerError as error:
            return Thought(trouble=str(error))
        out = {**left_out(task.space, evidence, stands), **surplus(evidence, stands)}
        gone = {name for names in out.values() for name in names}
        stands = replace(stands, waiting=tuple(p for p in stands.waiting if p.id not in gone))
        if not isinstance(task.policy, Predicts):
            return or_finish(self._at_random(task, evidence, stands, out), evidence, stands)
        n = wanted(stands)
        news = task.seen != Seen.of(evidence)
        looks = stands.waiting or stands.told or _trouble(task.policy)
        if not n and not stands.unpredicted and not (news and looks):
            if stands.active and stands.asks and stands.waiting and stands.left != 0:
                task.ahead.prepare(task.policy, evidence, stands.batch)
            return or_finish(Thought(withdrawals=out, trouble=_trouble(task.policy)), evidence, stands)
        thought = self._considered(task, evidence, stands, n)
        trouble = _trouble(task.policy) or thought.trouble
        whole = replace(thought, withdrawals={**out, **thought.withdrawals}, trouble=trouble)
        return or_finish(whole, evidence, stands)

    def _at_random(
        self, task: _Task, evidence: Evidence, stands: Situation, out: dict[str, list[str]]
    ) -> Thought:
        n = _wanted_at_random(stands)
        drafts = task.policy.propose(evidence, n).drafts if n else ()
        kept = obeying(drafts, task.space, evidence)
        return Thought(drafts=[replace(d, cost=stands.cost) for d in kept], withdrawals=out)

    def _considered(self, task: _Task, evidence: Evidence, stands: Situation, n: int) -> Thought:
        drawn = task.audits.among(stands, n)
        batch = task.ahead.propose(task.policy, evidence, n - drawn)
        audits = task.audits.drafts(task.policy, evidence, batch.drafts, drawn if batch.summary else 0)
        before, task.seen = task.seen, Seen.of(evidence)
        fit = self._fit(task, evidence, stands, batch.summary)
        known = (*stands.waiting, *stands.told) if before != task.seen else ()
        told = [*stands.unpredicted, *(p for p in known if p.predicted)]
        predictions = self._predictions(task, evidence, told, stands)
        stale = overtaken(predictions, stands, moved_by(before, task.seen))
        drafts = [
            replace(
                d,
                cost=(d.cost if stands.unit == "node-hours" else 0.0) or stands.cost,
                model=task.model if d.predicted else None,
            )
            for d in [*obeying(batch.drafts, task.space, evidence), *audits]
        ]
        trouble = ""
        if n and not drafts and not stands.live and not stands.queued and not stands.waiting:
            trouble = (
                f"There is nothing left to propose for {evidence.task!r}: every point of its space has run, failed "
                "or was rejected. The campaign ends here unless the space is widened with campaign.redefine(…)."
            )
        kept = [
            p for p in predictions if p.proposal not in {name for names in stale.values() for name in names}
        ]
        return Thought(drafts=drafts, predictions=kept, withdrawals=stale, fit=fit, trouble=trouble)

    def _fit(
        self, task: _Task, evidence: Evidence, stands: Situation, summary: Json
    ) -> SurrogateFitted | None:
        """The fit as an event where it is a new one; a restart that fits the same data finds the old one."""
        if not summary:
            return None
        if summary["data"] == stands.fitted:
            task.model = stands.model
            return None
        if task.model <= stands.model or task.model < 0:
            task.model = stands.model + 1
        return SurrogateFitted(task=evidence.task, model=task.model, runs=len(evidence.data), summary=summary)

    def _predictions(
        self, task: _Task, evidence: Evidence, proposals: Sequence[Proposal], stands: Situation
    ) -> list[ProposalPredicted]:
        inside = [p for p in proposals if _inside(task.space, p)]
        if not inside:
            return []
        assert isinstance(task.policy, Predicts)
        told = task.policy.predict(evidence, [p.parameters for p in inside])
        return [
            ProposalPredicted(
                proposal=p.id,
                predicted=said["predicted"],
                model=task.model,
                acquisition=said["acquisition"],
                rank=said["rank"],
                of=said["of"],
                cost=_cost(p, said, stands),
                reasons=[
                    *(r for r in p.reasons if r.get("kind") == "mind"),
                    *said["reasons"],
                    *(r for r in p.reasons if r.get("kind") in _KEPT),
                ],
            )
            for p, said in zip(inside, told, strict=True)
            if said["predicted"]
        ]

    def _task(self, evidence: Evidence) -> _Task:
        definition = evidence.definition
        key = json.dumps({name: definition.get(name) for name in _MADE_OF}, sort_keys=True)
        known = self._tasks.get(evidence.task)
        if known is None or known.key != key:
            space = space_from_json(definition["space"], self.folder)
            name = evidence.task
            made = policy(definition, space, folder=self.folder, live=lambda: self.minds.get(name))
            known = self._tasks[name] = _Task(key, space, made, Audits(definition, space))
        return known

    def policy_of(self, evidence: Evidence) -> Policy:
        """The policy of the task, kept warm: its last fit is found there."""
        return self._task(evidence).policy

    def belief(
        self,
        evidence: Evidence,
        *,
        x: str | None = None,
        y: str | None = None,
        resolution: int = 101,
        at: Json | None = None,
    ) -> Arrays:
        """What the surrogate believes, as arrays; see ``aisteer.steering.beliefs.belief``.

        Raises:
            NotSupported: The task's policy has no surrogate, or there is not enough to fit one yet.
        """
        from aisteer.steering.beliefs import belief

        task = self._task(evidence)
        return belief(task.policy, evidence, x=x, y=y, resolution=resolution, at=at or {})


_MADE_OF = (
    *("space", "objective", "objectives", "feasible", "context", "policy", "seed", "audit"),
    *("fidelity", "cost_aware", "costs"),
)
"""What a policy is made of: it is made anew when one of these changes in the definition."""
_KEPT = {"initial", "batch", "steering", "audit", "counterfactual"}
"""Reasons that say how a proposal came about: they stay when it is predicted anew."""


def _trouble(policy: Policy) -> str:
    """What a policy says is wrong with it, for as long as it is."""
    return policy.trouble if isinstance(policy, Troubled) else ""


def _cost(proposal: Proposal, said: Json, stands: Situation) -> float | None:
    """What it is now expected to cost; ``None`` where that stays."""
    if "cost" in said and stands.unit == "node-hours" and not proposal.resources:
        return float(said["cost"])
    return None if proposal.cost else stands.prices.get(proposal.id, stands.cost)


def _inside(space: Space | Pool, proposal: Proposal) -> bool:
    try:
        space.validate({name: proposal.parameters[name] for name in space.names})
    except (KeyError, AisteerError):
        return False
    return True
