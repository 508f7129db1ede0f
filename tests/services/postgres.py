"""A real PostgreSQL server on loopback, with a data folder of its own, for one test session."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.services.ports import free_port
from tests.services.system import need

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # the tests end processes, not the machine
    "max_connections": "60",
    "shared_buffers": "16MB",
    "logging_collector": "off",
}


def _someone() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: who runs it instead, as arguments of ``subprocess``."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            account = pwd.getpwnam(name)
            return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL does not run as root, and there is no other user to run it")


def _accepts(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        import psycopg

        with suppress(psycopg.OperationalError):
            psycopg.connect(f"postgresql://aisteer@127.0.0.1:{port}/postgres", connect_timeout=5).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of an empty database on a server that lives as long as the tests."""
    initdb, postgres = need("initdb"), need("postgres")
    someone = _someone()
    home = Path(tempfile.mkdtemp(prefix="aisteer-postgres-"))
    log = home / "log"
    try:
        log.touch()
        if someone:
            os.chown(home, someone["user"], someone["group"])
            os.chown(log, someone["user"], someone["group"])
        common: dict[str, Any] = {
            "cwd": home,
            "env": {**os.environ, "HOME": str(home), "LC_ALL": "C"},
            **someone,
        }
        with log.open("ab") as out:
            make = [
                str(initdb),
                "-D",
                str(home / "data"),
                "-U",
                "aisteer",
                "--auth=trust",
                "-E",
                "UTF8",
                "--no-sync",
            ]
            made = subprocess.run(
                make, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False, **common
            )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{log.read_text()[-3000:]}")
        port = free_port()
        start = [str(postgres), "-D", str(home / "data"), "-p", str(port)]
        for name, value in _SETTINGS.items():
            start += ["-c", f"{name}={value}"]
        with log.open("ab") as out:
            server = subprocess.Popen(start, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **common)
        try:
            _accepts(port, server, log)
            yield f"postgresql://aisteer@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(20)
            server.kill()
            server.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)
