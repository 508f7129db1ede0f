"""What a full disk does to a campaign that runs: nothing is lost, it says so, and it goes on when there is room."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import pytest
from stage import Stage

import aisteer as ai
from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.hosts import list_hosts, stop_host
from aisteer.execution.local import LocalEndpoint
from aisteer.execution.mirror import Mirror
from aisteer.execution.spool import Spool
from tests.execution.driven import campaign_of, counted, fill, finished, small_disk, until

pytestmark = pytest.mark.usefixtures("no_host_is_left")


@ai.simulation
def chatty(x: float):
    """Says more than a small disk holds."""
    for step in range(500):
        yield {"step": step, "text": "0123456789" * 20}
    return {"y": x}


@ai.simulation
def gated(x: float) -> dict[str, float]:
    """Says that it is executed, and returns once a file is there."""
    import os
    import time
    from pathlib import Path

    with Path(os.environ["AISTEER_TEST_LOG"]).open("a") as log:
        log.write(f"{x:g}\n")
    while not Path(os.environ["AISTEER_TEST_GATE"]).exists():
        time.sleep(0.01)
    return {"y": x}


def spooled(campaign: ai.Campaign, run: str) -> bytes:
    """The attempt's stream as its worker wrote it."""
    ref = AttemptRef(run, campaign.state.runs[run].uuid, 1)
    return (campaign.folder / "spool" / ref.folder / "observations.jsonl").read_bytes()


def test_observations_that_find_no_room_are_read_again_when_there_is_some(campaigns: Path) -> None:
    with small_disk(campaigns / "driven" / "observations") as disk:
        filler = fill(disk, leave=3 * 4096)
        campaign = campaign_of(chatty)
        campaign.propose(x=1.0).accept()
        until(campaign, lambda: "mirror of R1" in campaign.state.troubles)
        assert "cannot be kept now" in repr(campaign)
        assert "No space left" in repr(campaign)
        mirror = campaign.opened.mirror
        until(campaign, lambda: mirror.path("R1", 1).exists() and list(mirror.observations("R1", 1)))
        # The run is over and its end waits for what it said before.
        until(campaign, lambda: b'"step":499' in spooled(campaign, "R1"))
        assert campaign.state.runs["R1"].state != "ended"
        filler.unlink()
        finished(campaign, 1)
        run = campaign.state.runs["R1"]
        data = mirror.path("R1", 1).read_bytes()
        assert data == spooled(campaign, "R1")
        assert run.attempt.sealed == (len(data), hashlib.sha256(data).hexdigest())
        assert [row["values"]["step"] for row in mirror.observations("R1", 1)] == list(range(500))
        assert (run.end, run.attempt.observations) == ("done", 500)
        until(campaign, lambda: not campaign.state.troubles)
        campaign.close()


def test_what_a_full_disk_took_in_part_is_taken_back_to_the_byte(tmp_path: Path) -> None:
    first, second, third = (word * 300 + b"\n" for word in (b"first ....", b"second ...", b"third ...."))
    with small_disk(tmp_path / "disk") as disk:
        mirror = Mirror(disk)
        mirror.append("R1", 1, 0, first)  # 3 kB of a page: the next begins in it and ends in no other
        filler = fill(disk)
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                mirror.append("R1", 1, len(first), second)
            assert mirror.path("R1", 1).read_bytes() == first
        filler.unlink()
        mirror.append("R1", 1, len(first), second)
        mirror.append("R1", 1, len(first), second + third)
        whole = first + second + third
        assert mirror.path("R1", 1).read_bytes() == whole
        assert mirror.seal("R1", 1) == [len(whole), hashlib.sha256(whole).hexdigest()]


