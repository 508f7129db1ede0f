"""What make installs is pinned, and pinned to what anybody can install."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def _pins() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def _wanted() -> set[str]:
    """Every requirement that the extras test and docs reach, ours unfolded."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names: set[str] = set()
    todo = [*project["dependencies"], *extras["test"], *extras["docs"]]
    while todo:
        requirement = Requirement(todo.pop())
        if requirement.name == "aisteer":
            todo += [line for extra in requirement.extras for line in extras[extra]]
        else:
            names.add(canonicalize_name(requirement.name))
    return names


def test_everything_asked_for_by_name_is_pinned() -> None:
    assert _wanted() <= set(_pins())


def test_every_pin_is_one_exact_version_without_a_local_suffix() -> None:
    for pin in _pins().values():
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert "+" not in specifier.version
        assert pin.url is None


def test_the_pins_satisfy_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = _pins()
    extras = project["optional-dependencies"].values()
    for requirement in map(Requirement, [*project["dependencies"], *(r for extra in extras for r in extra)]):
        pin = pins.get(canonicalize_name(requirement.name))
        if pin is not None:
            (specifier,) = pin.specifier
            assert requirement.specifier.contains(specifier.version), requirement
