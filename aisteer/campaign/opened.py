"""One open campaign per folder and process: its journal, its endpoints, its driver.

Re-running a cell makes another ``Campaign`` over the same open one, so that nothing is driven twice.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.campaign.asking import checker
from aisteer.campaign.connect import Connection, found
from aisteer.errors import AisteerError, NotSupported, Untrusted
from aisteer.journal.store import Journal

if TYPE_CHECKING:
    from aisteer.execution.driver import Driver
    from aisteer.execution.endpoint import Endpoint
    from aisteer.execution.mirror import Mirror

__all__ = ["Opened", "folder_is_ours"]

Json = dict[str, Any]
_opened: dict[Path, Opened] = {}
_guard = threading.Lock()


def folder_is_ours(folder: Path) -> bool:
    """Whether the campaign's files, and the code among them, belong to the user of this process."""
    if not hasattr(os, "getuid"):
        return True
    places = [folder, folder / "journal.db", folder / "code", *sorted((folder / "code").glob("*"))]
    return all(place.stat().st_uid == os.getuid() for place in places if place.exists())


class Opened:
    """What this process holds of a campaign.

    Attributes:
        folder: The campaign's folder.
        journal: Its journal.
        connections: Task name to where it runs, as far as this process was told.
        minds: Task name to a mind of somebody else's that lives in this process alone.
        driver: Set once ``start`` was called here.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder = folder
        self.journal = journal
        self.connections: dict[str, Connection] = {}
        self.minds: dict[str, Any] = {}
        self.driver: Driver | None = None
        self.trusted = False
        self._endpoints: dict[str, Endpoint] = {}
        self._lock = threading.RLock()

    @staticmethod
    def get(folder: Path) -> Opened | None:
        """The one that this process has open already."""
        with _guard:
            found = _opened.get(folder.resolve())
        return found if found is not None and _usable(found) else None

    @staticmethod
    def keep(folder: Path, journal: Journal) -> Opened:
        """Remember a journal that was just opened; the first one wins."""
        with _guard:
            found = _opened.get(folder.resolve())
            if found is not None and _usable(found):
                if found.journal is not journal:
                    journal.close()
                return found
            made = Opened(folder, journal)
            _opened[folder.resolve()] = made
            return made

    # --- endpoints ----------------------------------------------------------------------------

    def connection(self, task: str) -> Connection:
        """Where a task runs: as this process was told, else by the address in the definition."""
        known = self.connections.get(task)
        address = str(self.journal.state.definition["tasks"][task]["endpoint"])
        if known is not None and known.address == address:
            return known
        return found(address)

    @property
    def kernel_bound(self) -> str:
        """The name of the Executor that this campaign cannot run without; empty where there is none."""
        for task in self.journal.state.definition.get("tasks", {}):
            connection = self.connection(task)
            if not connection.stored:
                return connection.address.removeprefix("executor:")
        return ""

    def endpoints(self) -> dict[str, Endpoint]:
        """Task name to endpoint; tasks at the same place share one."""
        state = self.journal.state
        with self._lock:
            found: dict[str, Endpoint] = {}
            for task in state.definition["tasks"]:
                connection = self.connection(task)
                key = f"{connection.address} {id(connection.executor)}"
                if key not in self._endpoints:
                    self._endpoints[key] = connection.open(self.folder)
                found[task] = self._endpoints[key]
            return found

    @property
    def code_folder(self) -> Path | None:
        """The folder, where code that the campaign names may run as us; ``None`` where it may not."""
        return self.folder if self.trusted or folder_is_ours(self.folder) else None

    # --- driving ------------------------------------------------------------------------------

    def drive(self, holder: Mapping[str, Any]) -> Driver:
        """Start the driver in threads of this process; harmless when it drives already.

        Raises:
            Untrusted: The campaign's code is not ours, and was not trusted.
            NotSupported: It needs an Executor of another kernel.
        """
        with self._lock:
            if self.driver is not None and self.driver.alive:
                return self.driver
            self._may_run()
            self.driver = self._made_driver(holder)
            self.driver.start()
            return self.driver

    def _made_driver(self, holder: Mapping[str, Any]) -> Driver:
        from aisteer.execution.driver import Driver
        from aisteer.steering.mind import Mind

        return Driver(
            self.journal,
            self.folder,
            self.endpoints,
            mind=Mind(self.folder, self.minds),
            holder=holder,
            check=checker(self.journal, self.folder),
        )

    def _may_run(self) -> None:
        if self.kernel_bound and not any(c.executor for c in self.connections.values()):
            raise NotSupported(
                f"This campaign runs on {self.kernel_bound!r}, an Executor of a kernel that is gone. It can "
                "be read and decided on. To run it, give it one: "
                "ai.Campaign(…, endpoint=ai.connect(executor))."
            )
        if self.code_folder is None:
            raise Untrusted(
                f"The campaign in {self.folder} holds code of another user. It can be read and decided on; "
                "nothing of it runs as you. If you know where it comes from: ai.open(name, trust=True)."
            )

    def close(self) -> None:
        """Let go of everything here. Runs at the endpoints go on."""
        with self._lock:
            if self.driver is not None:
                self.driver.stop()
            for endpoint in self._endpoints.values():
                with contextlib.suppress(AisteerError, OSError):
                    endpoint.close()
            self._endpoints.clear()
            self.driver = None
            self.journal.close()
        with _guard:
            if _opened.get(self.folder.resolve()) is self:
                del _opened[self.folder.resolve()]

    @property
    def mirror(self) -> Mirror:
        """The observations kept with the campaign."""
        from aisteer.execution.mirror import Mirror

        return Mirror(self.folder)


def _usable(opened: Opened) -> bool:
    try:
        opened.journal.refresh()
    except AisteerError:
        return False
    return True
