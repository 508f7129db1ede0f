"""make on other people's machines: what is missing is named, and what is theirs stays untouched."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\S+01_first_campaign\.ipynb\?token=\w+")
TOOLS = ("sh", "make", "sed", "expand", "touch", "mkdir", "rm", "id", "printf", "grep", "cat")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout on a machine whose path holds make and a shell, and the pythons that a test puts there."""
    checkout = tmp_path / "a checkout"
    (tmp_path / "bin").mkdir()
    checkout.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, checkout)
    for tool in TOOLS:
        if found := shutil.which(tool):
            (tmp_path / "bin" / tool).symlink_to(found)
    return checkout


def _python(machine: Path, name: str, script: str) -> None:
    path = machine.parent / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _make(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(machine.parent / "bin"), "HOME": str(machine.parent)}
    return subprocess.run(
        ["make", *arguments], cwd=machine, env=environment, capture_output=True, text=True, check=False
    )


def test_a_machine_without_a_fitting_python_is_told_which_ones_fit(machine: Path) -> None:
    _python(machine, "python3", '[ "$1" = --version ] && echo "Python 3.10.13"')
    done = _make(machine, "lab")
    assert done.returncode
    assert "3.11, 3.12 or 3.13" in done.stderr
    assert "python3 is" in done.stderr


def test_a_python_without_venv_is_named_with_the_package_that_brings_it(machine: Path) -> None:
    shadow = machine.parent / "shadow"
    shadow.mkdir()
    (shadow / "ensurepip.py").write_text("raise ImportError('no ensurepip here')\n")
    _python(machine, "python3", f"PYTHONPATH='{shadow}' exec '{sys.executable}' \"$@\"")
    done = _make(machine, "lab")
    assert done.returncode
    assert re.search(r"apt install python3\.\d+-venv", done.stderr)


def test_a_python_that_fits_makes_the_environment_even_where_python3_does_not(machine: Path) -> None:
    _python(machine, "python3", "exit 1")
    _python(machine, "python3.12", f"exec '{sys.executable}' \"$@\"")
    done = _make(machine, ".venv/bin/python")
    assert done.returncode == 0, done.stderr
    assert (machine / ".venv" / "bin" / "python").exists()


def test_the_python_that_is_asked_for_and_does_not_fit_is_named(machine: Path) -> None:
    done = _make(machine, "lab", "PYTHON=/nowhere/python3.12")
    assert done.returncode
    assert "/nowhere/python3.12" in done.stderr


def test_make_alone_lists_the_commands(machine: Path) -> None:
    listed = {line.split()[0] for line in _make(machine).stdout.splitlines()}
    assert {"venv", "lab", "test", "test-all", "bench", "docs", "lint", "clean"} <= listed


@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="there is no environment that make made")
def test_lab_opens_no_browser_when_told_so_and_touches_nothing_of_the_user(tmp_path: Path) -> None:
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    checkout.mkdir()
    home.mkdir()
    shutil.copy(ROOT / "Makefile", checkout)
    shutil.copytree(ROOT / "notebooks", checkout / "notebooks")
    (checkout / ".venv").mkdir()
    for part in ("bin", "lib", "share", "etc", "pyvenv.cfg"):
        (checkout / ".venv" / part).symlink_to(ROOT / ".venv" / part)
    environment = {**os.environ, "HOME": str(home), "BROWSER": "none"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        lab = subprocess.Popen(
            ["make", "-o", ".venv/.lab", "lab"],
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        address = None
        while address is None and time.monotonic() < deadline and lab.poll() is None:
            address = ADDRESS.search(log.read_text())
            time.sleep(0.1)
        assert address is not None, log.read_text()
        with urllib.request.urlopen(address[0]) as page:
            assert b"JupyterLab" in page.read()
    finally:
        if lab.poll() is None:
            os.killpg(lab.pid, signal.SIGTERM)
        lab.wait(20)
    assert [p for p in home.rglob("*") if p.is_file()] == []
