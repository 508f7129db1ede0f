"""A part of the loopback ends with everything that came of it, whoever ends it and however."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.services.loopback import DidNotStart
from tests.services.loopback.part import Part, alive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the keeper is made of what Linux offers")

# One that stays, one in a session of its own, and an orphan that does not listen to SIGTERM.
FAMILY = "setsid sleep 600 & (setsid sh -c 'trap \"\" TERM; sleep 600 & wait' &); exec sleep 600"


class Toy(Part):
    """A program with offspring in many sessions."""

    def __init__(self, folder: Path, script: str = FAMILY) -> None:
        super().__init__("toy", folder, grace=0.2)
        self._script = script

    def command(self) -> Sequence[str | Path]:
        return ["sh", "-c", self._script]

    def environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"]}

    def ready(self) -> bool:
        # By name, not by number: on the way there a shell that only starts another counts as well.
        return self._script != FAMILY or sorted(map(program, self.processes())) == ["sh", *["sleep"] * 3]


def program(pid: int) -> str:
    """The name of the program that a process runs; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def until(so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Toy]:
    toy = Toy(tmp_path)
    toy.start()
    yield toy
    toy.cut()


def test_stopping_a_part_ends_what_went_into_sessions_of_its_own(toy: Toy) -> None:
    family = toy.processes()
    toy.stop()
    assert not any(map(alive, family))
    assert not toy.running


def test_a_part_that_was_killed_leaves_its_offspring_and_ends_it_when_it_is_stopped(toy: Toy) -> None:
    family = toy.processes()
    toy.kill()
    assert not toy.running
    assert sum(map(alive, family)) == 3
    toy.stop()
    assert not any(map(alive, family))


def test_a_part_can_be_frozen_and_let_go_on(toy: Toy) -> None:
    def states() -> set[str]:
        return {
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in toy.processes()
        }

    toy.pause()
    until(lambda: states() == {"T"})
    toy.resume()
    until(lambda: states() == {"S"})


def test_a_part_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    class Broken(Toy):
        def ready(self) -> bool:
            return False

    broken = Broken(tmp_path, "echo no such luck >&2; exit 3")
    with pytest.raises(DidNotStart, match="no such luck"):
        broken.start()
    broken.stop()


def test_nothing_is_left_when_the_process_that_started_a_part_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "loopback"
    script = (
        "import os, pathlib, sys\n"
        "from test_parts import Toy\n"
        "toy = Toy(pathlib.Path(sys.argv[1]))\n"
        "toy.start()\n"
        "print(*toy.processes(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parents[1])])
    killed = subprocess.run(
        [sys.executable, "-c", script, folder],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    family = [int(pid) for pid in killed.stdout.split()]
    assert len(family) == 4
    until(lambda: not any(map(alive, family)))
    until(lambda: not folder.exists())
