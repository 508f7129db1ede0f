"""What was decided on the latest batch, as a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from aisteer.journal.state import Decision, Proposal, State

__all__ = ["last_batch"]

_DID = {"accepted": "accepted", "rejected": "rejected", "edited": "edited", "withdrawn": "withdrew"}
_TAKEN_BACK = ("withdrew", "ruled out")
_WHO = ("you", "the rules", "the AI")
_BACK = 400
"""Proposals looked at, so that a long campaign costs no more than a short one."""


def last_batch(state: State) -> str:
    """``Last batch of proposals: you accepted 1 and edited 1; 2 still wait``; empty before anything is decided."""
    for batch in _batches(state):
        counts: Counter[tuple[str, str]] = Counter()
        for proposal in batch:
            decision = proposal.decision
            if decision is None:
                continue
            counts[_whose_deed(decision)] += 1
        if counts:
            return _tell(counts, sum(p.state == "waiting" for p in batch))
    return ""


def _whose_deed(decision: Decision) -> tuple[str, str]:
    """Nobody's rule takes a proposal back: the AI does, or whoever steered it or asked something else rules it out."""
    human, did = decision.by.kind == "human", _DID.get(decision.verdict, decision.verdict)
    if decision.verdict == "withdrawn":
        return ("you", "ruled out" if decision.rule else did) if human else ("the AI", did)
    return "the rules" if decision.rule else "you" if human else "the AI", did


def _batches(state: State) -> Iterator[list[Proposal]]:
    """From the latest back; what humans proposed belongs to none."""
    batch: list[Proposal] = []
    for number in range(state.next_proposal - 1, max(0, state.next_proposal - _BACK), -1):
        proposal = state.proposals.get(f"P{number}")
        if proposal is None or proposal.batch is None:
            continue
        if batch and proposal.batch != batch[-1].batch:
            yield batch
            batch = []
        batch.append(proposal)
    if batch:
        yield batch


def _tell(counts: Counter[tuple[str, str]], waiting: int) -> str:
    told: dict[str, list[str]] = {}
    for (whose, did), n in sorted(counts.items(), key=_place):
        told.setdefault(whose, []).append(f"{did} {n:,}")
    parts = []
    for whose, deeds in told.items():
        taken_back = any((whose, did) in counts for did in _TAKEN_BACK)
        parts.append(f"{whose} {_listed(deeds)}" + (" (the ledger says why)" if taken_back else ""))
    if waiting:
        parts.append(f"{waiting:,} still {'waits' if waiting == 1 else 'wait'}")
    return f"Last batch of proposals: {'; '.join(parts)}"


def _place(item: tuple[tuple[str, str], int]) -> tuple[int, str]:
    (whose, did), _ = item
    return _WHO.index(whose), did


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
