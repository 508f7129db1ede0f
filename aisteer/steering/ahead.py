"""The next batch, made ready while a human decides on this one, so that it shows as soon as there is room for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aisteer.steering.points import point_key
from aisteer.steering.protocols import Batch, Evidence, Json, Policy

__all__ = ["Ahead"]


class Ahead:
    """A batch that a policy has ready, for as long as what it rests on stays the same.

    Accepting a proposal changes nothing of that: what waited is under way, and both count as such. A result, a
    rejection, an edit, steering or a candidate of somebody's own does, and then the batch is dropped.

    Only policies are asked whose answer is a function of the evidence (``repeatable``): others may not be asked
    for what is not used.
    """

    def __init__(self) -> None:
        self._rests_on: Any = None
        self._batch: Batch | None = None

    def propose(self, policy: Policy, evidence: Evidence, n: int) -> Batch:
        """Up to ``n`` drafts: those that are ready where they still hold, else the policy's."""
        ready, self._batch = self._batch, None
        if not n or ready is None or len(ready.drafts) < n or self._rests_on != _basis(evidence):
            return policy.propose(evidence, n)
        drafts = [replace(d, reasons=_placed(d.reasons, n)) for d in ready.drafts[:n]]
        return replace(ready, drafts=drafts)

    def prepare(self, policy: Policy, evidence: Evidence, n: int) -> None:
        """Make ``n`` drafts ready; nothing to do where they are."""
        if not getattr(policy, "repeatable", False) or n < 1:
            return
        basis = _basis(evidence)
        if self._batch is None or self._rests_on != basis:
            self._rests_on, self._batch = basis, policy.propose(evidence, n)


def _basis(evidence: Evidence) -> Any:
    """What a batch rests on; whether a point waits or is under way makes no difference."""
    under_way = [*evidence.pending, *(parameters for _, parameters in evidence.waiting)]
    return (
        tuple(d.run for d in evidence.data),
        tuple(_key(p) for p, _ in evidence.rejected),
        frozenset(_key(p) for p in under_way),
        len(evidence.failed),
        len(evidence.broken),
        len(evidence.censored),
        evidence.steering,
    )


def _key(parameters: Json) -> Any:
    return point_key(sorted(parameters), parameters)


def _placed(reasons: Sequence[Json], n: int) -> list[Json]:
    """Reasons with the size that the batch has now."""
    return [{**reason, "of": n} if reason.get("kind") == "batch" else reason for reason in reasons]
