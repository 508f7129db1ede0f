"""Points that chance chooses beside a policy: without them, predictions are only tested where the AI likes to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from aisteer.journal.commands import Draft
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.protocols import Evidence, Json, Policy, Predicts
from aisteer.steering.random_arm import RandomArm
from aisteer.steering.rolling import AUDIT
from aisteer.steering.thought import Situation

__all__ = ["Audits"]

_STREAM = 9


class Audits:
    """Draws a share of a task's proposals at random: ``audit`` in its definition.

    Which ones, and which points, depends on the seed and on how many proposals there were.

    Args:
        definition: The task's definition.
        space: Its space or pool.
    """

    def __init__(self, definition: Json, space: Space | Pool) -> None:
        self.share = float(definition.get("audit") or 0.0)
        self.seed = int(definition.get("seed") or 0)
        self._arm = RandomArm(space, self.seed + 104_729)

    def among(self, stands: Situation, n: int) -> int:
        """How many of the next ``n`` proposals chance chooses; none before there are predictions to be tested."""
        if not self.share or stands.model < 0:
            return 0
        draws = (np.random.default_rng([self.seed, _STREAM, stands.made + i]).random() for i in range(n))
        return sum(draw < self.share for draw in draws)

    def drafts(self, policy: Policy, evidence: Evidence, besides: Sequence[Draft], n: int) -> list[Draft]:
        """``n`` points that chance chose, and what the policy expects of them.

        Args:
            policy: Whose predictions are tested.
            evidence: What it knows.
            besides: Drafts of the same batch, which are not drawn again.
            n: How many.
        """
        if not n:
            return []
        open_now = (*evidence.waiting, *(("", d.parameters) for d in besides))
        drawn = self._arm.propose(replace(evidence, waiting=open_now), n).drafts
        told = policy.predict(evidence, [d.parameters for d in drawn]) if isinstance(policy, Predicts) else []
        words = f"drawn at random, as {self.share:.0%} of the proposals are, to test the predictions where nobody chose"
        note = {"kind": "audit", "share": self.share, "words": words}
        found = []
        for draft, said in zip(drawn, told or [{}] * len(drawn), strict=True):
            told_of = {k: said[k] for k in ("predicted", "acquisition", "rank", "of") if k in said}
            reasons = [note, *said.get("reasons", []), *draft.reasons]
            found.append(replace(draft, origin=AUDIT, reasons=reasons, **told_of))
        return found
