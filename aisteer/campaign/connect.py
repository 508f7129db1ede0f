"""From an address, or an Executor, to an endpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from aisteer.campaign.engines import KINDS, EngineAddress
from aisteer.errors import BadDefinition, NotSupported
from aisteer.execution.endpoint import Endpoint

__all__ = ["Connection", "connect", "found"]


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach an endpoint; nothing is started before the campaign starts.

    Attributes:
        address: What finds it again; it stands in the definition.
        workers: Worker processes, where we start them.
        spool: The spool's folder, where it is not in the campaign's.
        executor: The user's own Executor.
    """

    address: str
    workers: int | None = None
    spool: str | None = None
    executor: Executor | None = field(default=None, compare=False)

    @property
    def stored(self) -> bool:
        """Whether the address alone finds it again; a live Executor is bound to this kernel."""
        return self.executor is None and not self.address.startswith("executor:")

    def open(self, folder: Path) -> Endpoint:
        """The endpoint itself, for the driver.

        Args:
            folder: The campaign's folder.

        Raises:
            NotSupported: It was an Executor of a kernel that is gone.
            SpoolError, EndpointError: It cannot be set up.
        """
        spool = Path(os.path.expandvars(self.spool)).expanduser() if self.spool else folder / "spool"
        if self.executor is not None:
            from aisteer.execution.futures import FuturesEndpoint

            return FuturesEndpoint(self.executor, spool, self.workers, code=folder / "code")
        if not self.stored:
            raise NotSupported(
                f"The campaign ran on {self.address.partition(':')[2]!r}, an Executor of a kernel that "
                "is gone. It can be read and decided on; to run it again, give it an Executor: "
                "ai.Campaign(…, endpoint=ai.connect(executor))."
            )
        if self.address.startswith("globus:"):
            from aisteer.campaign.remote import GlobusAddress

            return GlobusAddress.of(self.address).open(folder)
        if self.address.partition(":")[0] in KINDS:
            from aisteer.execution.futures import FuturesEndpoint

            engine = EngineAddress.of(self.address).engine(folder)
            return FuturesEndpoint(engine, spool, self.workers, code=folder / "code")
        from aisteer.execution.local import LocalEndpoint

        return LocalEndpoint(spool, self.workers, code=folder / "code")

    def __repr__(self) -> str:
        return f"<endpoint {unquote_plus(self.address)}>"


def connect(
    target: str | Executor | Connection,
    *,
    workers: int | None = None,
    spool: str | os.PathLike[str] | None = None,
    compute: Mapping[str, Any] | None = None,
    watch: Mapping[str, Any] | str | None = None,
    amqp_port: int | None = None,
) -> Connection:
    """Name the place where runs live.

    Args:
        target: ``"local"`` (worker processes on this machine that outlive the kernel), ``"globus:<uuid>"`` (an
            endpoint of Globus Compute), ``"parsl:<module>:<config>"`` (a Parsl Config, loaded for this campaign),
            ``"dask:<address>"`` (a Dask scheduler, or ``dask:<path>.json``, its scheduler file), or any
            ``concurrent.futures.Executor`` (bound to this kernel). Parsl, Dask and Executors are trusted code.
        workers: How many worker processes ``"local"`` starts, from the CPU count if not given; how many runs are
            sent elsewhere at a time where the task has no ``slots``: to ``"globus:…"`` 8 if not given, to others as
            many as they execute at a time.
        spool: A folder that the workers and the notebook both reach; in the campaign's if not given. For
            ``"globus:…"`` a folder there, ``~/aisteer`` if not given; ``~`` and variables are those of the workers.
        compute: For ``"globus:…"``: what the endpoint's template is filled in with for runs (account, queue, …).
        watch: For ``"globus:…"``: the same for the watcher, which brings live output and takes controls there; or the
            id of another endpoint that sees the same files. Without one both wait for a free worker.
        amqp_port: For ``"globus:…"``: the port on which results come (443, 5671 or 5672), where not all are open.

    Raises:
        BadDefinition: It is no address and no Executor, what was given beside it cannot be meant, or there is no
            such Parsl Config.
        EndpointError: No Dask scheduler answers there.
        MissingExtra: Parsl or Dask is not installed here.
    """
    if isinstance(target, Connection):
        if any(said is not None for said in (workers, spool, compute, watch, amqp_port)):
            raise BadDefinition(
                f"{target!r:.200} is a connection already: nothing can be said beside it. Say it where it was made, "
                "in ai.connect('…', workers=…)."
            )
        return target
    if workers is not None and (type(workers) is not int or workers < 1):
        raise BadDefinition(f"workers must be a whole number of at least 1, not {workers!r}.")
    place = None if spool is None else os.fspath(spool)
    if isinstance(target, str) and target.startswith("globus:"):
        from aisteer.campaign.remote import GlobusAddress

        roles = {"compute": compute, "watch": watch}
        given = {name: dict(role) if isinstance(role, Mapping) else role for name, role in roles.items()}
        address = GlobusAddress.of(target, workers=workers, spool=place, amqp_port=amqp_port, **given)
        return Connection(str(address), address.workers, address.spool)
    if compute is not None or watch is not None or amqp_port is not None:
        raise BadDefinition(
            f"compute=, watch= and amqp_port= are for 'globus:<uuid>', not for {target!r:.100}."
        )
    if isinstance(target, str):
        if target.partition(":")[0] in KINDS:
            EngineAddress.of(target, workers=workers, spool=place).check()
        return _by_address(target, workers, place)
    if callable(getattr(target, "submit", None)):
        return Connection(f"executor:{type(target).__name__}", workers, place, target)
    raise BadDefinition(
        f"{target!r:.100} is no endpoint. Give 'local', 'globus:<uuid>', 'parsl:<module>:<config>', 'dask:<address>', "
        "or an Executor."
    )


def found(address: str) -> Connection:
    """The connection that an address in a definition names; nothing is reached, and no code of it is run.

    Raises:
        BadDefinition: This release knows no such address.
    """
    return connect(address) if address.startswith("globus:") else _by_address(address, None, None)


def _by_address(address: str, workers: int | None, spool: str | None) -> Connection:
    kind, _, rest = address.partition(":")
    if kind in KINDS:
        engine = EngineAddress.of(address, workers=workers, spool=spool)
        return Connection(str(engine), engine.workers, engine.spool)
    if kind == "executor":
        return Connection(address)
    name, _, query = address.partition("?")
    if name != "local" or rest:
        raise BadDefinition(
            f"{address!r} is no address that aisteer knows. Use 'local', 'globus:<uuid>', "
            "'parsl:<module>:<config>', 'dask:<address>', or pass an Executor."
        )
    options = dict(parse_qsl(query))
    if workers is None and "workers" in options:
        if not options["workers"].isdecimal() or int(options["workers"]) < 1:
            raise BadDefinition(
                f"workers={options['workers']!r:.40} in {address!r:.100} is no number of workers."
            )
        workers = int(options["workers"])
    spool = spool if spool is not None else options.get("spool")
    chosen = {"workers": workers, "spool": spool}
    query = urlencode({key: value for key, value in chosen.items() if value is not None}, safe="/$~")
    return Connection("local" + (f"?{query}" if query else ""), workers, spool)
