"""What a run printed can be read in the notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

import aisteer as ai
from aisteer.errors import NotSupported, UnknownName
from aisteer.execution.hosts import list_hosts, stop_host
from tests.execution.driven import campaign_of, finished


@ai.simulation
def diverging(x: float) -> dict[str, float]:
    """Says how far it came, and fails."""
    import sys

    print("energy -3.2")
    print(f"no convergence at {x:g}", file=sys.stderr)
    raise ValueError("diverged")


def test_what_a_failed_run_printed_is_read_in_the_notebook(campaigns: Path) -> None:
    campaign = campaign_of(diverging)
    campaign.propose(x=7.0).accept()
    finished(campaign, 1)
    run = campaign.runs["R1"]
    assert run.end == "failed"
    assert "no convergence at 7" in run.log()
    assert run.log("stdout", attempt=1) == "energy -3.2\n"
    with pytest.raises(UnknownName, match="no attempt 5"):
        run.log(attempt=5)
    with pytest.raises(UnknownName, match="no stream"):
        run.log("both")
    campaign.close()
    with pytest.raises(NotSupported, match="Start the campaign here"):
        ai.open("driven").runs["R1"].log()
    for host in list_hosts():
        if str(campaigns) in host.spool:
            stop_host(host)
