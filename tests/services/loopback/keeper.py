"""Runs one program and ends whatever came of it: when told to, and when the process that asked for it is gone.

A program that makes processes of its own, in sessions of their own, is more than a process to kill. The keeper
adopts every orphan among its descendants (Linux's "child subreaper"), so that none can leave its sight, and watches
its own parent, so that nothing outlives a test run that was killed.

It is started as a script, with nothing but the standard library: ``keeper.py PARENT GRACE FOLDER -- PROGRAM ...``.
It writes the program's process id to its standard output. SIGTERM asks the program to end and kills what is left
after ``GRACE`` seconds; SIGUSR1 kills everything at once. ``FOLDER`` is removed when the parent is gone.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_WATCHED = {signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD}
_libc = ctypes.CDLL(None, use_errno=True)


def _in_the_program() -> None:
    """Runs between fork and exec: the program gets its signals back, and dies with its keeper."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _offspring() -> list[int]:
    """Every living descendant of this process."""
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(process.name))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _reap() -> bool:
    """Take note of what has ended; whether anything is left. (Orphans come here, so no child means no offspring.)"""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _end(program: int, grace: float) -> None:
    """Ask the program and wait (not when there is no grace), then kill until nothing is left."""
    deadline = time.monotonic() + grace
    if grace and program in _offspring():
        _signal([program], signal.SIGTERM)
        _signal(_offspring(), signal.SIGCONT)  # what was paused hears it too
    while program in _offspring() and time.monotonic() < deadline:
        signal.sigtimedwait({signal.SIGCHLD}, 0.05)
        _reap()
    while left := _offspring():
        _signal(left, signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, 0.05)
        _reap()
    _reap()


def main(parent: int, grace: float, folder: str, command: list[str]) -> None:
    """Keep the program until it and its offspring have ended, somebody asks for the end, or the parent is gone."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    program = subprocess.Popen(  # what it says goes where this process says it: into the part's log
        command,
        stdout=sys.stderr,
        start_new_session=True,
        preexec_fn=_in_the_program,  # noqa: PLW1509  # this process has no threads
    ).pid
    with suppress(BrokenPipeError):
        print(program, flush=True)
    while True:
        if os.getppid() != parent:
            _end(program, 0)
            shutil.rmtree(folder, ignore_errors=True)
            return
        heard = signal.sigtimedwait(_WATCHED, 0.5)
        number = heard.si_signo if heard else None
        if number in {signal.SIGTERM, signal.SIGUSR1}:
            _end(program, grace if number == signal.SIGTERM else 0)
            return
        if not _reap():
            return


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[5:])
