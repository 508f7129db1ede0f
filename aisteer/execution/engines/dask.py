"""Dask: attempts are tasks of a scheduler that the user runs, found again by its address."""

from __future__ import annotations

import importlib.util
import json
import socket
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aisteer.errors import EndpointError, MissingExtra
from aisteer.execution.engines.engine import Call, Capacity, Engine
from aisteer.execution.worker.future import run_for_future
from aisteer.execution.worker.values import text

__all__ = ["DaskEngine", "check_scheduler"]

Json = dict[str, Any]

_PATIENCE = 10.0
"""Seconds in which a scheduler answers."""
_KNOCK = 3.0
"""Seconds in which somebody listens where it is said to be."""


def check_scheduler(place: str) -> None:
    """See whether somebody listens at a scheduler's address; nothing is said to it.

    Args:
        place: ``tcp://host:port``, ``host:port``, or the path of a scheduler file.

    Raises:
        MissingExtra: Dask is not installed here.
        EndpointError: Nobody listens there, or the file cannot be read.
    """
    if importlib.util.find_spec("distributed") is None:
        raise MissingExtra(
            f"dask:{place} needs the extra aisteer[dask], which is not installed here. The campaign can be read and "
            "decided on; to drive it: pip install 'aisteer[dask]', and restart the kernel."
        )
    address = _address_in(place) if is_file(place) else place
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme not in {"tcp", "tls"}:
        return  # other kinds have no port at which one could knock
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 8786), timeout=_KNOCK):
            return
    except OSError as error:
        raise EndpointError(
            f"No Dask scheduler answers at {address} ({error.strerror or error}). Nothing was sent there. Start it "
            "(`dask scheduler`, and workers that see the campaign's folder), or give its address of today. To read a "
            "campaign without it: ai.open(name)."
        ) from error


def is_file(place: str) -> bool:
    """Whether a place is a scheduler file's path."""
    return place.endswith(".json") and "://" not in place


def _address_in(place: str) -> str:
    path = Path(place).expanduser()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["address"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EndpointError(
            f"{path} is no scheduler file that can be read ({error}). `dask scheduler --scheduler-file {path}` writes "
            "it; it has to be on a file system that this machine sees."
        ) from error
    return str(found)


class DaskEngine(Engine):
    """Tasks of a Dask scheduler. The scheduler and its workers are the user's: they are never shut down here.

    A task's result stays where it is and is not fetched. Tasks are named after their attempts, so a driver that comes
    later finds those that wait there still instead of adding others. What the scheduler was given goes on without us.

    Args:
        place: ``tcp://host:port``, ``host:port``, or the path of a scheduler file.
        address: What ``ai.connect`` takes to find it again.
    """

    def __init__(self, place: str, address: str) -> None:
        self.address = address
        self.name = f"the Dask scheduler at {place}"
        self._place = place
        self._client: Any = None
        self._offered: dict[str, float] = {}

    def start(self) -> None:
        """Connect to the scheduler; see ``Engine``."""
        check_scheduler(self._place)
        from distributed import Client

        where = (
            {"scheduler_file": str(Path(self._place).expanduser())}
            if is_file(self._place)
            else {"address": self._place}
        )
        try:
            self._client = Client(**where, timeout=_PATIENCE, set_as_default=False, name="aisteer")
        except (OSError, TimeoutError, ValueError) as error:
            raise EndpointError(
                f"{self._place} does not answer as a Dask scheduler: {text(error, 500)}. Runs that wait stay accepted; "
                "it is tried again. Is it one, of about this version, and without a certificate that is missing here?"
            ) from error

    def submit(self, call: Call) -> Future[None]:
        """Have the scheduler keep a task for the attempt until it is done; see ``Engine``."""
        from distributed import fire_and_forget

        task = self._client.submit(
            run_for_future,
            *call.arguments,
            key=f"aisteer-{call.key}-{call.number}",
            resources=self._wanted(call.resources) or None,
            pure=False,
        )
        fire_and_forget(task)
        answer: Future[None] = Future()
        answer.add_done_callback(lambda future: task.cancel(force=True) if future.cancelled() else None)
        task.add_done_callback(lambda done: _settle(answer, done))
        return answer

    def look(self) -> Capacity:
        """Its workers' threads; see ``Engine``."""
        client = self._client
        if client is None or client.status != "running":
            raise EndpointError(
                f"{self.name} does not answer any more. Runs at its workers go on as far as those live; what waited is "
                "given to it again when it is back."
            )
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        offered: dict[str, float] = {}
        for worker in workers:
            for name, amount in (worker.get("resources") or {}).items():
                offered[name] = max(offered.get(name, 0.0), float(amount))
        self._offered = offered
        threads = sum(int(worker["nthreads"]) for worker in workers)
        words = (
            "" if threads else f"{self.name} has no workers: start some, such as `dask worker {self._place}`"
        )
        return Capacity(max(1, threads), words)

    def stop(self) -> None:
        """Disconnect; see ``Engine``."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.close(timeout=_PATIENCE)
            except Exception:  # noqa: BLE001  it may be gone; then so is the connection
                return

    def _wanted(self, resources: Json) -> dict[str, float]:
        """What a run takes of the resources that workers were started with (``--resources "CPU=8 GPU=2"``).

        Of one that no worker has, nothing is asked: then the scheduler would wait for ever.
        """
        ranks = int(resources.get("ranks_per_node") or 1)
        needs = {
            "CPU": ranks * int(resources.get("cpus") or 1),
            "GPU": ranks * int(resources.get("gpus_per_rank") or 0),
        }
        return {name: float(needs[name.upper()]) for name in self._offered if needs.get(name.upper())}


def _settle(answer: Future[None], task: Any) -> None:
    """Tell how a task ended, without fetching what it returned; called in Dask's thread for callbacks."""
    if not answer.set_running_or_notify_cancel():
        return
    if task.status == "error":
        error = getattr(task._state, "exception", None)  # noqa: SLF001  exception() would ask the scheduler
        answer.set_exception(error if isinstance(error, BaseException) else EndpointError("it failed there"))
    elif task.status == "finished":
        answer.set_result(None)
    else:
        answer.set_exception(EndpointError(f"Dask says that the task is {task.status}"))
