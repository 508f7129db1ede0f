"""A simulation that is an executable: written out, started, read while it runs, ended with all its children."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

from . import files, launcher, values
from .claim import machine, process_start
from .files import Json
from .output import Growing, Pipe

_TOKEN = re.compile(r"\{\{|\}\}|(?<![$\\{])\{([A-Za-z_]\w*)\}(?!\})")
_LOOK = 0.05
_TERM_PATIENCE = 2.0
_GROUP = "group.json"
_LAUNCHER = "{launcher}"


class CommandFailed(Exception):
    """The command did not do its work; the message says what happened, and what to do."""

    explains_itself = True

    def __init__(self, message: str, end: str = "failed") -> None:
        super().__init__(message)
        self.end = end


def filled(template: str, given: Mapping[str, Any]) -> str:
    """The template with ``{name}`` replaced for every name in ``given``, and ``{{`` and ``}}`` by braces.

    Raises:
        CommandFailed: A value holds a line break or another control character: it could say more than a value.
    """

    def replace(found: re.Match[str]) -> str:
        name = found.group(1)
        if name is None:
            return found.group(0)[0]
        if name not in given:
            return found.group(0)
        value = given[name]
        text = repr(value) if isinstance(value, float) else str(value)
        if not text.isprintable():
            raise CommandFailed(
                f"The parameter {name!r} is {values.text(repr(value), 80)}: a value with control characters "
                f"is not put into a "
                "command or its files. Nothing ran. Use plain text for choices."
            )
        return text

    return _TOKEN.sub(replace, template)


def simulation(folder: str, request: Json) -> Callable[[], Generator[Any, Json | None, Json]]:
    """What the stepper drives: a generator that runs the command of a request in the attempt's folder."""
    spec = request["simulation"]
    given = {**request["parameters"], "seed": request.get("seed", 0)}
    grace = request.get("grace")
    resources = request.get("resources") or {}
    return lambda: _run(
        folder,
        {**spec, "resources": resources},
        given,
        float(grace) if isinstance(grace, (int, float)) else 10.0,
    )


def end_group(folder: str) -> None:
    """End what a dead worker's command has left running on this machine."""
    group = files.read_json(os.path.join(folder, _GROUP))
    if group is None or any(group.get(key) != value for key, value in machine().items()):
        return
    pid, started = group.get("pid"), group.get("started")
    # While its group lives a number is not given to another process: one with another start is a stranger.
    if isinstance(pid, int) and 1 < pid < 2**31 and process_start(pid) in {"", started}:
        _signal(pid, signal.SIGKILL)


def _run(folder: str, spec: Json, given: Json, grace: float) -> Generator[Any, Json | None, Json]:
    place = os.path.join(folder, "work")
    argv = _argv(spec, given)
    _write_out(place, spec, given)
    environment = {
        **os.environ,
        **{k: filled(str(v), given) for k, v in (spec.get("environment") or {}).items()},
    }
    process = _started(argv, place, environment)
    out, err = Pipe(process.stdout, folder, "stdout"), Pipe(process.stderr, folder, "stderr")
    reader = Reader(place, spec, out)
    stopped = 0.0
    try:
        _remember(folder, process.pid)
        code: int | None = None
        while code is None:
            control = yield None
            code = _wait(process)
            for item in reader.new():
                control = {**(control or {}), **((yield item) or {})}
            if control and control.get("stop") and not stopped:
                stopped = time.monotonic()
                _signal(process.pid, getattr(signal, f"SIG{spec.get('stop_signal') or 'TERM'}"))
            if stopped and time.monotonic() - stopped > grace:
                _signal(process.pid, signal.SIGKILL)
        _end(process)
        out.finish()
        err.finish()
        for item in reader.rest():
            yield item
        if code != 0 and not stopped:
            raise _failure(argv[0], code, err.last())
        return reader.outcome()
    finally:
        _end(process)
        out.close()
        err.close()
        files.remove(os.path.join(folder, _GROUP))


def _argv(spec: Json, given: Json) -> list[str]:
    """The command's words, with the MPI launcher where that stands for itself."""
    made: list[str] = []
    for word in spec["argv"]:
        if word != _LAUNCHER:
            made.append(filled(str(word), given))
            continue
        try:
            made += launcher.words(spec["resources"])
        except launcher.NoLauncher as error:
            raise CommandFailed(str(error)) from error
    return made


def _write_out(place: str, spec: Json, given: Json) -> None:
    os.mkdir(place)
    for name, template in (spec.get("inputs") or {}).items():
        files.write_new(_inside(place, name), filled(str(template), given).encode())
    for name, source in (spec.get("files") or {}).items():
        path = os.path.abspath(os.path.expanduser(filled(str(source), given)))
        if not os.path.exists(path):
            raise CommandFailed(
                f"The file {path} that the simulation needs as {name!r} is not there where the run "
                f"executes. Nothing ran. "
                "Put it there, or correct files= with campaign.redefine(…)."
            )
        os.symlink(path, _inside(place, name))


