"""Where the autonomy rules meet the proposals that wait."""

from __future__ import annotations

from collections.abc import Sequence

from aisteer.journal.commands import Verdict
from aisteer.journal.state import State
from aisteer.steering.autonomy import Context, judge
from aisteer.surrogates.calibration import Coverage

__all__ = ["Rules"]


class Rules:
    """Asks the rules about each waiting proposal, once per change of what they can look at.

    While it waits for a human whether a task is to end, they begin nothing more in it.
    ``next_look`` is the Unix time at which a rule's answer can change by the clock alone.
    """

    def __init__(self) -> None:
        self.next_look: float | None = None
        self._asked_at = -1

    def verdicts(self, state: State, now: float) -> Sequence[Verdict]:
        """The verdicts that rules give now; proposals that a human must decide on have none."""
        due = self.next_look is not None and now >= self.next_look
        if not state.active or not state.waiting or (state.position == self._asked_at and not due):
            return []
        self._asked_at = state.position
        self.next_look = None
        found: list[Verdict] = []
        left = state.remaining
        memory: dict[str, tuple[str, Coverage]] = {}
        for name in state.waiting:
            proposal = state.proposals[name]
            rule = state.rule_for(proposal.task)
            if not rule or not state.may_decide(name, begins=False):
                continue
            context = Context.of(state, proposal, now, remaining=left, automatic=len(found), memory=memory)
            verdict = judge(rule, proposal, context)
            if verdict.next_look is not None:
                self.next_look = min(verdict.next_look, self.next_look or verdict.next_look)
            if verdict.verdict == "ask":
                continue
            word = "accepted" if verdict.verdict == "accept" else "rejected"
            if word == "accepted":
                if not state.may_decide(name, begins=True):
                    continue
                if proposal.action != "stop" and proposal.cost > left:
                    continue
                left -= proposal.cost
            found.append(
                Verdict(proposal=name, verdict=word, rule=verdict.rule, evidence=verdict.evidence, asked=rule)
            )
        return found
