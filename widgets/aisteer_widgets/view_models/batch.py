"""What was decided on the latest batch, as a sentence."""

from __future__ import annotations

from collections import Counter

from aisteer.journal.state import State

__all__ = ["last_batch"]

_DID = {"accepted": "accepted", "rejected": "rejected", "edited": "edited", "withdrawn": "withdrew"}


def last_batch(state: State) -> str:
    """What was decided on the latest batch that is fully decided; empty before there is one."""
    counts: Counter[tuple[str, str]] = Counter()
    batch = None
    for number in range(state.next_proposal - 1, max(0, state.next_proposal - 400), -1):
        proposal = state.proposals.get(f"P{number}")
        if proposal is None or proposal.batch is None:
            continue
        if batch is not None and proposal.batch != batch:
            break
        if batch is None and proposal.state == "waiting":
            continue
        batch = proposal.batch
        decision = proposal.decision
        if decision is None:
            continue
        whose = "the rules" if decision.rule else "you" if decision.by.kind == "human" else "the AI"
        counts[whose, _DID.get(decision.verdict, decision.verdict)] += 1
    return _tell(counts)


def _tell(counts: Counter[tuple[str, str]]) -> str:
    """``Last batch: you accepted 1 and edited 1; the AI withdrew 1``."""
    told: dict[str, list[str]] = {}
    for (whose, did), n in sorted(counts.items(), key=_place):
        told.setdefault(whose, []).append(f"{did} {n:,}")
    parts = [f"{whose} {_listed(deeds)}" for whose, deeds in told.items()]
    return f"Last batch: {'; '.join(parts)}" if parts else ""


def _place(item: tuple[tuple[str, str], int]) -> tuple[int, str]:
    (whose, did), _ = item
    return ("you", "the rules", "the AI").index(whose), did


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
