"""What every test stands on: only loopback, one thread a library, campaigns in a temporary folder."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services.loopback.fixtures import loopback, loopback_parts

__all__ = ["loopback", "loopback_parts"]

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


def _only_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto"} or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    try:
        inside = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        inside = host in {"localhost", "localhost.localdomain", ""}
    if not inside:
        message = f"a test reached beyond loopback: {event} to {host}"
        raise ConnectionRefusedError(message)


sys.addaudithook(_only_loopback)


def pytest_configure(config: pytest.Config) -> None:
    from hypothesis import HealthCheck, settings

    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    settings.register_profile("small", max_examples=50, deadline=None, suppress_health_check=slow)
    settings.register_profile("full", max_examples=500, deadline=None, suppress_health_check=slow)
    settings.load_profile(os.environ.get("AISTEER_SIZE", "small"))


@pytest.hookimpl(tryfirst=True)  # before the processes' own, which reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first."""
    order = {"Globus Compute on loopback": 0, "browser": 1, "documents": 2}
    items.sort(key=lambda item: (order.get(_together(item), 3), item.path.parent.name == "docs"))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_together(item)))


def _together(item: pytest.Item) -> str:
    """What one of several processes runs from its first test to its last: a file, or what shares costly parts."""
    if "loopback" in getattr(item, "fixturenames", ()):
        return "Globus Compute on loopback"
    folder = item.path.parent.name
    return (
        folder if folder == "browser" else "documents" if folder in {"notebooks", "docs"} else str(item.path)
    )


@pytest.fixture(autouse=True)
def campaigns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a campaign made by this test lives."""
    folder = tmp_path / "campaigns"
    monkeypatch.setenv("AISTEER_CAMPAIGNS", str(folder))
    return folder
