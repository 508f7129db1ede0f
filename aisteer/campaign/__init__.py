"""The campaign in the user's hands: calls become commands, state becomes views."""

from __future__ import annotations

from aisteer.campaign.campaign import Campaign
from aisteer.campaign.connect import Connection, connect
from aisteer.campaign.observations import Observations
from aisteer.campaign.opening import campaigns, open_campaign
from aisteer.campaign.proposals import ProposalHandle, Proposals
from aisteer.campaign.runs import RunHandle, Runs
from aisteer.campaign.tasks import RandomArm, Task
from aisteer.campaign.waiting import Waited

__all__ = [
    "Campaign",
    "Connection",
    "Observations",
    "ProposalHandle",
    "Proposals",
    "RandomArm",
    "RunHandle",
    "Runs",
    "Task",
    "Waited",
    "campaigns",
    "connect",
    "open_campaign",
]
