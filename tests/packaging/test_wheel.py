"""The wheel: what is in it, and that its core lives alone in a clean environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / ".services" / "wheels"

HEAVY = {
    *("torch", "botorch", "gpytorch", "scipy", "pandas", "matplotlib"),
    *("ipywidgets", "anywidget", "IPython", "rdkit", "ase"),
}


def _pip(*arguments: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    (built,) = folder.glob("aisteer-*.whl")
    return built


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the core and nothing else, made without a network."""
    if not (WHEELS / ".done").exists():
        reason = "the core's own wheels were not fetched (make test does that)"
        if os.environ.get("AISTEER_REQUIRE_SERVICES") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("clean")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    _pip("--python", python, "install", "--quiet", "--no-index", "--find-links", WHEELS, wheel)
    return python


def _run(python: Path, code: str, cwd: Path) -> str:
    """What ``code`` prints in the clean environment, with nothing of this one leaking in."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "AISTEER"))}
    done = subprocess.run(
        [python, "-I", "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_both_packages_their_types_and_what_the_browser_loads(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(base).as_posix()
        for base, package in ((ROOT, "aisteer"), (ROOT / "widgets", "aisteer_widgets"))
        for path in (base / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert wanted <= packed
    assert {"aisteer/py.typed", "aisteer_widgets/py.typed"} <= packed
    assert any(name.startswith("aisteer_widgets/static/") and name.endswith(".js") for name in packed)


def test_the_wheel_holds_nothing_but_the_packages_and_their_description(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"aisteer", "aisteer_widgets", wheel.name.split("-py3")[0] + ".dist-info"}


def test_the_core_needs_numpy_sqlalchemy_and_cloudpickle_only(clean_python: Path, tmp_path: Path) -> None:
    code = "from importlib import metadata; print(*sorted(d.name.lower() for d in metadata.distributions()))"
    installed = set(_run(clean_python, code, tmp_path).split())
    needed_by_sqlalchemy = {"greenlet", "typing_extensions"}
    assert installed - needed_by_sqlalchemy == {"aisteer", "cloudpickle", "numpy", "sqlalchemy"}


def test_every_public_name_is_there_without_extras(clean_python: Path, tmp_path: Path) -> None:
    code = "import aisteer as ai; print([n for n in ai.__all__ if getattr(ai, n, None) is None])"
    assert _run(clean_python, code, tmp_path).strip() == "[]"


def test_a_campaign_can_be_made_in_the_core_alone(clean_python: Path, tmp_path: Path) -> None:
    script = tmp_path / "small.py"
    script.write_text(
        "import aisteer as ai\n"
        "@ai.simulation\n"
        "def square(x):\n"
        "    return {'y': x * x}\n"
        "campaign = ai.Campaign('small', simulation=square, space=ai.Space(x=ai.Float(-1, 1)),\n"
        "                       objective=ai.Minimize('y'))\n"
        "proposal = campaign.propose(x=0.5)\n"
        "print(campaign.name, proposal.parameters['x'])\n"
    )
    done = subprocess.run(
        [clean_python, script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["small", "0.5"]


@pytest.mark.parametrize("module", ["aisteer", "aisteer.cli", "aisteer.execution.worker"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    """Here everything is installed, so an import that creeps in shows."""
    code = f"import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & HEAVY


def test_the_worker_needs_the_standard_library_only(tmp_path: Path) -> None:
    """It travels to endpoints with nothing of ours installed; here a copy is all there is."""
    shutil.copytree(ROOT / "aisteer" / "execution" / "worker", tmp_path / "worker")
    code = (
        "import sys, json, pkgutil; sys.path.insert(0, sys.argv[1]); "
        "before = set(sys.modules); import worker;"
        "names = {m.name for m in pkgutil.iter_modules(worker.__path__)} - {'__main__'};"
        "[__import__('worker.' + name) for name in names];"
        "print(json.dumps(sorted({n.split('.')[0] for n in set(sys.modules) - before})))"
    )
    command = [sys.executable, "-I", "-c", code, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) - {"worker"} <= sys.stdlib_module_names


def test_the_host_loads_the_standard_library_only() -> None:
    """Every worker is a fork of it: what it loaded, each of them would have, wanted or not."""
    code = (
        "import sys, json; before = set(sys.modules); import aisteer.execution.host;"
        "print(json.dumps(sorted({n.split('.')[0] for n in set(sys.modules) - before})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) - {"aisteer"} <= sys.stdlib_module_names
