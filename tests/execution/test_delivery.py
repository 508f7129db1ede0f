"""What cannot be handed over now is handed over later, and once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

import aisteer as ai
from aisteer.errors import EndpointError, JournalUnavailable
from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.hosts import Place
from aisteer.execution.spool import Spool
from aisteer.execution.worker.controls import Controls
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from tests.execution.driven import campaign_of, counted, fill, finished, running, small_disk, until

pytestmark = pytest.mark.usefixtures("no_host_is_left")


@ai.simulation
def patient(x: float):
    """Waits until it is told to stop."""
    import time

    for step in range(1200):
        control = yield {"step": step}
        if control.get("stop"):
            break
        time.sleep(0.05)
    return {"y": float(step)}


def test_a_trouble_is_over_when_another_driver_hands_the_run_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AISTEER_TEST_LOG", str(tmp_path / "log"))
    campaign = campaign_of(counted)
    campaign.propose(x=1.0).accept()
    finished(campaign, 1)
    attempts = campaign.folder / "spool" / "attempts"
    attempts.rename(tmp_path / "away")
    attempts.touch()
    campaign.propose(x=2.0).accept()
    until(campaign, lambda: "endpoint local" in campaign.state.troubles)
    told = campaign.state.troubles["endpoint local"].message
    assert told in asyncio.run(campaign.wait(ended=2, timeout=0.1)).reason
    campaign.close()
    attempts.unlink()
    (tmp_path / "away").rename(attempts)
    again = ai.open("driven")
    assert again.state.troubles["endpoint local"].message == told
    again.start()
    finished(again, 2)
    until(again, lambda: not again.state.troubles)
    again.close()


def test_runs_that_an_endpoint_could_not_take_are_handed_over_again_and_executed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("AISTEER_TEST_LOG", str(log))
    campaign = campaign_of(counted)
    campaign.propose(x=1.0).accept()
    finished(campaign, 1)
    attempts = campaign.folder / "spool" / "attempts"
    attempts.rename(tmp_path / "away")
    attempts.touch()
    for x in (2.0, 3.0, 4.0):
        campaign.propose(x=x).accept()
    until(campaign, lambda: len(campaign.state.runs) > 1 and "endpoint local" in str(campaign.state.troubles))
    assert "handed over when it works again" in repr(campaign)
    attempts.unlink()
    (tmp_path / "away").rename(attempts)
    finished(campaign, 4)
    assert [(run.end, len(run.attempts)) for run in campaign.state.runs.values()] == [("done", 1)] * 4
    assert sorted(log.read_text().split()) == ["1", "2", "3", "4"]
    until(campaign, lambda: not campaign.state.troubles)
    campaign.close()


@ai.simulation
def other(x: float) -> dict[str, float]:
    """Of another task."""
    return {"y": -x}


def test_a_run_that_cannot_be_handed_over_holds_up_no_other(tmp_path: Path) -> None:
    tasks = {
        name: ai.Task(
            simulation=simulation,
            space=ai.Space(x=ai.Float(0, 10)),
            objective=ai.Maximize("y"),
            endpoint=ai.connect("local", workers=2),
            policy="manual",
            slots=8,
        )
        for name, simulation in (("usual", patient), ("lost", other))
    }
    campaign = ai.Campaign("two", tasks=tasks, hold=0.0)
    code = campaign.folder / "code" / f"{campaign.definition['tasks']['lost']['simulation']['code']}.py"
    code.rename(tmp_path / "code")
    for task, x in (("usual", 1.0), ("lost", 2.0), ("usual", 3.0), ("usual", 4.0)):
        campaign.propose(x=x, task=task).accept()
    campaign.start()  # all of them launch together
    for name in ("R1", "R3"):
        running(campaign, name)
        campaign.runs[name].stop()
    finished(campaign, 2)
    assert campaign.state.runs["R2"].state == "accepted"
    assert code.name in repr(campaign)
    (tmp_path / "code").rename(code)
    until(campaign, lambda: campaign.state.runs["R2"].end == "done")
    until(campaign, lambda: not campaign.state.troubles)
    campaign.runs["R4"].stop()
    finished(campaign, 4)
    assert [len(run.attempts) for run in campaign.state.runs.values()] == [1] * 4
    campaign.close()


def test_a_stop_that_could_not_be_written_is_told_when_it_can_be_and_once() -> None:
    campaign = campaign_of(patient)
    campaign.propose(x=1.0).accept()
    running(campaign)
    run = campaign.runs["R1"]
    controls = campaign.folder / "spool" / AttemptRef("R1", run.uuid, 1).folder / "controls.jsonl"
    controls.mkdir()
    run.stop()
    until(campaign, lambda: "controls at local" in str(campaign.state.troubles))
    assert "R1 could not be told to stop" in repr(campaign)
    assert "is told when that works again" in repr(campaign)
    assert "stays accepted" not in repr(campaign)
    assert run.state == "running"
    controls.rmdir()
    finished(campaign, 1)
    assert (run.end, [control.answer for control in run.controls]) == ("partial", ["sent"])
    told = [json.loads(line)["id"] for line in controls.read_text().splitlines()]
    assert told == [control.id for control in run.controls]
    until(campaign, lambda: not campaign.state.troubles)
    campaign.close()


def test_a_trouble_that_the_journal_did_not_take_is_known_until_it_is_over_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = campaign_of(patient)
    campaign.propose(x=1.0).accept()
    running(campaign)
    driver, submit, refused = campaign.opened.driver, campaign.journal.submit, [True]
    beside, known = [], []

    def refuse(command: cmd.Command, **options: object) -> object:
        if refused and isinstance(command, cmd.Trouble):
            raise JournalUnavailable("The disk is full. Nothing was lost; make room.")
        if isinstance(command, cmd.Report) and beside:
            known.append(driver.problem)
        return submit(command, **options)

    deaf = campaign.runs["R1"]
    controls = campaign.folder / "spool" / AttemptRef("R1", deaf.uuid, 1).folder / "controls.jsonl"
    controls.mkdir()
    monkeypatch.setattr(campaign.journal, "submit", refuse)
    deaf.stop()
    until(campaign, lambda: "R1 could not be told to stop" in driver.problem)
    beside.append(campaign.propose(x=2.0).accept())  # it is handed over, which works
    running(campaign, "R2")
    driver.troubles.works("endpoint elsewhere")  # as when another endpoint takes what it is given
    assert "R1 could not be told to stop" in driver.problem
    assert known
    assert all("R1 could not be told to stop" in words for words in (*known, driver.problem))
    refused.clear()
    until(campaign, lambda: "controls at local" in campaign.state.troubles)
    until(campaign, lambda: not driver.problem)
    controls.rmdir()
    campaign.runs["R2"].stop()
    finished(campaign, 2)
    until(campaign, lambda: not campaign.state.troubles)
    campaign.close()


def test_a_run_that_cannot_be_told_holds_up_no_other_and_is_no_trouble_once_it_has_ended() -> None:
    campaign = campaign_of(patient)
    for x in (1.0, 2.0):
        campaign.propose(x=x).accept()
    for name in ("R1", "R2"):
        running(campaign, name)
    deaf, other = campaign.runs["R1"], campaign.runs["R2"]
    (campaign.folder / "spool" / AttemptRef("R1", deaf.uuid, 1).folder / "controls.jsonl").mkdir()
    deaf.stop()
    until(campaign, lambda: "controls at local" in str(campaign.state.troubles))
    other.stop()
    finished(campaign, 1)
    assert (other.end, deaf.state) == ("partial", "running")
    assert "R1 could not be told to stop" in repr(campaign)
    os.kill(int(deaf.attempt.where["pid"]), signal.SIGKILL)
    finished(campaign, 2)
    assert (deaf.end, len(deaf.attempts)) == ("lost", 1)
    until(campaign, lambda: not campaign.state.troubles)
    campaign.close()


def test_the_end_of_a_run_that_could_not_be_told_waits_for_a_journal_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = campaign_of(patient)
    campaign.propose(x=1.0).accept()
    running(campaign)
    run = campaign.runs["R1"]
    (campaign.folder / "spool" / AttemptRef("R1", run.uuid, 1).folder / "controls.jsonl").mkdir()
    run.stop()
    until(campaign, lambda: "controls at local" in str(campaign.state.troubles))
    submit, full, ends = campaign.journal.submit, [True], []

    def refuse(command: cmd.Command, **options: object) -> object:
        if not full:
            return submit(command, **options)
        if isinstance(command, cmd.Report):
            ends.extend(event for event in command.events if isinstance(event, ev.AttemptEnded))
        raise JournalUnavailable("The disk is full. Nothing was lost; make room.")

    monkeypatch.setattr(campaign.journal, "submit", refuse)
    os.kill(int(campaign.state.runs["R1"].attempt.where["pid"]), signal.SIGKILL)
    until(campaign, lambda: ends)
    full.clear()
    finished(campaign, 1)
    assert (run.end, len(run.attempts)) == ("lost", 1)
    until(campaign, lambda: not campaign.state.troubles)
    campaign.close()


def test_a_driver_that_finds_no_host_takes_up_the_runs_when_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = campaign_of(patient)
    campaign.propose(x=1.0).accept()
    running(campaign)
    campaign.close()
    with monkeypatch.context() as bare:
        connect = Place.connect

        def refuse(place: Place) -> None:
            raise EndpointError("The local host process did not answer.")

        bare.setattr(Place, "connect", refuse)
        again = ai.open("driven")
        again.start()
        until(again, lambda: "endpoint local" in again.state.troubles)
        bare.setattr(Place, "connect", connect)
        until(again, lambda: not again.state.troubles)
    again.runs["R1"].stop()
    finished(again, 1)
    assert (again.state.runs["R1"].end, len(again.state.runs["R1"].attempts)) == ("partial", 1)
    again.close()


def test_a_control_that_a_full_disk_took_in_part_does_not_spoil_the_next(tmp_path: Path) -> None:
    ref = AttemptRef("R1", "a" * 32, 1)
    with small_disk(tmp_path / "disk") as disk:
        spool = Spool(disk)
        spool.create("n")
        spool.write_request(ref, {})
        first = {"id": "first", "epoch": 1, "verb": "set", "values": {"text": "x" * 4000}}
        second = {"id": "second", "epoch": 1, "verb": "stop", "values": {}}
        spool.append_control(ref, first)  # nearly a page: the next begins in it and finds no other
        filler = fill(disk)
        with pytest.raises(ai.errors.SpoolError, match="No space left"):
            spool.append_control(ref, second)
        filler.unlink()
        spool.append_control(ref, second)
        told, _ = Controls(str(disk / ref.folder), 1).look()
        assert [control["id"] for control in told] == ["first", "second"]
