"""System programs that tests use: found, else installed, else unpacked beside the environment, else named.

``python -m tests.services.system chromium postgres`` prepares them (``make test`` does that first);
a test asks with ``need("chromium")`` and is skipped with the reason where the program is not to be had.
``AISTEER_REQUIRE_SERVICES=1`` turns such a skip into a failure.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parents[2] / ".services"

PACKAGES = {
    "chromium": "chromium",
    "initdb": "postgresql",
    "pg_ctl": "postgresql",
    "postgres": "postgresql",
    "rabbitmq-server": "rabbitmq-server",
}
OTHER_NAMES = {
    "chromium": (
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    )
}
FOLDERS = {
    "chromium": ("usr/lib/chromium", "usr/bin"),
    "initdb": ("usr/lib/postgresql/*/bin",),
    "pg_ctl": ("usr/lib/postgresql/*/bin",),
    "postgres": ("usr/lib/postgresql/*/bin",),
    "rabbitmq-server": ("usr/lib/rabbitmq/bin",),
}
# What Debian puts on the path under this name insists on a user and a home of its own.
PACKAGED_FIRST = frozenset({"rabbitmq-server"})


class Missing(Exception):
    """A program that is not here and could not be had; the message says why."""


def find(program: str) -> Path | None:
    """Where the program is, on the path, in its package's folder, or unpacked; ``None`` when nowhere."""
    places = [_on_the_path, _in_its_folder]
    if program in PACKAGED_FIRST:
        places.reverse()
    for place in places:
        if (found := place(program)) is not None:
            return found
    unpacked = HERE / "bin" / program
    return unpacked if unpacked.exists() else None


def _on_the_path(program: str) -> Path | None:
    for name in (program, *OTHER_NAMES.get(program, ())):
        if found := shutil.which(name):
            return Path(found)
    return None


def _in_its_folder(program: str) -> Path | None:
    for pattern in FOLDERS[program]:
        for folder in sorted(Path("/").glob(pattern), reverse=True):
            if os.access(folder / program, os.X_OK):
                return folder / program
    return None


def provide(program: str) -> Path:
    """Find the program, or get it.

    Raises:
        Missing: It cannot be had here; the message says why.
    """
    if (path := find(program)) is not None:
        return path
    if shutil.which("apt-get") is None:
        raise Missing(f"{program} is not installed, and there is no apt to get it with; install it yourself")
    if os.geteuid() == 0:
        _install(PACKAGES[program])
    else:
        _unpack(program)
    path = find(program)
    if path is None:
        raise Missing(f"the package {PACKAGES[program]} came, but without {program}")
    return path


def need(program: str) -> Path:
    """Where the program is, for a test; skips it with the reason when there is none."""
    path = find(program)
    if path is None:
        note = HERE / f"{program}.why"
        lacking(note.read_text() if note.exists() else f"{program} is not installed (see make programs)")
    return path


def lacking(reason: str) -> NoReturn:
    """End a test that lacks something: skipped with the reason, or failed where services are required."""
    import pytest

    if os.environ.get("AISTEER_REQUIRE_SERVICES") == "1":
        raise pytest.fail.Exception(reason, pytrace=False)
    raise pytest.skip.Exception(reason)


def _apt(*arguments: str, cwd: Path | None = None) -> str:
    # A package that brings a server would start it; the runlevel of a machine in rescue keeps it from that.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "RUNLEVEL": "1"}
    done = subprocess.run(
        ["apt-get", "-q", *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise Missing(f"apt-get {' '.join(arguments[:3])} failed: {words[-1]}")
    return done.stdout


def _install(package: str) -> None:
    try:
        _apt("install", "--yes", "--no-install-recommends", package)
    except Missing:  # perhaps only for want of the lists
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", package)


def _unpack(program: str) -> None:
    """Without being root: the package and what it lacks downloaded, unpacked, and a starter made."""
    plan = _apt("--simulate", "--no-install-recommends", "install", PACKAGES[program])
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    unpack(names, HERE)
    _tell_erlang(HERE / "root")
    for folder in (f for pattern in FOLDERS[program] for f in sorted((HERE / "root").glob(pattern))):
        if os.access(folder / program, os.X_OK):
            _wrap(folder / program, HERE)
            return
    raise Missing(f"the package {PACKAGES[program]} was unpacked, but holds no {program}")


def unpack(names: list[str], into: Path) -> None:
    """Download Debian packages and unpack them under ``into/root``."""
    store = into / "debs"
    store.mkdir(parents=True, exist_ok=True)
    _apt("download", *names, cwd=store)
    for package in sorted(store.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, into / "root"], check=True, stdin=subprocess.DEVNULL)
        package.unlink()


def _tell_erlang(root: Path) -> None:
    """Erlang's starter names the folder that it was packaged for; it is told where that is now."""
    packaged = "ROOTDIR=/usr/lib/erlang"
    for starter in [*root.glob("usr/lib/erlang/bin/erl"), *root.glob("usr/lib/erlang/erts-*/bin/erl")]:
        moved = f"ROOTDIR={shlex.quote(str(root / 'usr/lib/erlang'))}"
        starter.write_text(
            re.sub(rf"^(\s*){packaged}$", rf"\1{moved}", starter.read_text(), flags=re.MULTILINE)
        )


def _wrap(program: Path, into: Path) -> Path:
    """A starter that lets the unpacked program find the libraries and programs that were unpacked with it."""
    root = into / "root"
    libraries = sorted({str(p.parent) for p in (root / "usr/lib").rglob("*.so*") if p.parent.name != "gconv"})
    wrapper = into / "bin" / program.name
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH={shlex.quote(':'.join(libraries))}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\n"
        f"export PATH={shlex.quote(str(root / 'usr/bin'))}:$PATH\n"
        f'exec {shlex.quote(str(program))} "$@"\n'
    )
    wrapper.chmod(0o755)
    return wrapper


def main(programs: list[str]) -> int:
    """Prepare each program and say where it is, or why it is not to be had."""
    required = os.environ.get("AISTEER_REQUIRE_SERVICES") == "1"
    missing = False
    for program in programs:
        note = HERE / f"{program}.why"
        note.unlink(missing_ok=True)
        try:
            print(f"{program}: {provide(program)}")
        except (Missing, OSError, subprocess.CalledProcessError) as why:
            missing = True
            HERE.mkdir(exist_ok=True)
            note.write_text(str(why))
            print(f"{program}: none ({why}); tests that need it {'fail' if required else 'are skipped'}")
    return int(missing and required)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
