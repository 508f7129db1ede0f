"""What ``globus:<uuid>?…`` says: an endpoint of Globus Compute, its roles, and where runs have their spool there."""

from __future__ import annotations

import importlib.util
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from aisteer.errors import BadDefinition, MissingExtra

if TYPE_CHECKING:
    from aisteer.execution.globus.endpoint import GlobusEndpoint

__all__ = ["GlobusAddress"]

Json = dict[str, Any]

SPOOL = "~/aisteer"
WORKERS = 8
_SECRET = re.compile(r"token|secret|passw|credential|api_?key", re.IGNORECASE)
_SET = re.compile(
    r"\b[A-Z_]*(TOKEN|SECRET|PASSW\w*|CREDENTIALS?|API_?KEY)[A-Z_]*\s*=\s*[^\s$;&|]", re.IGNORECASE
)
"""A secret that a line of shell sets to something that is not itself read from elsewhere."""
_OPTIONS = frozenset({"compute", "watch", "spool", "amqp_port", "workers"})


@dataclass(frozen=True, slots=True)
class GlobusAddress:
    """Where runs go, as it stands in the definition: no secret is part of it.

    Attributes:
        endpoint: The endpoint's id.
        compute: What its template is filled in with for runs.
        watch: The same for the watcher, or the id of another endpoint that sees the same files; None has none.
        spool: The folder for spools there.
        amqp_port: The port on which results come, where the site leaves only some open.
        workers: How many runs are sent at a time.
    """

    endpoint: str
    compute: Json | None = None
    watch: Json | str | None = None
    spool: str = SPOOL
    amqp_port: int | None = None
    workers: int = WORKERS

    @classmethod
    def of(cls, address: str, **given: Any) -> GlobusAddress:
        """Read an address, with what was given beside it.

        Raises:
            BadDefinition: Something in it cannot be meant.
        """
        rest, _, query = address.partition(":")[2].partition("?")
        said: Json = dict(parse_qsl(query))
        unknown = sorted(set(said) - _OPTIONS)
        if unknown:
            raise BadDefinition(f"{address!r:.200} says {', '.join(unknown)}, which no globus address has.")
        for name in {"compute", "watch", "amqp_port", "workers"} & set(said):
            said[name] = _parsed(name, said[name])
        said.update({name: value for name, value in given.items() if value is not None})
        made = cls(_uuid(rest, "globus:<uuid>"), **said)
        made._check()
        return made

    def _check(self) -> None:
        for name, role in (("compute", self.compute), ("watch", self.watch)):
            if isinstance(role, str) and name == "watch":
                _uuid(role, "watch")
            elif role is not None:
                _check_role(name, role)
        if self.watch is not None and self.watch == (self.compute or {}):
            raise BadDefinition(
                "watch= says the same as compute=: the watcher would wait behind the runs that it is to watch. Give it "
                "what the endpoint's template makes a worker of its own for, such as watch={'role': 'watch'}, or leave "
                "it out."
            )
        if not re.match(r"[/~$]", self.spool):
            raise BadDefinition(
                f"spool={self.spool!r} is a folder on the endpoint's file system: begin it with /, ~ or a variable "
                "that is set there, such as $SCRATCH/aisteer."
            )
        if self.amqp_port is not None and (type(self.amqp_port) is not int or not 0 < self.amqp_port < 65536):
            raise BadDefinition(f"amqp_port={self.amqp_port!r} is no port; Globus has 443, 5671 and 5672.")
        if type(self.workers) is not int or self.workers < 1:
            raise BadDefinition(f"workers must be a whole number of at least 1, not {self.workers!r}.")

    def __str__(self) -> str:
        said: Json = {"amqp_port": self.amqp_port, "compute": self.compute, "watch": self.watch}
        options = {
            name: json.dumps(value, sort_keys=True) for name, value in said.items() if value is not None
        }
        if self.spool != SPOOL:
            options["spool"] = self.spool
        if self.workers != WORKERS:
            options["workers"] = str(self.workers)
        query = urlencode(dict(sorted(options.items())), safe="/$~{}:,")
        return f"globus:{self.endpoint}" + (f"?{query}" if query else "")

    def open(self, folder: Path) -> GlobusEndpoint:
        """The endpoint itself, for the driver; nothing is asked of Globus before the first run.

        Raises:
            MissingExtra: The SDK is not installed here.
        """
        if importlib.util.find_spec("globus_compute_sdk") is None:
            raise MissingExtra(
                "Globus Compute needs the extra aisteer[globus], which is not installed here. The campaign can be read "
                "and decided on; to drive it: pip install 'aisteer[globus]', and restart the kernel."
            )
        from aisteer.execution.globus.endpoint import GlobusEndpoint

        return GlobusEndpoint(
            str(self),
            self.endpoint,
            compute=self.compute,
            watch=self.watch,
            spool=self.spool,
            amqp_port=self.amqp_port,
            workers=self.workers,
            folder=folder,
        )


def _parsed(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadDefinition(f"{name}={text!r:.100} in a globus address is no JSON.") from error


def _uuid(text: object, what: str) -> str:
    try:
        return str(uuid.UUID(str(text)))
    except ValueError as error:
        raise BadDefinition(
            f"{text!r:.100} is no endpoint's id ({what}). It looks like 4b116d3c-1703-4f8f-9f6f-39921e5864df; "
            "`globus-compute-endpoint list` says it where the endpoint runs."
        ) from error


def _check_role(name: str, role: object) -> None:
    if not isinstance(role, dict) or not all(isinstance(key, str) for key in role):
        raise BadDefinition(
            f"{name}={role!r:.100} is no dict of what the endpoint's template is filled in with."
        )
    if secret := list(dict.fromkeys(_secrets(role))):
        raise BadDefinition(
            f"{name}= holds {', '.join(secret)}: what it says stands in the campaign's journal for all to read. Keep "
            "secrets on the endpoint's side."
        )
    try:
        json.dumps(role, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadDefinition(f"{name}= holds what JSON cannot say: {error}.") from error


def _secrets(said: object, name: str = "") -> Iterator[str]:
    """The names under which something is kept that looks like a secret, however deep."""
    if isinstance(said, Mapping):
        for key, value in said.items():
            if _SECRET.search(str(key)):
                yield str(key)
            else:
                yield from _secrets(value, str(key))
    elif isinstance(said, list | tuple):
        for value in said:
            yield from _secrets(value, name)
    elif isinstance(said, str) and _SET.search(said):
        yield name
