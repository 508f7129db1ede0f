"""What ``parsl:<module>:<config>`` and ``dask:<address>`` say: an engine of the user's, found again by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from aisteer.errors import BadDefinition

if TYPE_CHECKING:
    from aisteer.execution.engines.engine import Engine

__all__ = ["KINDS", "EngineAddress"]

KINDS = frozenset({"parsl", "dask"})
_OPTIONS = frozenset({"spool", "workers"})
_PARSL = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")
_DASK = re.compile(r"([a-z][a-z0-9+.-]*://)?[\w.\-\[\]:]+|[^\s?]+\.json")


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where runs go, as it stands in the definition.

    Attributes:
        kind: ``parsl`` or ``dask``.
        place: ``<module>:<config>``, or the scheduler's address or file.
        workers: How many runs are given to it at a time; None asks it.
        spool: The folder for the spool; None has it in the campaign's.
    """

    kind: str
    place: str
    workers: int | None = None
    spool: str | None = None

    @classmethod
    def of(cls, address: str, *, workers: int | None = None, spool: str | None = None) -> EngineAddress:
        """Read an address, with what was given beside it; nothing is imported or reached.

        Raises:
            BadDefinition: Something in it cannot be meant.
        """
        kind, _, rest = address.partition(":")
        place, _, query = rest.partition("?")
        said = dict(parse_qsl(query))
        unknown = sorted(set(said) - _OPTIONS)
        if unknown:
            raise BadDefinition(f"{address!r:.200} says {', '.join(unknown)}, which no {kind} address has.")
        if kind == "parsl" and not _PARSL.fullmatch(place):
            raise BadDefinition(
                f"{address!r:.200} names no Parsl Config. Write parsl:<module>:<config>, such as "
                "parsl:my_cluster:config for `config = Config(…)` in my_cluster.py."
            )
        if kind == "dask" and not _DASK.fullmatch(place):
            raise BadDefinition(
                f"{address!r:.200} names no Dask scheduler. Write dask:tcp://<host>:<port>, as `client.scheduler` "
                "shows it, or dask:<path>.json for a scheduler file."
            )
        if workers is None and said.get("workers"):
            workers = int(said["workers"]) if said["workers"].isdigit() else 0
        if workers is not None and workers < 1:
            raise BadDefinition(f"{address!r:.200}: workers must be a whole number of at least 1.")
        return cls(kind, place, workers, spool if spool is not None else said.get("spool"))

    def __str__(self) -> str:
        chosen = {"spool": self.spool, "workers": self.workers}
        query = urlencode({key: value for key, value in chosen.items() if value is not None}, safe="/$~")
        return f"{self.kind}:{self.place}" + (f"?{query}" if query else "")

    def check(self) -> None:
        """See whether it is there now: the module is imported, the scheduler's port is knocked at.

        Raises:
            MissingExtra: Parsl or Dask is not installed here.
            BadDefinition: There is no such module, or no such Config in it.
            EndpointError: No scheduler is there.
        """
        if self.kind == "parsl":
            from aisteer.execution.engines.parsl import find_config

            find_config(*self.place.split(":"))
        else:
            from aisteer.execution.engines.dask import check_scheduler

            check_scheduler(self.place)

    def engine(self, folder: Path) -> Engine:
        """The engine itself; it is started with the first run.

        Args:
            folder: The campaign's folder.
        """
        if self.kind == "parsl":
            from aisteer.execution.engines.parsl import ParslEngine

            module, name = self.place.split(":")
            return ParslEngine(module, name, str(self), folder)
        from aisteer.execution.engines.dask import DaskEngine

        return DaskEngine(self.place, str(self))
