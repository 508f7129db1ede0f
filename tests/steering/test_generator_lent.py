"""Our generator in other libraries' own loops, each in a process with those libraries."""

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