def test_a_request_that_found_no_room_is_written_once_there_is_some_whoever_drives_then(
    campaigns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("AISTEER_TEST_LOG", str(log))
    with small_disk(campaigns / "spool") as disk:
        campaign = campaign_of(counted, endpoint=ai.connect("local", workers=2, spool=disk))
        campaign.propose(x=1.0).accept()
        finished(campaign, 1)
        filler = fill(disk)
        for x in (2.0, 3.0):
            campaign.propose(x=x).accept()
        until(campaign, lambda: len(campaign.state.runs) == 3 and campaign.state.troubles)
        assert "No space left on device" in repr(campaign)
        refs = [AttemptRef(run, campaign.state.runs[run].uuid, 1) for run in ("R2", "R3")]
        until(campaign, (disk / refs[0].folder).is_dir)
        assert not (disk / refs[0].folder / "request.json").exists()
        campaign.close()
        again = ai.open("driven")
        again.start()
        until(again, lambda: again.driving)  # it has taken up what it found
        filler.unlink()
        finished(again, 3)
        runs = again.state.runs
        assert [(runs[name].end, len(runs[name].attempts)) for name in ("R2", "R3")] == [("done", 1)] * 2
        assert sorted(log.read_text().split()) == ["1", "2", "3"]
        until(again, lambda: not again.state.troubles)
        again.close()


def test_many_runs_whose_requests_or_ends_found_no_room_are_executed_once_and_keep_their_outcomes(
    campaigns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    monkeypatch.setenv("AISTEER_TEST_LOG", str(log))
    monkeypatch.setenv("AISTEER_TEST_GATE", str(gate))
    with small_disk(campaigns / "spool") as disk:
        campaign = campaign_of(gated, endpoint=ai.connect("local", workers=2, spool=disk), slots=20)
        campaign.pause()
        for x in range(20):  # handed over together
            campaign.propose(x=float(x)).accept()
        (disk / "attempts").mkdir()
        filler = fill(disk)
        campaign.start()
        until(campaign, lambda: len(campaign.state.runs) == 20 and campaign.state.troubles)
        filler.unlink()
        until(campaign, lambda: log.exists() and len(log.read_text().split()) == 2)
        filler = fill(disk)
        gate.touch()
        until(campaign, lambda: len(log.read_text().split()) > 2)  # one at least tried to write its end
        refs = [AttemptRef(run.id, run.uuid, 1) for run in campaign.state.runs.values()]
        spool = Spool(disk)
        assert [spool.end(ref) for ref in refs] == [None] * 20
        assert not any(run.end for run in campaign.state.runs.values())
        filler.unlink()
        finished(campaign, 20)
        runs = campaign.state.runs
        assert [(run.end, len(run.attempts)) for run in runs.values()] == [("done", 1)] * 20
        assert all(run.outcome["y"][0] == run.parameters["x"] for run in runs.values())
        assert sorted(log.read_text().split(), key=int) == [str(x) for x in range(20)]
        campaign.close()


EXITING = """
    import os, pathlib, time
    def f(gate):
        pathlib.Path(gate + ".begun").touch()
        while not os.path.exists(gate):
            time.sleep(0.01)
        os._exit(3)
"""


def test_a_crash_of_a_run_without_a_folder_is_written_down_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = tmp_path / "gate"
    with small_disk(tmp_path / "spool", "256k,nr_inodes=100") as disk:
        stage = Stage(tmp_path, LocalEndpoint(disk, workers=1, idle=10.0))
        simulation = stage.code(EXITING)
        refs = stage.submit_all([stage.submission(simulation, {"gate": str(gate)}) for _ in range(8)])
        stage.until(gate.with_suffix(".begun").exists)
        fillers = [disk / f"fill{number}" for number in range(100)]
        with contextlib.suppress(OSError):  # until no file and no folder can be made any more
            for filler in fillers:
                filler.touch()
        assert not fillers[-1].exists()
        gate.touch()
        ref = stage.until(
            lambda: next((r for r, w in stage.endpoint._lookout.watched.items() if w.kept), None)
        )
        monkeypatch.setattr("aisteer.execution.looking._SURE", 0.0)
        monkeypatch.setattr("aisteer.execution.looking._SWEEP", 0.05)
        for _ in range(10):
            stage.look()  # its process is dead, and it is not taken for lost
        assert not stage.seen[ref].over
        for filler in fillers:
            filler.unlink(missing_ok=True)
        assert stage.ended(ref).end["end"] == "failed"
        assert "exit code 3" in stage.seen[ref].end["message"]
        assert ref in refs
        stage.endpoint.close()
        for host in list_hosts():
            if host.spool == str(disk):
                stop_host(host)
