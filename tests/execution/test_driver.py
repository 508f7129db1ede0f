"""What a driver does with a campaign, on the real local endpoint."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

import aisteer as ai
from tests.execution.driven import campaign_of, counting, finished, running, until

pytestmark = pytest.mark.usefixtures("no_host_is_left")


@ai.simulation
def square(x: float) -> dict[str, float]:
    """The least there is to do."""
    return {"y": x * x}


@ai.simulation
def fragile(x: float) -> dict[str, float]:
    """Fails in the ways that simulations fail."""
    import os
    import signal

    if x == 1:
        raise RuntimeError("SCF did not converge <b>&</b>")
    if x == 2:
        os._exit(3)
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 4:
        return {"y": float("nan")}
    if x == 5:
        return {"other": 1.0}
    return {"y": x}


@ai.simulation
def stubborn(x: float):
    """Yields once and then hears nothing."""
    import time

    yield {"step": 0}
    time.sleep(60)
    return {"y": x}


def test_an_accepted_proposal_runs_and_its_outcome_stands_in_the_journal() -> None:
    campaign = campaign_of(square)
    campaign.propose(x=3.0).accept()
    finished(campaign, 1)
    run = campaign.state.runs["R1"]
    assert (run.end, run.outcome["y"]) == ("done", (9.0, 0.0))
    campaign.close()


def test_nothing_launches_without_a_decision_and_not_before_the_hold_is_over() -> None:
    campaign = campaign_of(square, hold=30.0)
    campaign.propose(x=1.0)
    held = campaign.propose(x=2.0)
    held.accept()
    last = campaign.propose(x=3.0)
    last.accept(hold=0)
    finished(campaign, 1)
    assert [run.proposal for run in campaign.state.runs.values()] == [last.id]
    campaign.proposals[held.id].undo()
    assert campaign.proposals[held.id].state == "waiting"
    campaign.close()


def test_a_stopped_run_keeps_what_it_has_as_a_partial_outcome() -> None:
    campaign = campaign_of(counting)
    campaign.propose(x=1.0).accept()
    running(campaign)
    until(campaign, lambda: len(list(campaign.opened.mirror.observations("R1", 1))) > 2)
    campaign.runs["R1"].stop()
    finished(campaign, 1)
    run = campaign.state.runs["R1"]
    assert run.end == "partial"
    assert 0 < run.outcome["y"][0] < 400
    assert run.controls[0].answer in {"sent", "done"}
    campaign.close()


def test_a_paused_run_gives_its_worker_back_and_goes_on_from_its_checkpoint() -> None:
    campaign = campaign_of(counting)
    campaign.propose(x=1.0).accept()
    running(campaign)
    campaign.runs["R1"].pause()
    until(campaign, lambda: campaign.state.runs["R1"].state == "paused")
    reached = list(campaign.opened.mirror.observations("R1", 1))[-1]["values"]["step"]
    campaign.runs["R1"].resume()
    until(campaign, lambda: campaign.state.runs["R1"].state == "running")
    campaign.runs["R1"].stop()
    finished(campaign, 1)
    run = campaign.state.runs["R1"]
    assert len(run.attempts) == 2
    first = next(iter(campaign.opened.mirror.observations("R1", 2)))["values"]["step"]
    assert first >= reached
    campaign.close()


def test_a_branch_starts_from_its_parents_checkpoint_with_other_parameters() -> None:
    campaign = campaign_of(counting)
    campaign.propose(x=1.0).accept()
    running(campaign)
    campaign.runs["R1"].stop()
    finished(campaign, 1)
    campaign.runs["R1"].branch(x=5.0)
    running(campaign, "R2")
    campaign.runs["R2"].stop()
    finished(campaign, 2)
    child = campaign.state.runs["R2"]
    assert (child.parent, child.parameters["x"]) == ("R1", 5.0)
    assert child.outcome["y"][0] >= campaign.state.runs["R1"].outcome["y"][0]
    campaign.close()


def test_each_way_to_fail_is_named_and_harms_no_other_run() -> None:
    campaign = campaign_of(fragile, retries={"lost": 1})
    for x in range(7):
        campaign.propose(x=float(x)).accept()
    finished(campaign, 7)
    by_x = {run.parameters["x"]: run for run in campaign.state.runs.values()}
    assert [by_x[x].end for x in (0.0, 6.0)] == ["done", "done"]
    assert by_x[1.0].end == "failed"
    assert "SCF did not converge" in by_x[1.0].message
    assert by_x[2.0].end == "failed"
    assert (by_x[3.0].end, len(by_x[3.0].attempts)) == ("lost", 2)
    assert all(by_x[x].end == "failed" and not by_x[x].outcome for x in (4.0, 5.0))
    assert "y" in by_x[5.0].message
    campaign.close()


def test_a_task_without_retries_begins_nothing_again() -> None:
    campaign = campaign_of(fragile, retries={})
    campaign.propose(x=3.0).accept()
    finished(campaign, 1)
    run = campaign.state.runs["R1"]
    assert (run.end, len(run.attempts)) == ("lost", 1)
    campaign.close()


def test_runs_outlive_the_driver_and_are_picked_up_by_the_next() -> None:
    campaign = campaign_of(counting)
    campaign.propose(x=1.0).accept()
    running(campaign)
    campaign.close()
    again = ai.open("driven")
    again.start()
    finished(again, 1)
    run = again.state.runs["R1"]
    assert (run.end, len(run.attempts), run.outcome["y"][0]) == ("done", 1, 400.0)
    steps = [row["values"]["step"] for row in again.opened.mirror.observations("R1", 1)]
    assert steps == list(range(400))
    again.close()


def test_the_seal_is_the_hash_of_what_was_mirrored() -> None:
    import hashlib

    campaign = campaign_of(counting, name="sealed")
    campaign.propose(x=1.0).accept()
    running(campaign)
    campaign.runs["R1"].stop()
    finished(campaign, 1)
    data = campaign.opened.mirror.path("R1", 1).read_bytes()
    assert campaign.state.runs["R1"].attempt.sealed == (len(data), hashlib.sha256(data).hexdigest())
    campaign.close()


def test_the_budget_is_reserved_at_acceptance_and_an_acceptance_beyond_it_is_refused() -> None:
    campaign = campaign_of(square, budget=ai.Runs(2))
    campaign.propose(x=1.0).accept()
    campaign.propose(x=2.0).accept()
    with pytest.raises(ai.errors.BudgetExceeded):
        campaign.propose(x=3.0).accept()
    finished(campaign, 2)
    assert campaign.state.totals.used == 2.0
    assert campaign.state.totals.reserved == 0.0
    campaign.close()


def test_a_rule_decides_under_its_own_name() -> None:
    campaign = campaign_of(square, autonomy=ai.Accept() | ai.Ask())
    campaign.propose(x=4.0)
    finished(campaign, 1)
    decision = campaign.state.proposals["P1"].decision
    assert decision is not None
    assert decision.by.kind == "rule"
    assert decision.rule
    campaign.close()


def put_to_sleep(pid: int, journal: Path) -> None:
    """Stop a process, but not while it writes: whoever holds SQLite's write lock keeps everybody from writing."""
    with closing(sqlite3.connect(journal, isolation_level=None, timeout=0.0)) as probe:
        deadline = time.monotonic() + 30.0
        while True:
            os.kill(pid, signal.SIGSTOP)
            os.waitid(os.P_PID, pid, os.WSTOPPED)
            try:
                probe.execute("BEGIN IMMEDIATE")
                probe.execute("ROLLBACK")
            except sqlite3.OperationalError:
                assert time.monotonic() < deadline, "it always writes"
                os.kill(pid, signal.SIGCONT)
                time.sleep(0.003)
            else:
                return


