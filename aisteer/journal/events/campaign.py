"""The campaign as a whole: defined, redefined, started, paused, its rules and its budget."""

from __future__ import annotations

from aisteer.journal.events.kinds import Event, Json, event

__all__ = [
    "AutonomyChanged",
    "BudgetChanged",
    "CampaignDefined",
    "CampaignPaused",
    "CampaignRedefined",
    "CampaignStarted",
]


@event("campaign.defined")
class CampaignDefined(Event):
    """The campaign exists. ``definition`` is the problem as data; ``nonce`` marks its spools."""

    name: str
    uuid: str
    nonce: str
    definition: Json


@event("campaign.redefined")
class CampaignRedefined(Event):
    """The definition changed; ``changes`` lists each difference in words."""

    definition: Json
    changes: list[str]
    reason: str = ""


@event("campaign.started")
class CampaignStarted(Event):
    """Proposals are made and accepted ones launch."""


@event("campaign.paused")
class CampaignPaused(Event):
    """No proposal is made and nothing launches; live runs go on."""

    reason: str = ""


@event("autonomy.changed")
class AutonomyChanged(Event):
    """The rules that may decide without a human, as data (``aisteer.steering.autonomy``)."""

    rule: Json


@event("budget.changed")
class BudgetChanged(Event):
    """The budget as data (``aisteer.problem.resources``); ``None`` is no limit."""

    budget: Json | None
    reason: str = ""
