"""What an engine must be able to do so that a ``FuturesEndpoint`` can hand attempts to it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from aisteer.errors import EndpointError
from aisteer.execution.worker.claim import machine
from aisteer.execution.worker.future import run_for_future
from aisteer.execution.worker.lots import Spot
from aisteer.execution.worker.values import text

__all__ = ["Call", "Capacity", "Engine", "Given"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One execution of an attempt.

    Attributes:
        key: The attempt's key.
        root: The spool's root.
        folder: The attempt's folder, relative to it.
        place: Where its request stands, if it was handed over with others.
        resources: What the run needs, as the request says it.
        number: How often it was asked for before.
    """

    key: str
    root: str
    folder: str
    place: Spot | None = None
    resources: Json = field(default_factory=dict)
    number: int = 0

    @property
    def arguments(self) -> tuple[str, str, tuple[int, str], Spot | None]:
        """What ``run_for_future`` is called with."""
        return self.root, self.folder, (os.getpid(), machine()["host"]), self.place


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much an engine takes at a time.

    Attributes:
        workers: Runs that it executes at a time, once all of it is there.
        words: What keeps runs waiting now, in words; empty when nothing does.
    """

    workers: int
    words: str = ""


class Engine(ABC):
    """Executes calls somewhere. What comes back is never read: the truth of a run is in the spool.

    Attributes:
        address: What ``ai.connect`` takes to find it again.
        name: What it is called in sentences.
        tries: How often a call is asked for of which nobody has claimed the attempt.
    """

    address: str
    name: str
    tries = 3

    @abstractmethod
    def start(self) -> None:
        """Make it ready; may take long, and is called again after ``stop``.

        Raises:
            EndpointError: It cannot be had now.
        """

    @abstractmethod
    def submit(self, call: Call) -> Future[None]:
        """Have an attempt executed. Raises anything when it takes no more."""

    @abstractmethod
    def look(self) -> Capacity:
        """How it is.

        Raises:
            EndpointError: It is gone; it has to be stopped and started again.
        """

    @abstractmethod
    def stop(self) -> None:
        """Let go of it, and end what was started for it. Raises nothing."""


class Given(Engine):
    """An Executor that the user made: it is there already, and the user's to shut down."""

    tries = 1

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.name = f"The executor {type(executor).__name__}"
        self.address = f"executor:{type(executor).__name__}"

    def start(self) -> None:
        """Nothing: it was started by the user."""

    def submit(self, call: Call) -> Future[None]:
        """Submit it as anything else is.

        Raises:
            EndpointError: It takes no more work.
        """
        try:
            return self.executor.submit(run_for_future, *call.arguments)
        except Exception as error:  # any executor has errors of its own
            raise EndpointError(
                f"{self.name} takes no more work: {text(error, 300)}. Runs that wait stay accepted. Give the campaign "
                "a new one with campaign.redefine(endpoint=…)."
            ) from error

    def look(self) -> Capacity:
        """As many as it says that it executes."""
        return Capacity(int(getattr(self.executor, "_max_workers", 0) or os.cpu_count() or 1))

    def stop(self) -> None:
        """Nothing: it is the user's."""
