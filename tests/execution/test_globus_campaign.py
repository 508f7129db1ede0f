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
from aisteer.campaign.proposals import ProposalHandle
from tests.execution.driven import campaign_of, finished, running, until
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


@ai.simulation(checkpoint=True)
def climbing(x: float, *, steps: int = 400, restart: dict[str, int] | None = None):
    """Counts up to ``steps``, 50 a second, and says how far it wants to go."""
    import time

    step = restart["step"] if restart else 0
    while step < steps:
        control = yield {"step": step, "goal": steps}, lambda step=step: {"step": step}
        if control.get("stop"):
            break
        steps = control.get("steps", steps)
        step += 1
        time.sleep(0.02)
    return {"y": float(step)}


@pytest.fixture
def campaign(address: str) -> Iterator[ai.Campaign]:
    made = campaign_of(climbing, endpoint=address, checkpoint_every=0.0)
    yield made
    made.close()


def requested(campaign: ai.Campaign, run: str, verb: str) -> None:
    """What was asked of a run last is said to be requested, and no more."""
    control = campaign.state.runs[run].controls[-1]
    assert (control.verb, control.answer) == (verb, "")


def acknowledged(campaign: ai.Campaign, run: str, verb: str, answer: str) -> None:
    """It is requested, until the run itself answers."""
    requested(campaign, run, verb)
    answered(campaign, run, answer)


def answered(campaign: ai.Campaign, run: str, answer: str) -> None:
    """The run itself answers what was asked of it last."""
    until(campaign, lambda: campaign.state.runs[run].controls[-1].answer != "")
    assert campaign.state.runs[run].controls[-1].answer == answer


def launched(campaign: ai.Campaign, x: float) -> str:
    """A run that a human wants; its name."""
    proposal = campaign.propose(x=x).accept()
    until(campaign, lambda: campaign.state.proposals[proposal.id].launched)
    return str(campaign.state.proposals[proposal.id].launched)


def first_of(campaign: ai.Campaign, run: str, attempt: int = 1) -> dict[str, int]:
    """The first observation of an attempt, once it is here."""
    until(campaign, lambda: next(campaign.opened.mirror.observations(run, attempt), None))
    found: dict[str, int] = next(campaign.opened.mirror.observations(run, attempt))["values"]
    return found


def from_checkpoint(campaign: ai.Campaign, child: ProposalHandle) -> str:
    """A child of a run begins where that was when it wrote its last checkpoint; its name."""
    if child.state == "waiting":
        child.accept()
    until(campaign, lambda: campaign.state.proposals[child.id].launched)
    name = str(campaign.state.proposals[child.id].launched)
    assert first_of(campaign, name)["step"] > 0
    return name


def test_runs_far_away_do_what_is_asked_of_them_and_until_they_say_so_it_is_requested(
    campaign: ai.Campaign,
) -> None:
    runs = campaign.runs
    one, two, three, four = (launched(campaign, x) for x in (1.0, 2.0, 3.0, 4.0))
    until(campaign, lambda: campaign.state.runs[one].state == "running", seconds=240)  # the endpoint starts
    for name in (one, two, three, four):
        running(campaign, name)
        runs[name].extend(steps=1_000_000)
        requested(campaign, name, "set")
    for name in (one, two, three, four):
        answered(campaign, name, "done")

    queued = launched(campaign, 5.0)
    until(campaign, lambda: campaign.state.runs[queued].state == "waiting")
    campaign.proposals[campaign.state.runs[queued].proposal].undo()
    runs[one].stop()
    runs[two].pause()
    assert campaign.state.runs[queued].end == ""
    requested(campaign, one, "stop")
    requested(campaign, two, "pause")
    until(campaign, lambda: campaign.state.runs[queued].end == "withdrawn")
    answered(campaign, one, "sent")
    answered(campaign, two, "done")
    until(campaign, lambda: campaign.state.runs[one].end == "partial")
    until(campaign, lambda: campaign.state.runs[two].state == "paused")

    runs[two].resume()
    branch = runs[one].branch(x=6.0)
    assert first_of(campaign, two, attempt=2)["goal"] == 1_000_000, "what it was told before holds"
    runs[two].set(steps=0)
    requested(campaign, two, "set")
    branched = from_checkpoint(campaign, branch)
    runs[branched].stop()
    requested(campaign, branched, "stop")
    answered(campaign, two, "done")
    answered(campaign, branched, "sent")
    reached = int(campaign.state.runs[one].outcome["y"][0])
    longer = from_checkpoint(campaign, runs[one].extend(steps=reached + 50))
    for name in (three, four):
        runs[name].stop()
    finished(campaign, 6)
    until(campaign, lambda: not campaign.state.live)
    state = campaign.state
    assert {name: run.end for name, run in state.runs.items()} == {
        **dict.fromkeys((one, three, four, branched), "partial"),
        **dict.fromkeys((two, longer), "done"),
        queued: "withdrawn",
    }
    assert state.runs[longer].outcome["y"][0] == reached + 50
    assert state.runs[branched].parameters["x"] == 6.0
    assert list(campaign.opened.mirror.observations(queued, 1)) == [], "it never started"
    assert state.troubles == {}


def test_what_was_asked_while_nobody_could_be_told_is_done_when_it_is_opened_again(
    campaign: ai.Campaign, loopback: Loopback
) -> None:
    run = launched(campaign, 1.0)
    until(campaign, lambda: campaign.state.runs[run].state == "running", seconds=240)
    campaign.runs[run].extend(steps=1_000_000)
    answered(campaign, run, "done")
    loopback.service.stop()
    campaign.runs[run].stop()
    requested(campaign, run, "stop")
    campaign.close()
    loopback.service.start()

    again = ai.open("driven")
    again.start()
    answered(again, run, "sent")
    until(again, lambda: again.state.runs[run].end == "partial")
    again.close()


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
    until(campaign, lambda: "spool" in campaign.endpoint.status().extra, seconds=240)
    spool = Path(campaign.endpoint.status().extra["spool"])
    (spool / "archives").touch()  # an archive cannot be written there for a while
    for x in range(1, 6):
        campaign.propose(x=float(x)).accept()
    finished(campaign, 6)
    requests = campaign.folder / "spool" / "lots"
    until(campaign, lambda: "could not be packed there" in campaign.endpoint.status().detail)
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
