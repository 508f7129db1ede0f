"""The loopback for tests: started once for all of them, mended and well-behaved for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.services.loopback.stack import Loopback
from tests.services.system import need


@pytest.fixture(scope="session")
def loopback_parts() -> Iterator[Loopback]:
    """The parts, started when the first test asks for them; shared by all."""
    if sys.platform != "linux":
        pytest.skip("the agent of Globus Compute runs on Linux only")
    pytest.importorskip("globus_compute_endpoint")
    need("rabbitmq-server")
    with Loopback() as loopback:
        yield loopback


@pytest.fixture
def loopback(loopback_parts: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """Globus Compute on this machine, all of it running and without faults; this process's SDK finds it."""
    loopback_parts.mend()
    for name, value in loopback_parts.environment.items():
        monkeypatch.setenv(name, value)
    return loopback_parts
