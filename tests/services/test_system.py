"""System programs: a missing one is named, and required ones may not be missing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.services import system


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is installed, nothing is unpacked, and there is no apt."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(system, "HERE", tmp_path / ".services")
    monkeypatch.setattr(system, "FOLDERS", dict.fromkeys(system.FOLDERS, ()))
    monkeypatch.setattr(system, "OTHER_NAMES", {})
    monkeypatch.delenv("AISTEER_REQUIRE_SERVICES", raising=False)
    return tmp_path


def test_a_test_is_skipped_with_the_reason_for_which_the_program_could_not_be_had(bare_machine: Path) -> None:
    assert system.main(["chromium"]) == 0
    with pytest.raises(pytest.skip.Exception, match="no apt"):
        system.need("chromium")


def test_where_services_are_required_a_missing_program_is_a_failure(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AISTEER_REQUIRE_SERVICES", "1")
    assert system.main(["initdb"]) == 1
    with pytest.raises(pytest.fail.Exception, match="initdb"):
        system.need("initdb")


def test_an_unpacked_program_is_found_and_started_with_the_libraries_beside_it(bare_machine: Path) -> None:
    library = bare_machine / ".services" / "root" / "usr" / "lib" / "libthing.so.1"
    library.parent.mkdir(parents=True)
    library.touch()
    program = bare_machine / ".services" / "root" / "usr" / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$LD_LIBRARY_PATH $1"\n')
    program.chmod(0o755)
    system._wrap(program, system.HERE)
    found = system.find("chromium")
    assert found is not None
    said = subprocess.run([found, "hello"], capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(library.parent), "hello"]
