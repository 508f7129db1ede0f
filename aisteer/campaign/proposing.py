"""A human's own candidates: from what is said in a cell to a proposal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aisteer.campaign.data import columns_of, points_of
from aisteer.errors import BadParameters, Refused
from aisteer.journal.commands import Draft, Propose, existing, point_key
from aisteer.journal.events import ProposalMade
from aisteer.problem.naming import did_you_mean
from aisteer.problem.pool import Pool

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign

__all__ = ["all_proposed", "is_table", "own_draft", "own_drafts", "proposed"]


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


def is_table(given: Any) -> bool:
    """Whether it is a DataFrame, of whatever library."""
    return hasattr(given, "columns") and hasattr(given, "__getitem__")


def own_drafts(
    campaign: Campaign, table: Any, *, task: str | None, resources: Any, reason: str
) -> list[Draft]:
    """The rows of a table as drafts.

    Raises:
        BadParameters: A column is missing or is no parameter, or a row does not fit; the message names it.
    """
    name = campaign.task_named(task)
    space, columns = campaign.space(name), columns_of(table)
    other = [column for column in columns if column not in space.names]
    if other:
        near = did_you_mean(other[0], space.names)
        raise BadParameters(
            f"The table's column {other[0]!r:.80} is no parameter ({', '.join(space.names)}).{near}"
        )
    cost = campaign.cost(name, resources)
    needs = None if resources is None else resources.to_json()
    return [
        Draft(task=name, parameters=point, origin="human", cost=cost, resources=needs, reason=reason)
        for point in points_of(space, columns)
    ]


def all_proposed(campaign: Campaign, drafts: Sequence[Draft], *, repeat: bool) -> list[str]:
    """Propose drafts in one transaction; for each the name of its proposal, or of the one that was there already."""
    receipt = campaign.submit(Propose(actor=campaign.actor, drafts=drafts, repeat=repeat))
    made = [r.event for r in receipt.events if isinstance(r.event, ProposalMade)]
    if len(made) == len(drafts):
        return [event.proposal for event in made]
    names = {
        point_key(event.task, event.action, event.run, event.parameters): event.proposal for event in made
    }
    with campaign.journal.lock:
        names = {**existing(campaign.journal.state, drafts), **names}
    return [names[point_key(d.task, d.action, d.run, d.parameters)] for d in drafts]


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
