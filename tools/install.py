"""pip, made calm: one line that says what it is at, all its words in a log, the last of them when it fails.

``python tools/install.py LOG WHAT ARGUMENT…`` runs ``pip install ARGUMENT…``. Everything it says goes to
stderr, so that a command that installs first still prints only its own result.
"""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO

LAST_WORDS = 15
"""Lines of pip's that are shown when it fails."""
OFTEN, SELDOM = 0.5, 15.0
"""Seconds between two looks on a terminal, and between two lines where what is said is kept (CI, a file)."""

_COUNTED = re.compile(r"\s*(?:(?:Collecting|Requirement already satisfied:) ([\w.-]+)|Processing (\S+))")
_FETCHED = re.compile(
    r"\s*(Downloading|Using cached) (?:\S*/)?([\w.]+?)-(\d[^-\s]*)\S*(?: \(([\d.]+ \w+)\))?"
)
_AMOUNT = re.compile(r"Progress (\d+) of (\d+)")
_INSTALLS = re.compile(r"Installing collected packages: (.*)")


class Progress:
    """What pip is at, in words."""

    def __init__(self) -> None:
        self.chosen: set[str] = set()
        self.words = "asking which versions there are"
        self._fetching = ""

    def hear(self, line: str) -> bool:
        """Take in a line of pip's; whether it is one for the log."""
        if found := _AMOUNT.match(line):
            done, whole = (int(n) / 1e6 for n in found.groups())
            if whole >= 1:
                self.words = f"downloading {self._fetching}, {done:,.0f} of {whole:,.0f} MB"
            return False
        if found := _COUNTED.match(line):
            self.chosen.add(re.sub(r"[-_.]+", "-", found[1] or found[2]).lower())
            self.words = f"choosing versions, {len(self.chosen)} packages so far"
        elif found := _FETCHED.match(line):
            self._fetching = f"{found[2]} {found[3]}".removesuffix(".tar.gz")
            verb = "downloading" if found[1] == "Downloading" else "taking from the cache"
            self.words = f"{verb} {self._fetching}" + (f" ({found[4]})" if found[4] else "")
        elif found := _INSTALLS.match(line):
            self.words = (
                f"unpacking {len(found[1].split(','))} packages: this part says nothing until it is done"
            )
        return True


class Teller:
    """One line that is rewritten on a terminal; elsewhere a line now and then."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._rewrites = out.isatty()
        self._began = self._told = time.monotonic()
        self._last = ""

    def tell(self, words: str, *, end: bool = False) -> None:
        """Say what is going on; ``end`` is for what stays on the screen."""
        now = time.monotonic()
        seconds = int(now - self._began)
        line = f"  {seconds // 60}:{seconds % 60:02d}  {words}"
        if self._rewrites:
            self._out.write(f"\r\033[2K{line[:100]}" + ("\n" if end else ""))
        elif end or (words != self._last and now - self._told >= SELDOM):
            self._out.write(f"{line}\n")
            self._told, self._last = now, words
        self._out.flush()


def _lines(stream: IO[str]) -> queue.Queue[str | None]:
    """The lines of ``stream`` as they come, then ``None``."""
    heard: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in stream:
            heard.put(line)
        heard.put(None)

    threading.Thread(target=read, daemon=True).start()
    return heard


def _run(arguments: list[str], log: IO[str], teller: Teller) -> tuple[int, list[str]]:
    """Run pip to its end; its exit status and its last words."""
    options = ["--disable-pip-version-check", "--no-input", "--prefer-binary"]
    if _pip_counts():
        options += ["--progress-bar", "raw"]
    command = [sys.executable, "-u", "-m", "pip", "install", *options, *arguments]
    log.write(f"\n$ {' '.join(command)}\n")
    progress, last = Progress(), deque[str](maxlen=LAST_WORDS)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        heard = _lines(pip.stdout)
        while True:
            try:
                line = heard.get(timeout=OFTEN)
            except queue.Empty:
                teller.tell(progress.words)
                continue
            if line is None:
                break
            if progress.hear(line):
                log.write(line)
                log.flush()
                last.append(line.rstrip())
            teller.tell(progress.words)
    count = len(progress.chosen)
    done = f"{count} packages are in place" if count != 1 else "1 package is in place"
    teller.tell("pip gave up" if pip.returncode else done, end=True)
    return pip.returncode, list(last)


def _pip_counts() -> bool:
    """Whether this pip can say how much of a download has come (since 24.1)."""
    from importlib.metadata import version

    return tuple(int(n) for n in version("pip").split(".")[:2]) >= (24, 1)


def main(log: Path, what: str, arguments: list[str]) -> int:
    """Install, calmly.

    Args:
        log: Everything that pip says is added to this file.
        what: What is being installed and how long it may take, for the human who waits.
        arguments: What ``pip install`` is given.
    """
    out = sys.stderr
    out.write(f"Installing {what}.\n")
    with log.open("a", encoding="utf-8") as kept:
        try:
            status, last = _run(arguments, kept, Teller(out))
        except KeyboardInterrupt:
            out.write("\nStopped. Run make again to go on: what was downloaded is kept.\n")
            return 130
    if status:
        out.write("\n".join(["", *(f"  {line}" for line in last), ""]) + "\n")
        out.write(
            f"pip could not install this (status {status}); its last words stand above, all of them in {log}.\n"
            "Nothing else was changed. Mend the cause (often: no network, a proxy, or a full disk) and run make "
            "again: what was downloaded is kept.\n"
        )
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
