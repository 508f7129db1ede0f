"""Who drives a campaign, and what starting it came to."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aisteer.journal.identity import gone, this_process

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign

__all__ = ["Started", "driven_by", "driven_elsewhere", "holder"]

Json = dict[str, Any]


def holder(kind: str) -> Json:
    """Who we are, for the lease: ``kernel`` or ``aisteer drive``, on which host, as which process."""
    return {**this_process(), "kind": kind, "host": platform.node(), "pid": os.getpid(), "since": time.time()}


def _other(campaign: Campaign) -> Json | None:
    """The driver in another process, unless it gave the campaign back or is known to be gone."""
    if campaign.driving:
        return None  # asked at every move of the journal, so the database is not read for it
    found = campaign.journal.lease_holder()
    if not found or found.get("released") or gone(found):
        return None
    mine = found.get("pid") == os.getpid() and found.get("host") == platform.node()
    return None if mine else found


def driven_elsewhere(campaign: Campaign) -> bool:
    """Whether another process drives it, as far as can be known."""
    return _other(campaign) is not None


def driven_by(campaign: Campaign) -> str:
    """Who drives it, in words."""
    if campaign.driving:
        return "driven by this process"
    other = _other(campaign)
    if other is not None:
        return f"driven by {other.get('kind', 'process')} {other.get('pid')} on {other.get('host')}"
    return "no driver is at work"


@dataclass(frozen=True, slots=True)
class Started:
    """What ``campaign.start()`` came to, in words."""

    campaign: Campaign

    def __repr__(self) -> str:
        words = driven_by(self.campaign)
        driver = self.campaign.opened.driver
        if not self.campaign.driving and driver is not None and driver.alive:
            return f"Started; {words}. This one follows, and takes over when that one is gone."
        return f"Started; {words}."
