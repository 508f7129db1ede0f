"""The randomised share of edits whose original is run too, so that the ledger can say what edits bring."""

from __future__ import annotations

import hashlib

from aisteer.journal import events as ev
from aisteer.journal.commands.drafts import Draft, existing
from aisteer.journal.events import Event, Json
from aisteer.journal.state import Proposal, State, priced
from aisteer.problem.resources import in_unit

__all__ = ["announced", "beside", "left_alone"]

RULE = "counterfactual"
"""The rule that decides on such runs."""


def _share(state: State, proposal: Proposal) -> float:
    definition: Json = state.definition.get("tasks", {}).get(proposal.task, {})
    return float(definition.get("counterfactual") or 0.0) if proposal.action == "start" else 0.0


def announced(state: State, proposal: Proposal) -> list[Json]:
    """What an edit of ``proposal`` says beforehand; all edits say the same, so that nobody knows the draw."""
    share, original = _share(state, proposal), _original(state, proposal)
    if not share or original is None:
        return []
    words = (
        f"when this is accepted, {original.id}, what the AI had proposed, runs too with a chance of {share:.0%}, "
        "at its own cost: so the ledger can say what edits bring"
    )
    return [{"kind": "counterfactual", "share": share, "original": original.id, "words": words}]


def beside(
    state: State, edit: Proposal, *, name: str, launch_after: float, left: float
) -> tuple[list[Event], Json]:
    """What runs beside an edit that is accepted, and what its decision says of that.

    Args:
        state: The state.
        edit: The proposal that is accepted.
        name: The next proposal's name.
        launch_after: As of the edit.
        left: What is left of the budget after the edit.
    """
    share, original = _share(state, edit), _original(state, edit)
    if not share or original is None or original is edit or _drawn(state, original) >= share:
        return [], {}
    if edit.parameters == original.parameters:
        return [], {}
    draft = Draft(task=original.task, parameters=original.parameters, origin="ai")
    known = [found for found in existing(state, [draft]).values() if found not in state.waiting]
    if known:
        return [], {"counterfactual": known[0]}  # it runs anyway
    cost = priced(state, original.task, "start", original.cost, original.resources)
    if state.budget is not None and cost > left + 1e-9:
        return [], {
            "counterfactual": None,
            "why": f"drawn, but there is less than {in_unit(cost, state.unit)} left",
        }
    words = (
        f"run beside {edit.id}, which replaced {original.id}: drawn at random, as {share:.0%} of edits are"
    )
    note: Json = {
        "kind": "counterfactual",
        "share": share,
        "original": original.id,
        "edit": edit.id,
        "words": words,
    }
    made: list[Event] = [
        ev.ProposalMade(
            proposal=name,
            task=original.task,
            parameters=original.parameters,
            origin="ai",
            predicted=original.predicted,
            acquisition=original.acquisition,
            rank=original.rank,
            of=original.of,
            cost=cost,
            reasons=[note, *original.reasons],
            resources=original.resources,
            model=original.model,
            beside=edit.id,
        ),
        ev.ProposalAccepted(
            proposal=name,
            reserved=cost if state.budget is not None else 0.0,
            launch_after=launch_after,
            rule=f"{RULE} {share:.0%}: {words}",
        ),
    ]
    return made, {"counterfactual": name}


def left_alone(state: State, edit: Proposal) -> list[Event]:
    """What takes the original back that was accepted beside an edit, when that is undone; one that runs goes on."""
    said = (edit.decision.evidence or {}) if edit.decision is not None else {}
    twin = state.proposals.get(str(said.get("counterfactual")))
    if twin is None or twin.beside != edit.id or twin.state != "accepted":
        return []
    return [ev.ProposalWithdrawn(proposal=twin.id, reason=f"{edit.id} was taken back", rule=RULE)]


def _original(state: State, edit: Proposal) -> Proposal | None:
    """What the AI had proposed, at the start of a chain of edits."""
    found = edit
    while found.parent is not None and found.parent in state.proposals:
        found = state.proposals[found.parent]
    return found if found.origin == "ai" else None


def _drawn(state: State, original: Proposal) -> float:
    """A number from 0 to 1 that depends on the campaign, its seed and the proposal alone: no decision can sway it."""
    seed = state.definition.get("seed", 0)
    text = f"{state.uuid}:{seed}:{original.id}".encode()
    return int(hashlib.sha256(text).hexdigest()[:13], 16) / 16**13
