"""Our generator in other libraries' loops, and theirs in a campaign, each in a process with those libraries."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LENT = Path(__file__).parent / "lent"
PYTHON = ROOT / ".venv-generators" / "bin" / "python"


def loop(name: str, *arguments: object) -> dict:
    if not PYTHON.exists():
        words = f"{PYTHON.parent.parent.name} is not there: make .venv-generators/.done"
        if os.environ.get("AISTEER_REQUIRE_SERVICES"):
            pytest.fail(words)
        pytest.skip(words)
    told = subprocess.run(
        [PYTHON, LENT / f"{name}.py", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    return json.loads(told.stdout.splitlines()[-1])


@pytest.mark.full
@pytest.mark.timeout(320)
def test_libensemble_drives_our_generator(tmp_path):
    found = loop("libensemble_loop", tmp_path, 21, 3)
    assert found["flag"] == 0
    assert found["evaluations"] == found["different"] == 21
    assert found["best"] < 1e-3
    # What the last batch came to is not told any more: the ensemble ends there.
    assert found["taken_in"] + found["under_way"] == 21
    assert found["under_way"] <= 3


@pytest.mark.full
@pytest.mark.timeout(320)
def test_xopt_drives_our_generator_and_tells_it_of_errors():
    found = loop("xopt_loop", 8)
    assert found["evaluations"] == 21
    assert found["errors"] == found["failed"] >= 1
    assert found["data"] == 21 - found["errors"]
    assert found["best"] < 1e-3
    assert found["under_way"] == 0
    assert found["after_removal"] == 20


@pytest.mark.full
@pytest.mark.timeout(320)
@pytest.mark.parametrize(
    ("name", "package", "least"),
    [
        ("xopt_expected_improvement", "xopt", 9.9),
        ("xopt_nelder_mead", "xopt", 4.5),
        ("ax_client", "ax-platform", 9.9),
        ("optimas_random", "optimas", 5.0),
        ("libensemble_uniform", "libensemble", 5.0),
    ],
)
def test_their_minds_drive_a_campaign_through_a_failed_run_and_a_restart(name, package, least):
    found = loop("minds", name, 5)
    assert found["who"]["package"] == package
    assert found["troubles"] == []
    # The simplex gives a point at a time, the others as many as were asked for.
    assert found["runs"] == (11 if name == "xopt_nelder_mead" else 21)
    # A model needs something to begin with: that is no trouble, and said.
    assert found["its_own"] >= found["runs"] - 3
    assert all("proposes nothing before the first outcome" in words for words in found["instead"])
    assert found["predicted"] > found["runs"] / 2
    assert found["best"] > least


@pytest.mark.full
@pytest.mark.timeout(320)
@pytest.mark.parametrize(
    "name", ["xopt_expected_improvement", "ax_client", "optuna_tpe", "optimas_random", "libensemble_uniform"]
)
def test_their_minds_drive_a_real_campaign_with_its_journal_and_its_runs(name):
    found = loop("real_campaign", name, 8)
    assert found["runs"] == 8
    assert found["troubles"] == []
    # One that has to see data first is given spread points until the first run has ended, and says so.
    assert found["its_own"] >= (1 if name == "xopt_expected_improvement" else 8)
    assert all("proposes nothing before the first outcome" in words for words in found["instead"])
    assert found["predicted"] >= 2