def test_a_driver_that_slept_past_its_lease_launches_nothing_when_it_wakes(
    campaigns: Path, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "AISTEER_TEST_LOG": str(tmp_path / "log"),
        "AISTEER_CAMPAIGNS": str(campaigns),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.execution.driving_process", "5000"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("decided P20"):
            break
    try:
        put_to_sleep(process.pid, campaigns / "killed" / "journal.db")
        campaign = ai.open("killed")
        campaign.opened.journal.take_lease({"host": "test", "pid": 0}, campaign.actor, patience=1.0)
        epoch, position = campaign.state.epoch, campaign.state.position
        os.kill(process.pid, signal.SIGCONT)
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline and campaign.state.position < position + 50:
            campaign.journal.wait(campaign.state.position, 0.2)
        after = [r.event for r in campaign.journal.records(position)]
        assert after, "the woken process goes on to decide"
        assert not [e for e in after if type(e).__name__ == "AttemptLaunched" and e.epoch < epoch]
        campaign.close()
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.kill()
        process.wait()


def test_a_decision_that_a_human_took_back_is_not_made_again_by_a_rule() -> None:
    campaign = campaign_of(square, hold=30.0)
    held = campaign.propose(x=2.0)
    held.accept()
    campaign.proposals[held.id].undo()
    campaign.autonomy = ai.Accept() | ai.Ask()
    campaign.propose(x=3.0)
    finished(campaign, 1)
    assert campaign.proposals[held.id].state == "waiting"
    campaign.close()


def test_a_run_that_was_asked_to_stop_is_not_begun_again_when_its_worker_dies() -> None:
    campaign = campaign_of(stubborn)
    campaign.propose(x=1.0).accept()
    until(campaign, lambda: "R1" in campaign.state.runs and bool(campaign.state.runs["R1"].attempt.where))
    campaign.runs["R1"].stop()
    until(campaign, lambda: bool(campaign.state.runs["R1"].controls))
    where = campaign.state.runs["R1"].attempt.where
    assert where is not None
    os.kill(int(where["pid"]), signal.SIGKILL)
    finished(campaign, 1)
    run = campaign.state.runs["R1"]
    assert (run.end, len(run.attempts)) == ("lost", 1)
    campaign.close()


def test_a_paused_run_can_be_given_up() -> None:
    campaign = campaign_of(counting, budget=ai.Runs(3))
    campaign.propose(x=1.0).accept()
    running(campaign)
    campaign.runs["R1"].pause()
    until(campaign, lambda: campaign.state.runs["R1"].state == "paused")
    campaign.runs["R1"].stop()
    run = campaign.state.runs["R1"]
    assert (run.state, run.end) == ("ended", "partial")
    assert run.attempt.sealed is not None
    assert (campaign.state.totals.used, campaign.state.totals.reserved) == (1.0, 0.0)
    campaign.close()


def test_what_a_hostile_stream_says_of_itself_harms_nobody(tmp_path: Path) -> None:
    from aisteer.execution.endpoint import AttemptRef, Glimpse
    from aisteer.execution.mirror import Mirror
    from aisteer.execution.tracking import Tracker

    campaign = campaign_of(counting)
    campaign.propose(x=1.0).accept()
    until(campaign, lambda: "R1" in campaign.state.runs)
    run = campaign.state.runs["R1"]
    tracker = Tracker(Mirror(tmp_path), on_gap=print, on_unkept=print, on_kept=print)
    tracked = tracker.add(run, campaign.definition["tasks"]["main"])
    lines = [
        b'{"kind":"state","state":[]}',
        b'{"kind":"state","state":{"a":1}}',
        b'{"kind":"checkpoint","name":"../../../etc"}',
        b"[" * 100_000,
        b'{"kind":"ack","control":[],"answer":{}}',
        b"\xff\xfe",
        b"null",
    ]
    tracker.take(Glimpse(AttemptRef(run.id, run.uuid, 1), data=b"\n".join(lines) + b"\n"))
    tracker.collect()
    assert tracked.checkpoint is None
    campaign.runs["R1"].stop()
    until(campaign, lambda: campaign.state.runs["R1"].state == "ended")
    campaign.close()


def test_ends_that_could_not_be_committed_are_committed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    from aisteer.errors import JournalUnavailable
    from aisteer.journal import commands as cmd

    campaign = campaign_of(square)
    submit, refused = campaign.journal.submit, []

    def full(command: cmd.Command, **options: object) -> object:
        report = isinstance(command, cmd.Report)
        if (report or refused) and len(refused) < 3:  # from the first report on nothing is taken
            refused.extend([command] if report else [])
            raise JournalUnavailable("The disk is full. Nothing was lost; make room.")
        return submit(command, **options)

    monkeypatch.setattr(campaign.journal, "submit", full)
    campaign.propose(x=3.0).accept()
    finished(campaign, 1)
    assert len(refused) == 3
    assert campaign.state.runs["R1"].outcome["y"] == (9.0, 0.0)
    campaign.close()
