"""All of it: RabbitMQ, the emulated web service and an endpoint's agent, in one folder."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.services.loopback.agent import Agent
from tests.services.loopback.broker import Broker
from tests.services.loopback.service import Service


class Loopback:
    """Globus Compute on this machine: SDK and agent are the real ones, the web service between them is emulated.

    The parts are started together and can be stopped, killed, paused and started again one by one. When the process
    that made this is gone, however it went, so are they and their folder.

    Args:
        python: The endpoint's interpreter, of an environment with ``globus-compute-endpoint``; ours by default.
    """

    def __init__(self, python: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aisteer-loopback-"))
        self.broker = Broker(self.folder)
        self.service = Service(self.folder, self.broker.url)
        self.agent = Agent(self.folder, self.service, python or Path(sys.executable))
        self._state = self.folder / "sdk"

    @property
    def endpoint(self) -> str:
        """The id of the endpoint."""
        return self.agent.endpoint

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which the SDK of this process, or of another one, finds the service."""
        return {**self.service.reached_by(client=0), "GLOBUS_COMPUTE_USER_DIR": str(self._state)}

    def start(self) -> None:
        """Start everything; the parts come up side by side."""
        parts = (self.broker, self.service, self.agent)
        for part in parts:
            part.begin()
        for part in parts:
            part.wait()

    def mend(self) -> None:
        """Start again what does not run, let go on what is paused, and take back every fault."""
        parts = (self.broker, self.service, self.agent)
        ended = [part for part in parts if not part.running]
        for part in parts:
            part.resume()
        if not ended and self.agent.silent:
            ended = [self.agent]  # it looks for a broker that was started again less and less often
        for part in ended:
            part.cut()  # whatever the ended one left behind
            part.begin()
        for part in ended:
            part.wait()
        self.service.behave()

    def close(self) -> None:
        """End everything, without ceremony, and remove the folder."""
        for part in (self.agent, self.service, self.broker):
            part.cut()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
