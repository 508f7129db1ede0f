"""A human's own candidates: from what is said in a cell to a proposal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aisteer.errors import BadParameters, Refused
from aisteer.journal.commands import Draft, Propose, existing
from aisteer.journal.events import ProposalMade
from aisteer.problem.pool import Pool

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign

__all__ = ["own_draft", "proposed"]


def own_draft(
    campaign: Campaign,
    key: Any,
    parameters: Mapping[str, Any],
    *,
    task: str | None,
    resources: Any,
    reason: str,
) -> Draft:
    """A candidate, named by its key or by values, as a draft; see ``Campaign.propose``."""
    name = campaign.task_named(task)
    if key is not None:
        space = campaign.space(name)
        if not isinstance(space, Pool):
            raise BadParameters("Only a pool's candidates have a key; give values by name.", value=key)
        parameters = {space.key: key, **parameters}
    return Draft(
        task=name,
        parameters=campaign.validate(parameters, name),
        origin="human",
        cost=campaign.cost(name, resources),
        resources=None if resources is None else resources.to_json(),
        reason=reason,
    )


def proposed(campaign: Campaign, draft: Draft, *, repeat: bool, accept: bool) -> str:
    """Propose a draft; the name of its proposal, or of the one that was there already."""
    command = Propose(
        actor=campaign.actor,
        drafts=[draft],
        repeat=repeat,
        accept=accept,
        hold=campaign.hold if accept else 0.0,
    )
    receipt = campaign.submit(command)
    made = [r.event.proposal for r in receipt.events if isinstance(r.event, ProposalMade)]
    if not made:
        with campaign.journal.lock:
            made = list(existing(campaign.journal.state, [draft]).values())
    if not made:
        raise Refused("The point was proposed before, and that proposal is gone by now. Try repeat=True.")
    return made[0]
