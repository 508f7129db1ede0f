"""What pip says while make installs: little on the screen, all of it in a log, and nothing on stdout."""

from __future__ import annotations

import itertools
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "tools" / "install.py"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with one small wheel that pip can install without a network."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    about = "pebble-1.0.dist-info"
    with zipfile.ZipFile(folder / "pebble-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pebble.py", "weight = 3\n")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: pebble\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(
            f"{about}/RECORD", f"pebble.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n"
        )
    return folder


def _install(
    log: Path, shelf: Path, *names: str, stderr: int = subprocess.PIPE
) -> subprocess.CompletedProcess:
    away = ["--no-index", "--find-links", shelf, "--target", log.parent / "installed"]
    return subprocess.run(
        [sys.executable, INSTALL, log, "a pebble: a moment", *away, *names],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=False,
    )


def test_what_is_installed_is_said_in_a_line_and_the_rest_is_in_the_log(tmp_path: Path, shelf: Path) -> None:
    log = tmp_path / "install.log"
    done = _install(log, shelf, "pebble")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "installed" / "pebble.py").exists()
    assert done.stdout == ""
    first, *meanwhile, last = done.stderr.splitlines()
    assert first == "Installing a pebble: a moment."
    # One that takes long, as on a busy machine, says how far it is, and no more than every quarter of a minute.
    said = [re.fullmatch(r"  (\d+):(\d\d)  .+", line) for line in meanwhile]
    assert all(said), done.stderr
    times = [0, *(60 * int(found[1]) + int(found[2]) for found in said if found)]
    assert all(after - before >= 14 for before, after in itertools.pairwise(times)), done.stderr
    assert "1 package is in place" in last
    assert "Successfully installed pebble-1.0" in log.read_text()


def test_a_failure_shows_the_last_words_and_says_where_the_others_are(tmp_path: Path, shelf: Path) -> None:
    log = tmp_path / "install.log"
    log.write_text("an earlier installation\n")
    done = _install(log, shelf, "pebble", "boulder")
    assert done.returncode
    assert "No matching distribution found for boulder" in done.stderr
    assert str(log) in done.stderr
    assert "run make again" in done.stderr
    assert log.read_text().startswith("an earlier installation")
    assert "boulder" in log.read_text()


def test_on_a_terminal_one_line_is_rewritten(tmp_path: Path, shelf: Path) -> None:
    ours, theirs = pty.openpty()
    done = _install(tmp_path / "install.log", shelf, "pebble", stderr=theirs)
    os.close(theirs)
    assert done.returncode == 0
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert shown.count("\n") == 2
    assert "\r" in shown


@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="there is no environment that make made")
def test_a_benchmark_prints_nothing_but_json_even_when_the_environment_is_stale(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "tests" / "benchmarks").mkdir(parents=True)
    (checkout / "tests" / "__init__.py").touch()
    (checkout / "tests" / "benchmarks" / "quick.py").write_text('print(\'{"benchmark": "quick"}\')\n')
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    for folder in ("tools", "aisteer", "widgets"):
        (checkout / folder).symlink_to(ROOT / folder)
    (checkout / ".venv").mkdir()
    for part in ("bin", "lib", "share", "etc", "pyvenv.cfg"):
        (checkout / ".venv" / part).symlink_to(ROOT / ".venv" / part)
    # pip looks at everything that is asked for, and changes nothing.
    environment = {**os.environ, "PIP_DRY_RUN": "1", "PIP_NO_INDEX": "1"}
    # These tests may have been begun by make themselves, and a make within a make says which folder it enters.
    for name in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS"):
        environment.pop(name, None)
    done = subprocess.run(
        ["make", "bench", "NAME=quick"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"benchmark": "quick"}
    assert "Installing aisteer and what the tests need" in done.stderr
    assert "Would install aisteer" in (checkout / ".venv" / "install.log").read_text()