def _inside(place: str, name: str) -> str:
    path = os.path.normpath(os.path.join(place, name))
    if not path.startswith(place + os.sep):
        raise CommandFailed(f"The file {name!r} would not lie in the run's own folder. Nothing ran.")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def _started(argv: list[str], place: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # A group of its own, to be ended as one. In the worker's session where Python can: a system that shares the
    # processor session by session would give one of its own a share beside the notebook's.
    own: dict[str, Any] = {"process_group": 0} if sys.version_info >= (3, 11) else {"start_new_session": True}
    try:
        return subprocess.Popen(
            argv,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            **own,
        )
    except OSError as error:
        raise CommandFailed(
            f"The command {argv[0]!r} cannot be started where the run executes: {error.strerror}. Nothing "
            f"ran. Install it there, "
            "load its module in the endpoint's environment, or give its full path."
        ) from error


def _remember(folder: str, pid: int) -> None:
    """So that somebody else can end it if this process dies."""
    body = files.encode({"pid": pid, "started": process_start(pid), **machine()})
    files.write_whole(os.path.join(folder, _GROUP), body)


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_LOOK)
    except subprocess.TimeoutExpired:
        return None


def _signal(group: int, number: int) -> bool:
    """Signal a process group. Answers whether there is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Some systems answer so when only dead processes are left in it.
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group, and see that nothing of it is left."""
    if _signal(process.pid, signal.SIGTERM):
        patience = time.monotonic() + _TERM_PATIENCE
        while time.monotonic() < patience and _left(process):
            time.sleep(0.01)
        if _left(process):
            _signal(process.pid, signal.SIGKILL)
    process.wait()


def _left(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    return _signal(process.pid, 0)


def _failure(name: str, code: int, printed: str) -> CommandFailed:
    words = (
        f" It last printed to standard error: {printed}"
        if printed
        else " It printed nothing to standard error."
    )
    if code == -signal.SIGKILL:
        return CommandFailed(
            f"The command {name!r} was killed (SIGKILL): most often because the machine ran out of memory. "
            f"It is tried again as the "
            f"task's retries say; use fewer slots or a smaller system if it happens again.{words}",
            end="lost",
        )
    how = f"with exit code {code}" if code > 0 else f"by signal {-code}"
    return CommandFailed(
        f"The command {name!r} ended {how}, so the run has no outcome. Look at stderr.log and at work/ in "
        f"its folder.{words}"
    )


class Reader:
    """Turns a command's growing output into observations and, at its end, into the outcome."""

    def __init__(self, place: str, spec: Json, out: Pipe) -> None:
        self._place = place
        self._out = out
        self._outcome: Json = spec.get("outcome") or {}
        parser = spec.get("parser")
        self._pattern = re.compile(parser["pattern"]) if parser else None
        self._source: Growing | Pipe | None = None
        if parser:
            file = str(parser.get("file") or "stdout")
            self._source = out if file == "stdout" else Growing(os.path.join(place, file))
        self._seen: dict[str, list[float]] = {}
        self._keep = {how["observation"] for how in self._outcome.values() if "observation" in how}

    def new(self) -> list[Json]:
        """Observations in the whole lines that were written since the last look."""
        if self._source is None or self._pattern is None:
            return []
        return [item for line in self._source.lines() if (item := self._observation(line)) is not None]

    def rest(self) -> list[Json]:
        """Observations in what is left when the command has ended, a last line without a line break included."""
        found = self.new()
        last = self._source.remainder() if self._source is not None else ""
        item = self._observation(last) if last else None
        return found if item is None else [*found, item]

    def _observation(self, line: str) -> Json | None:
        assert self._pattern is not None
        match = self._pattern.search(line)
        if match is None:
            return None
        item = {name: _value(text) for name, text in match.groupdict().items() if text is not None}
        for name in self._keep & item.keys():
            if isinstance(item[name], (int, float)):
                self._seen.setdefault(name, []).append(float(item[name]))
        return item

    def outcome(self) -> Json:
        """What was found of the outcome; names that were not found are missing."""
        made: Json = {}
        for name, how in self._outcome.items():
            value = self._taken(how) if "observation" in how else self._matched(how)
            if value is not None:
                made[name] = value
        return made

    def _taken(self, how: Json) -> float | None:
        seen = self._seen.get(how["observation"])
        if not seen:
            return None
        take = how.get("take", "last")
        if take == "mean":
            return sum(seen) / len(seen)
        return {"last": seen[-1], "first": seen[0], "min": min(seen), "max": max(seen)}[take]

    def _matched(self, how: Json) -> Any:
        file = str(how.get("file") or "stdout")
        text = self._out.text() if file == "stdout" else _ending_of(os.path.join(self._place, file))
        last = None
        for last in re.finditer(how["pattern"], text, re.MULTILINE):  # noqa: B007  the last match counts
            pass
        if last is None:
            return None
        groups = last.groupdict()
        value, error = _value(groups.get("value") or ""), _value(groups.get("error") or "")
        if isinstance(error, (int, float)) and isinstance(value, (int, float)):
            return Measured(float(value), float(error))
        return value


class Measured:
    """A value with its standard error, as the worker reads outcomes."""

    def __init__(self, value: float, standard_error: float) -> None:
        self.value = value
        self.standard_error = standard_error


def _value(text: str) -> float | int | str:
    """A number where it is one."""
    text = text.strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    try:
        return float(text.lower().replace("d", "e"))  # Fortran writes 1.0D-03
    except ValueError:
        return text


def _ending_of(path: str, limit: int = 16 << 20) -> str:
    """The last megabytes of a file; empty when there is none."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""
