"""What every test stands on: only loopback, one thread a library, campaigns in a temporary folder."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.services.loopback.fixtures import loopback, loopback_parts

__all__ = ["loopback", "loopback_parts"]

_LOOPBACK = "Globus Compute on loopback"

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first."""
    order = {_LOOPBACK: 0, "browser": 1, "documents": 2}
    groups = {item: together(item.nodeid) for item in items}
    items.sort(key=lambda item: (order.get(groups[item], 3), item.path.parent.name == "docs"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests are shared out to processes by ``together``: the groups that xdist 3.8 knows, pytest 9.2 loses."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return Together(config, log)


@cache
def _group(path: str) -> str:
    file = Path(__file__).parents[1] / path
    if file.parent.name == "browser":
        return "browser"
    if file.parent.name in {"notebooks", "docs"}:
        return "documents"
    return _LOOPBACK if re.search(r"\bloopback\b|\bexecution\.remote\b", file.read_text()) else path


def together(nodeid: str) -> str:
    """What one of several processes runs from its first test to its last: a file, or files that share costly parts."""
    return _group(nodeid.partition("::")[0])


@pytest.fixture(autouse=True)
def campaigns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a campaign made by this test lives."""
    folder = tmp_path / "campaigns"
    monkeypatch.setenv("AISTEER_CAMPAIGNS", str(folder))
    return folder
