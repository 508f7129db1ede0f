"""Binder: repo2docker reads our three files, in the order that they count on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPO2DOCKER = ROOT / ".venv-binder" / "bin" / "jupyter-repo2docker"


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What repo2docker would build from the committed files."""
    if not REPO2DOCKER.exists():
        reason = "repo2docker is not installed (make test-all does that)"
        if os.environ.get("AISTEER_REQUIRE_SERVICES") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    checkout = tmp_path_factory.mktemp("binder") / "aisteer"
    checkout.mkdir()
    for name in ("binder", "constraints.txt", "pyproject.toml", "README.md"):
        subprocess.run(["cp", "-R", ROOT / name, checkout], check=True)
    user = ["--user-id", "1000", "--user-name", "jovyan"]
    done = subprocess.run(
        [REPO2DOCKER, "--no-build", "--debug", *user, checkout], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.full
def test_repo2docker_makes_the_environment_then_installs_the_project_then_starts(dockerfile: str) -> None:
    steps = ["binder/environment.yml", "env update", "RUN ./binder/postBuild", "R2D_ENTRYPOINT"]
    places = [dockerfile.index(step) for step in steps]
    assert places == sorted(places)
    assert "binder/start" in dockerfile


@pytest.mark.full
def test_repo2docker_takes_the_python_that_the_project_supports(dockerfile: str) -> None:
    assert "environment.py-3.12" in dockerfile or "2epy-2d3-2e12" in dockerfile


@pytest.mark.parametrize("script", ["postBuild", "start"])
def test_the_scripts_are_executable_and_parse(script: str) -> None:
    path = ROOT / "binder" / script
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", path], check=True)


def test_start_runs_what_it_is_given_with_one_thread_a_library() -> None:
    code = "import os, sys; print(os.environ['OMP_NUM_THREADS'], *sys.argv[1:])"
    command = [ROOT / "binder" / "start", sys.executable, "-c", code, "jupyter", "lab"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "jupyter", "lab"]


def test_pytorch_comes_from_conda_and_is_not_pinned_again_by_pip() -> None:
    assert "pytorch-cpu" in (ROOT / "binder" / "environment.yml").read_text()
    assert "cuda is None" in (ROOT / "binder" / "postBuild").read_text()


def test_the_server_does_without_what_it_does_without_at_home() -> None:
    found = [
        re.search(r"""'({"ServerApp": .*})'""", path.read_text())
        for path in (ROOT / "binder" / "postBuild", ROOT / "Makefile")
    ]
    there, here = (json.loads(settings[1]) for settings in found if settings)
    assert there == here
    assert False in here["ServerApp"]["jpserver_extensions"].values()
