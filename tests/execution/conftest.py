"""What tests with a driver leave behind: no host process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aisteer.execution.hosts import list_hosts, stop_host


@pytest.fixture
def no_host_is_left(campaigns: Path) -> Iterator[None]:
    """Ends the local hosts of this test's campaigns."""
    yield
    for host in list_hosts():
        if str(campaigns) in host.spool:
            stop_host(host)
