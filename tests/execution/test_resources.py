"""What a run asks for travels with it, to its edit and to its children, and is what it is priced by."""

from __future__ import annotations

import json

import pytest

import aisteer as ai
from aisteer.execution.endpoint import AttemptRef
from tests.execution.driven import campaign_of, counting, finished, running

pytestmark = pytest.mark.usefixtures("no_host_is_left")


def request(campaign: ai.Campaign, run: str) -> dict[str, object]:
    """The request as it lies in the spool."""
    ref = AttemptRef(run, campaign.state.runs[run].uuid, 1)
    found: dict[str, object] = json.loads(
        (campaign.folder / "spool" / ref.folder / "request.json").read_text()
    )
    return found


def test_resources_of_an_edit_are_priced_sent_counted_and_passed_on_to_children() -> None:
    campaign = campaign_of(counting, cost=0.5, budget=ai.NodeHours(6))
    first = campaign.propose(x=1.0)
    large = first.edit(x=2.0, resources=ai.Resources(nodes=4, walltime=600))
    again = large.edit(x=3.0)
    needs = ai.Resources(nodes=4, walltime=600).to_json()
    assert (first.cost, large.cost, again.cost) == (0.5, 2.0, 2.0)
    assert (large.resources, again.resources) == (needs, needs)
    again.accept()
    assert campaign.state.totals.reserved == 2.0
    running(campaign)
    campaign.runs["R1"].stop()
    finished(campaign, 1)
    run = campaign.state.runs["R1"]
    assert run.used == pytest.approx(4 * run.attempt.seconds / 3600)
    assert run.charged == run.used  # the local endpoint reports no charge of its own
    children = [campaign.runs["R1"].branch(x=5.0), campaign.runs["R1"].extend(steps=3)]
    assert [(child.cost, child.resources) for child in children] == [(2.0, needs)] * 2
    with pytest.raises(ai.errors.BudgetExceeded, match="needs 2 node-hours"):
        campaign.runs["R1"].branch(x=6.0)
    running(campaign, "R2")
    campaign.runs["R2"].stop()
    finished(campaign, 3)
    for name in ("R1", "R2", "R3"):
        sent = request(campaign, name)
        assert (sent["resources"], sent["walltime"]) == (needs, 600.0)
    campaign.close()
