"""The loopback for tests: started once for all of them, mended and well-behaved for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.services.loopback.stack import Loopback
from tests.services.system import lacking, need


@pytest.fixture(scope="session")
def loopback_parts() -> Iterator[Loopback]:
    """The parts, started when the first test asks for them; shared by all."""
    if sys.platform != "linux":
        pytest.skip("the agent of Globus Compute runs on Linux only")
    if find_spec("globus_compute_endpoint") is None:
        lacking("globus-compute-endpoint is not installed (see make test)")
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
