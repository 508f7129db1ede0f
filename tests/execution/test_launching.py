"""How far ahead runs are handed over."""

from __future__ import annotations

import time

import aisteer as ai
from tests.execution.driven import campaign_of, finished
from tests.execution.remote import COMPUTE, WATCH
from tests.services.loopback import Loopback


@ai.simulation
def instant(x: float):
    """Nothing to compute."""
    return {"y": x}


def test_short_runs_are_sent_to_a_far_endpoint_many_at_a_time(loopback: Loopback) -> None:
    address = ai.connect(f"globus:{loopback.endpoint}", compute=COMPUTE, watch=WATCH).address
    campaign = campaign_of(instant, endpoint=address)
    campaign.propose(x=0.0).accept()
    finished(campaign, 1)  # now it is known how short they are
    began = time.time()
    for number in range(1, 81):
        campaign.propose(x=float(number)).accept()
    finished(campaign, 81)
    sent = [r for r in loopback.service.requests(began) if r["path"].endswith("/submit")]
    assert len(sent) <= 12, "with eight at a time there would be at least twenty"
    assert campaign.state.totals.ended == {"done": 81}
    campaign.close()
