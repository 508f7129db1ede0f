"""Starts the loopback, prints what to set in the environment, and ends it when it is interrupted."""

from __future__ import annotations

import shlex
import signal
import sys

from tests.services.loopback.missing import missing
from tests.services.loopback.stack import Loopback


def main() -> int:
    """Run until interrupted."""
    if lacking := missing():
        print(lacking, file=sys.stderr)
        return 1
    print("Starting RabbitMQ, the emulated web service and an endpoint agent …", file=sys.stderr)
    with Loopback() as loopback:
        for name, value in loopback.environment.items():
            print(f"export {name}={shlex.quote(value)}")
        print(f"export AISTEER_ENDPOINT=globus:{loopback.endpoint}", flush=True)
        print("Everything is up. Ctrl-C ends it and removes its folder.", file=sys.stderr)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
