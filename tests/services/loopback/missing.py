"""What a machine lacks for the loopback."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from tests.services import system


def missing() -> str:
    """What this machine lacks, and how it is had, in words; empty when all is there."""
    if sys.platform != "linux":
        return "The agent of Globus Compute runs on Linux only."
    if find_spec("globus_compute_endpoint") is None:
        return "The package globus-compute-endpoint is not installed. make programs installs it."
    if system.find("rabbitmq-server") is None:
        return "RabbitMQ (rabbitmq-server) is not installed. make programs looks for it and installs it."
    return ""
