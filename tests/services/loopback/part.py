"""A part of the loopback: a program with a folder of its own that can be started, stopped, killed and paused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_KEEPER = Path(__file__).with_name("keeper.py")


class DidNotStart(Exception):
    """A part of the loopback did not come up; the message ends with what it said last."""


class Part:
    """One program of the loopback, and whatever processes come of it.

    Args:
        name: What it is called in messages; also the name of its folder.
        folder: The folder of the whole loopback; the part has ``folder/name`` for itself.
        grace: Seconds between being asked to end and being killed.
    """

    def __init__(self, name: str, folder: Path, *, grace: float = 10.0) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log"
        self._root = folder
        self._grace = grace
        self._keepers: list[subprocess.Popen[str]] = []
        self._program: int | None = None

    # What a part says of itself.

    def command(self) -> Sequence[str | Path]:
        """The program and its arguments."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Its whole environment: nothing of the caller's is passed on unless it is named here."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it is up and answers."""
        raise NotImplementedError

    # What can be done to it.

    @property
    def pid(self) -> int:
        """The program's process id.

        Raises:
            DidNotStart: It was not started.
        """
        if self._program is None:
            raise DidNotStart(f"the {self.name} of the loopback was not started")
        return self._program

    @property
    def running(self) -> bool:
        """Whether the program itself (not only something it left behind) is alive."""
        return self._program is not None and alive(self._program)

    def begin(self) -> None:
        """Start the program without waiting until it is up."""
        arguments = [str(os.getpid()), str(self._grace), str(self._root), "--"]
        with self.log.open("ab") as said:
            keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", _KEEPER, *arguments, *map(str, self.command())],
                cwd=self.folder,
                env=dict(self.environment()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,
            )
        self._keepers.append(keeper)
        assert keeper.stdout is not None
        first = keeper.stdout.readline()
        if not first:
            raise DidNotStart(f"the {self.name} of the loopback did not start:\n{self.last_words()}")
        self._program = int(first)

    def wait(self, seconds: float = 90.0) -> None:
        """Wait until it is up.

        Raises:
            DidNotStart: It ended, or was not up in time.
        """
        self.wait_for(self.ready, "is not up", seconds)

    def wait_for(self, what: Callable[[], bool], otherwise: str, seconds: float = 60.0) -> None:
        """Wait until something of this part is so, as long as it runs."""
        deadline = time.monotonic() + seconds
        while not what():
            if not self.running:
                raise DidNotStart(f"the {self.name} of the loopback has ended:\n{self.last_words()}")
            if time.monotonic() > deadline:
                late = f"the {self.name} of the loopback {otherwise} after {seconds:.0f} s"
                raise DidNotStart(f"{late}:\n{self.last_words()}")
            time.sleep(0.05)

    def start(self, seconds: float = 90.0) -> None:
        """Start it and wait until it is up."""
        self.begin()
        self.wait(seconds)

    def stop(self) -> None:
        """Ask it to end, then kill what is left of it: its processes are gone when this returns."""
        self._tell(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the program at once, as a crash would. What it started stays, as it would after a crash."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        while self.running:
            time.sleep(0.01)

    def cut(self) -> None:
        """Kill the program and everything it started at once, as when a machine loses its power."""
        self._tell(signal.SIGUSR1)

    def pause(self) -> None:
        """Freeze it with all its processes: they keep their connections and answer nothing."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen part go on."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def processes(self) -> list[int]:
        """The process ids of the program and everything that came of it."""
        import psutil

        found: list[int] = []
        for keeper in self._keepers:
            with suppress(psutil.NoSuchProcess):
                found += [child.pid for child in psutil.Process(keeper.pid).children(recursive=True)]
        return found

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else "(it said nothing)"

    def _tell(self, number: signal.Signals) -> None:
        for keeper in self._keepers:
            if keeper.poll() is None:
                keeper.send_signal(number)
        for keeper in self._keepers:
            keeper.wait()
            assert keeper.stdout is not None
            keeper.stdout.close()
        self._keepers.clear()


def alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
