"""The code of the how-to about other minds runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aisteer.execution.hosts import list_hosts, stop_host

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "minds.md"
GENERATORS = ROOT / ".venv-generators" / "bin" / "python"
THEIRS = re.compile(r"^ *from (xopt|ax|libensemble)\b", re.MULTILINE)
MODULE = re.compile(r"# (\w+\.py)\n")
"""A block that is a module beside the notebook."""

PROPOSES = """
import time
deadline = time.monotonic() + 100
while not campaign.state.waiting:
    assert time.monotonic() < deadline, campaign
    assert not campaign.state.troubles, campaign.state.troubles
    time.sleep(0.05)
print(campaign.name, "|", campaign.proposals["P1"].reasons[0]["words"])
campaign.close()
"""


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def run(campaigns):
    """Runs blocks of the page as one script in a process of its own; what it printed."""

    def _run(python: Path | str, chosen: list[str]) -> str:
        campaigns.mkdir(parents=True, exist_ok=True)
        modules = {m[1]: b for b in chosen if (m := MODULE.match(b))}
        for name, content in modules.items():
            (campaigns / name).write_text(content, encoding="utf-8")
        chosen = [b for b in chosen if b not in modules.values()]
        text = "".join(b + (PROPOSES if "campaign.start()" in b else "") for b in chosen)
        script = campaigns / "page.py"
        script.write_text(text, encoding="utf-8")
        told = subprocess.run(
            [python, script],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=campaigns,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert told.returncode == 0, told.stderr[-3000:]
        return told.stdout

    yield _run
    for host in list_hosts():
        if Path(host.spool).is_relative_to(campaigns):
            stop_host(host)


@pytest.mark.timeout(200)
def test_what_it_says_of_functions_samplers_and_our_own_generator_is_so(run):
    told = run(sys.executable, [b for b in blocks() if not THEIRS.search(b)])
    assert "by-hand | proposed by near_the_best;" in told
    assert "with-optuna | proposed by TPESampler (optuna " in told
    assert "with-an-object | proposed by TPESampler (optuna " in told
    assert "forest | Predictions begin with 3 outcomes" in told


@pytest.mark.full
@pytest.mark.timeout(520)
def test_what_it_says_of_other_libraries_is_so(run):
    if not GENERATORS.exists():
        pytest.skip("the other libraries are not there: make .venv-generators/.done")
    told = run(GENERATORS, [blocks()[0], *[b for b in blocks() if THEIRS.search(b)]])
    assert "with-ax | proposed by Client (ax-platform " in told
    assert "with-xopt | of 'bayesian', as ExpectedImprovementGenerator (xopt " in told
    assert "with-a-simplex | proposed by patient_simplex;" in told
