"""Proposals before they have a name, and what makes two of them the same point."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aisteer.journal import events as ev
from aisteer.journal.events import Json
from aisteer.journal.state import Proposal, Searchable, State

__all__ = ["Draft", "existing", "point_key"]

_STANDING = frozenset({"waiting", "accepted", "launched"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A proposal before it has a name. Fields as in ``ProposalMade``."""

    task: str
    parameters: Json
    origin: ev.Origin
    action: ev.Action = "start"
    predicted: dict[str, list[float]] = field(default_factory=dict)
    acquisition: float | None = None
    rank: int | None = None
    of: int | None = None
    cost: float = 0.0
    reasons: Sequence[Json] = ()
    run: str | None = None
    restart: str | None = None
    observation: int | None = None
    resources: Json | None = None
    model: int | None = None
    reason: str = ""


def point_key(task: str, action: str, run: str | None, parameters: Json) -> str:
    """What makes two proposals the same point."""
    return json.dumps([task, action, run, parameters], sort_keys=True, ensure_ascii=False)


def existing(state: State, drafts: Iterable[Draft]) -> dict[str, str]:
    """Point key to the proposal that already covers it (waiting, accepted, or launched)."""
    wanted = {point_key(d.task, d.action, d.run, d.parameters): d for d in drafts}
    found: dict[str, str] = {}
    for proposal in _candidates(state, wanted):
        if proposal.state in _STANDING:
            key = point_key(proposal.task, proposal.action, proposal.run, proposal.parameters)
            if key in wanted and _begins_alike(proposal, wanted[key]):
                found.setdefault(key, proposal.id)
    return found


def _begins_alike(proposal: Proposal, draft: Draft) -> bool:
    """Whether both go on from the same place.

    The last checkpoint is another one when the same is asked again of a run that has gone on meanwhile; one that
    was wished is not.
    """
    return proposal.restart == draft.restart or (proposal.observation is None and draft.observation is None)


def _candidates(state: State, keys: Iterable[str]) -> Iterable[Proposal]:
    """The proposals that may have one of ``keys``: all of them, unless the store keeps an index."""
    if isinstance(state.proposals, Searchable):
        return state.proposals.alike(keys)
    return state.proposals.values()
