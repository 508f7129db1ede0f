"""A campaign at a Globus Compute endpoint, as a notebook has it: watched, controlled, let go of and taken up again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import aisteer as ai
from tests.execution.driven import campaign_of, counting, finished, running, until
from tests.execution.remote import COMPUTE, WATCH
from tests.execution.remote_driving import campaign_of as remote_campaign
from tests.services.loopback import Loopback

pytest.importorskip("globus_compute_sdk")
pytest.importorskip("globus_compute_endpoint")


@ai.simulation(checkpoint=True)
def short(x: float, *, restart: dict[str, int] | None = None):
    """Says where it began, and leaves a checkpoint."""
    begun = restart["step"] if restart else 0
    for step in range(begun, begun + 3):
        yield {"step": step}, lambda step=step: {"step": step + 1}
    return {"y": x}


@pytest.fixture
def address(loopback: Loopback, campaigns: Path) -> str:
    """What ``ai.connect`` makes of the endpoint on loopback."""
    connection = ai.connect(
        f"globus:{loopback.endpoint}", compute=COMPUTE, watch=WATCH, spool="$SCRATCH/aisteer"
    )
    return connection.address


@pytest.fixture
def campaign(address: str) -> Iterator[ai.Campaign]:
    made = campaign_of(counting, endpoint=address, checkpoint_every=0.0)
    yield made
    made.close()


def test_runs_far_away_are_stopped_paused_resumed_set_and_branched(campaign: ai.Campaign) -> None:
    for x in (1.0, 2.0):
        campaign.propose(x=x).accept()
    for name in ("R1", "R2"):
        running(campaign, name)
    until(campaign, lambda: len(list(campaign.opened.mirror.observations("R2", 1))) > 10)
    campaign.runs["R1"].stop()
    campaign.runs["R2"].pause()
    until(campaign, lambda: campaign.state.runs["R1"].end == "partial")
    until(campaign, lambda: campaign.state.runs["R2"].state == "paused")
    campaign.runs["R2"].resume()
    until(campaign, lambda: campaign.state.runs["R2"].attempt.number == 2)
    running(campaign, "R2")
    campaign.runs["R2"].set(steps=0)
    branch = campaign.runs["R1"].branch(x=3.0)
    if branch.state == "waiting":
        branch.accept()
    until(campaign, lambda: "R3" in campaign.state.runs)
    running(campaign, "R3")
    campaign.runs["R3"].stop()
    finished(campaign, 3)
    ends = {name: run.end for name, run in campaign.state.runs.items()}
    assert ends == {"R1": "partial", "R2": "done", "R3": "partial"}
    first = next(campaign.opened.mirror.observations("R3", 1))
    assert first["values"]["step"] > 0, "it goes on from the checkpoint"
    assert campaign.state.troubles == {}


def test_a_campaign_whose_driver_is_killed_is_taken_up_and_no_run_is_executed_twice(
    address: str, loopback: Loopback, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    driver = subprocess.Popen(
        [sys.executable, "-m", "tests.execution.remote_driving", address, str(log), "6"],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert driver.stdout is not None
        assert driver.stdout.readline().strip() == "proposed"
        campaign = remote_campaign(address, str(log))
        running(campaign, "R1")
    finally:
        driver.kill()
        driver.wait()
    campaign.start()
    finished(campaign, 6)
    lines = Counter(log.read_text().split("\n"))
    assert all(lines[f"{what} {x}"] == 1 for what in ("start", "end") for x in range(6))
    for name, run in campaign.state.runs.items():
        assert (run.end, len(run.attempts)) == ("done", 1)
        steps = [line["values"]["step"] for line in campaign.opened.mirror.observations(name, 1)]
        assert steps == list(range(60))
        assert run.attempt.ticket
    campaign.close()


def test_what_is_over_is_packed_there_and_everything_is_found_when_it_is_opened_again(
    address: str, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aisteer.execution import tidying
    from aisteer.execution.globus import letting_go

    monkeypatch.setattr(tidying, "_PACKED", 6)
    monkeypatch.setattr(tidying, "_QUIET", 0.5)
    monkeypatch.setattr(letting_go, "_AGAIN", 1.0)
    campaign = campaign_of(short, endpoint=address, checkpoint_every=0.0, slots=4)
    campaign.propose(x=0.0).accept()
    until(campaign, lambda: "spool" in campaign.endpoint.status().extra, seconds=60)
    spool = Path(campaign.endpoint.status().extra["spool"])
    (spool / "archives").touch()  # an archive cannot be written there for a while
    for x in range(1, 6):
        campaign.propose(x=float(x)).accept()
    finished(campaign, 6)
    requests = campaign.folder / "spool" / "lots"
    until(campaign, lambda: "could not be packed there" in campaign.endpoint.status().detail, seconds=20)
    assert len(list(requests.iterdir())) > 0
    (spool / "archives").unlink()
    until(campaign, lambda: not list(requests.iterdir()), seconds=30)
    assert [path.name for path in (spool / "archives").iterdir()] == ["000001.zip"]
    assert not [path for path in (spool / "attempts").glob("*/*") if path.is_dir()]
    campaign.close()

    again = ai.open("driven")
    assert {name: run.outcome["y"] for name, run in again.state.runs.items()} == {
        f"R{x + 1}": (float(x), 0.0) for x in range(6)
    }
    for name in again.state.runs:
        steps = [line["values"]["step"] for line in again.opened.mirror.observations(name, 1)]
        assert steps == [0, 1, 2]
    again.start()
    branch = again.runs["R1"].branch(x=7.0)
    if branch.state == "waiting":
        branch.accept()
    finished(again, 7)
    first = next(again.opened.mirror.observations("R7", 1))
    assert first["values"]["step"] == 3, "its checkpoint was taken out of the archive"
    again.close()
