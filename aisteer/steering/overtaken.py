"""Proposals that wait and are overtaken: by what the AI is told, by what ended meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aisteer.journal.events import ProposalPredicted
from aisteer.problem.pool import Pool
from aisteer.problem.regions import ruled_out
from aisteer.problem.space import Space
from aisteer.steering.protocols import Evidence
from aisteer.steering.rank import moved
from aisteer.steering.restraint import settings_of
from aisteer.steering.thought import Situation

__all__ = ["Seen", "left_out", "moved_by", "overtaken", "surplus"]

_STALE_SHARE = 0.25
_STALE_BATCHES = 10
_TOLD = ("acquisition", "exploration", "weights", "surrogate", "pinned", "forbidden")
"""Settings that acquisitions and ranks depend on."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What predictions and ranks rest on: the runs that ended, and what the AI was told to make of them."""

    runs: tuple[str, ...]
    told: str

    @classmethod
    def of(cls, evidence: Evidence) -> Seen:
        """That of the evidence."""
        known = (*evidence.data, *evidence.estimated)
        runs = (*(d.run for d in known), "failed", *(name for name, _ in evidence.broken))
        told = {name: evidence.steering.get(name) for name in _TOLD}
        return cls(runs, json.dumps(told, sort_keys=True))


def left_out(space: Space | Pool, evidence: Evidence, stands: Situation) -> dict[str, list[str]]:
    """The AI's waiting proposals that the steering leaves no room for, by reason."""
    settings, found = settings_of(evidence), dict[str, list[str]]()
    for proposal in stands.waiting:
        words = ruled_out(space, settings, proposal.parameters)
        if words:
            found.setdefault(words, []).append(proposal.id)
    return found


def surplus(evidence: Evidence, stands: Situation) -> dict[str, list[str]]:
    """First points that wait though as many outcomes are known as there were to be, where more wait than a batch has.

    That is where a human had many shown to choose from; what he left would keep the AI from going on.
    """
    first = {
        p.id: reason["of"] for p in stands.waiting for reason in p.reasons if reason.get("kind") == "initial"
    }
    left = [name for name, of in first.items() if len(evidence.data) >= of]
    if not left or len(stands.waiting) <= stands.batch:
        return {}
    return {"the first design is complete: what is proposed now rests on its outcomes": left}


def moved_by(before: Seen | None, now: Seen) -> str:
    """What ranks were moved by, in words."""
    return "new results" if before is None or before.runs != now.runs else "what the AI was told since"


def overtaken(predictions: Sequence[ProposalPredicted], stands: Situation, why: str) -> dict[str, list[str]]:
    """Waiting proposals that ``why`` has moved far down, by reason.

    A rank beyond a quarter of the candidates, and beyond ten batches, is far; first points stay, and so does what
    another mind proposed: the ranks are of our surrogate.
    """
    mine = {p.id: p for p in stands.waiting}
    found: dict[str, list[str]] = {}
    for told in predictions:
        proposal = mine.get(told.proposal)
        if proposal is None or not proposal.predicted or told.rank is None or told.of is None:
            continue
        if any(reason.get("kind") in {"initial", "mind", "audit"} for reason in proposal.reasons):
            continue
        if told.rank > max(_STALE_SHARE * told.of, _STALE_BATCHES * stands.batch):
            words = f"{why} moved it {moved(proposal.rank, proposal.of, told.rank, told.of)}"
            found.setdefault(words, []).append(told.proposal)
    return found
