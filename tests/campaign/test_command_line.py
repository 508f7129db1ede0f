from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

import aisteer as ai
from aisteer.cli import main


@pytest.fixture
def here(tmp_path, monkeypatch, make):
    monkeypatch.setenv("AISTEER_CAMPAIGNS", str(tmp_path))
    return make()


def test_without_a_command_it_says_what_there_is(capsys):
    assert main([]) == 2
    assert "drive" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main(["derive", "x"])
    assert stopped.value.code == 2
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("aisteer 0.")


def test_status_shows_one_campaign_or_all(here, capsys):
    here.propose(temperature=900, density=8.1)
    assert main(["status", "copper-melt"]) == 0
    assert "1 waiting of 1" in capsys.readouterr().out
    assert main(["status"]) == 0
    assert "copper-melt" in capsys.readouterr().out


def test_a_campaign_that_is_not_there_is_an_error_with_a_hint(here, capsys):
    assert main(["status", "coper-melt"]) == 1
    assert "Did you mean 'copper-melt'" in capsys.readouterr().err


def test_status_in_an_empty_folder_says_what_to_do(tmp_path, capsys):
    assert main(["--folder", str(tmp_path / "none"), "status"]) == 0
    assert "ai.Campaign" in capsys.readouterr().out


def test_campaigns_in_a_folder_nearby_are_pointed_at(here, tmp_path, capsys, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "copper-melt").rename(tmp_path / "moved")
    monkeypatch.setenv("AISTEER_CAMPAIGNS", "campaigns")
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "notebooks" / "campaigns"
    place.mkdir()
    (tmp_path / "moved").rename(place / "copper-melt")
    assert main(["status"]) == 0
    assert f"aisteer --folder {place}" in capsys.readouterr().out
    assert main(["export", "copper-melt", "--to", "out"]) == 1
    assert f"aisteer --folder {place}" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_export_writes_three_tables(here, tmp_path, capsys, kind):
    here.propose(temperature=900, density=8.1)
    target = tmp_path / "out" / "deep"
    assert main(["export", "copper-melt", "--to", str(target), "--format", kind]) == 0
    assert sorted(p.name for p in target.iterdir()) == [
        f"{t}.{kind}" for t in ("decisions", "observations", "runs")
    ]
    assert str(target) in capsys.readouterr().out


def test_export_to_where_nothing_can_be_written_fails_in_words(here, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["export", "copper-melt", "--to", str(tmp_path / "file" / "out")]) == 1
    assert "aisteer:" in capsys.readouterr().err


def test_hosts_answers(capsys):
    assert main(["hosts"]) == 0
    assert capsys.readouterr().out


def test_only_the_hosts_that_are_named_are_ended(here, capsys, tmp_path):
    here.redefine(hold=0.0, policy="manual", endpoint=ai.connect("local", workers=1))
    here.start()
    here.propose(temperature=900, density=8.1).accept()
    deadline = time.monotonic() + 60
    while not here.state.totals.ended and time.monotonic() < deadline:
        here.journal.wait(here.state.position, 1.0)
    assert main(["hosts", "--stop", "nobody"]) == 1
    assert "no host 'nobody'" in capsys.readouterr().err
    main(["hosts"])
    (key,) = [
        line.split()[0]
        for line in capsys.readouterr().out.splitlines()
        if line.endswith(str(tmp_path / "copper-melt" / "spool"))
    ]
    assert main(["hosts", "--stop", key]) == 0
    assert capsys.readouterr().out == f"{key}  ended\n"


def test_drive_refuses_a_kernel_bound_campaign_by_name(make, tmp_path, monkeypatch, capsys, forget):
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setenv("AISTEER_CAMPAIGNS", str(tmp_path))
    with ThreadPoolExecutor(1) as executor:
        make(endpoint=executor)
    forget()
    assert main(["drive", "copper-melt"]) == 1
    assert "'ThreadPoolExecutor'" in capsys.readouterr().err


def test_drive_carries_a_campaign_on_and_ends_cleanly(here, tmp_path, forget):
    here.redefine(hold=0.0, policy="manual", endpoint=ai.connect("local", workers=1))
    here.start()
    here.propose(temperature=900, density=8.1).accept()
    forget()
    errors = (tmp_path / "errors").open("w")
    driving = subprocess.Popen(
        [sys.executable, "-m", "aisteer", "drive", "copper-melt"],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env={**os.environ, "AISTEER_CAMPAIGNS": str(tmp_path)},
    )
    try:
        campaign = ai.open("copper-melt", folder=tmp_path)
        deadline = time.monotonic() + 60
        while not campaign.state.totals.ended and time.monotonic() < deadline:
            campaign.journal.wait(campaign.state.position, 1.0)
        assert campaign.state.totals.ended == {"done": 1}
        assert campaign.driven_elsewhere()
        assert "aisteer drive" in campaign.driven_by()
        assert "follows" in repr(campaign.start())
        assert not campaign.driving
        driving.send_signal(signal.SIGTERM)
        out, _ = driving.communicate(timeout=30)
    finally:
        driving.kill()
        errors.close()
    assert driving.returncode == 0, (tmp_path / "errors").read_text()
    assert "attempt.ended: R1 done" in out
    assert out.endswith("Runs at the endpoint go on.\n")
    assert campaign.opened.driver.wait_until_driving(30)
    assert campaign.driven_by() == "driven by this process"
