"""What becomes of a run whose blocks end under it."""

from __future__ import annotations

import pytest

import aisteer as ai
from aisteer.execution.hosts import list_hosts, stop_host
from tests.execution.driven import campaign_of, counting, finished, until

pytestmark = pytest.mark.usefixtures("no_host_is_left")


@ai.simulation
def forgetful(x: float):
    """Would take a minute and has nothing to go on from."""
    import time

    for step in range(1200):
        yield {"step": step}
        time.sleep(0.05)
    return {"y": x}


def end_the_block(campaign: ai.Campaign) -> None:
    """End the host under its runs, as a batch system would."""
    spool = str(campaign.folder / "spool")
    (host,) = [host for host in list_hosts() if host.spool == spool]
    assert stop_host(host)


def in_attempt(campaign: ai.Campaign, number: int) -> None:
    """Wait until the run's attempt of this number has gone some steps."""
    until(campaign, lambda: len(list(campaign.opened.mirror.observations("R1", number))) > 2)


def test_a_run_that_three_blocks_brought_no_further_is_lost_with_the_reason() -> None:
    campaign = campaign_of(forgetful, retries={"lost": 5})
    campaign.propose(x=1.0).accept()
    for number in (1, 2, 3):
        in_attempt(campaign, number)
        end_the_block(campaign)
    finished(campaign, 1)
    run = campaign.state.runs["R1"]
    assert (run.end, len(run.attempts)) == ("lost", 3)
    assert [attempt.checkpoint for attempt in run.attempts] == [None] * 3
    assert "preempted again and again without a checkpoint" in run.message
    assert "more walltime, or let it yield checkpoints" in run.message
    campaign.close()


def test_a_run_whose_blocks_leave_checkpoints_goes_on_for_as_long_as_it_takes() -> None:
    campaign = campaign_of(counting)
    campaign.propose(x=1.0).accept()
    for number in (1, 2, 3, 4):
        in_attempt(campaign, number)
        end_the_block(campaign)
    in_attempt(campaign, 5)
    campaign.runs["R1"].stop()
    finished(campaign, 1)
    run = campaign.state.runs["R1"]
    assert [attempt.end for attempt in run.attempts] == ["preempted"] * 4 + ["partial"]
    firsts = [
        next(iter(campaign.opened.mirror.observations("R1", n)))["values"]["step"] for n in (1, 2, 3, 4)
    ]
    assert firsts == sorted(set(firsts))
    campaign.close()
