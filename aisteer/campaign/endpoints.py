"""Endpoints as the user sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aisteer.execution.endpoint import Health

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign

__all__ = ["EndpointView", "endpoint_views"]


class EndpointView:
    """Where a task runs, and how that place is."""

    def __init__(self, campaign: Campaign, task: str) -> None:
        self._campaign = campaign
        self.task = task

    @property
    def address(self) -> str:
        """What ``ai.connect`` takes to find it again."""
        return str(self._campaign.definition["tasks"][self.task]["endpoint"])

    def status(self) -> Health:
        """How it is, from what is known now; does not block."""
        driver = self._campaign.opened.driver
        if driver is not None and self._campaign.driving and self.task in driver.endpoints:
            return driver.endpoints[self.task].status()
        return Health("unknown", f"{self._campaign.driven_by()}; its endpoint is seen from there")

    def __repr__(self) -> str:
        health = self.status()
        detail = f": {health.detail}" if health.detail else ""
        return f"<endpoint {self.address} of {self.task}: {health.state}{detail}>"


def endpoint_views(campaign: Campaign) -> dict[str, EndpointView]:
    """Task name to where it runs."""
    return {task: EndpointView(campaign, task) for task in campaign.definition["tasks"]}
