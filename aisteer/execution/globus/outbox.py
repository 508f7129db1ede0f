"""Requests on our side until their attempts are over: what nobody has claimed is sent again from here."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from aisteer.errors import SpoolError
from aisteer.execution.endpoint import AttemptRef, Submission
from aisteer.execution.spool import Spool
from aisteer.execution.worker import files, lots
from aisteer.execution.worker.handing import Handing

__all__ = ["Outbox"]

Json = dict[str, Any]


class Outbox:
    """Keeps requests in lots, as a spool does, in the campaign's folder.

    Args:
        root: Usually ``<campaign>/spool``.
    """

    def __init__(self, root: Path) -> None:
        self._spool = Spool(root)
        self._handing = Handing(str(self._spool.root))
        self._kept: dict[str, set[str]] | None = None
        self._lock = threading.Lock()

    @property
    def nonce(self) -> str:
        """The campaign's mark, as an earlier driver left it here; empty where none was."""
        found = files.read_json(str(self._spool.root / "spool.json"))
        return str((found or {}).get("nonce") or "")

    def put(self, submissions: Sequence[Submission]) -> set[AttemptRef]:
        """Keep requests. Answers with those that had been here before: another driver may have sent them.

        Raises:
            SpoolError: They could not be written; none of them is sent.
        """
        with self._lock:
            known = set().union(*self._lots().values())
            before = {s.ref for s in submissions if s.ref.key in known}
            new = [s for s in submissions if s.ref not in before]
            kinds: dict[tuple[str, ...], list[Json]] = {}
            for submission in new:
                kinds.setdefault(tuple(submission.request), []).append(submission.request)
            try:
                if new:
                    self._spool.create(str(new[0].request["nonce"]))
                for kind in kinds.values():
                    for request, place in zip(kind, self._handing.put(kind), strict=True):
                        self._lots().setdefault(place[0], set()).add(
                            f"{request['uuid']}-{request['attempt']}"
                        )
            except (OSError, ValueError, TypeError) as error:
                raise SpoolError(
                    f"The campaign's folder cannot be written: {getattr(error, 'strerror', None) or error}. The runs "
                    "stay accepted and are sent when it works again. Make room there.",
                    root=str(self._spool.root),
                ) from error
            return before

    def requests(self, keys: Collection[str]) -> dict[str, Json]:
        """The requests of attempts, as far as they are here."""
        with self._lock:
            self._handing.find(keys)
            found = {key: self._handing.request(key) for key in keys}
        return {key: request for key, request in found.items() if request is not None}

    def kept(self) -> set[str]:
        """The keys of attempts whose requests are here."""
        with self._lock:
            return set().union(*self._lots().values())

    def forget(self, refs: Iterable[AttemptRef]) -> None:
        """These are over and packed, and the journal has their ends; a lot of which all are is removed."""
        with self._lock:
            over = {ref.key for ref in refs}
            for key in over:
                self._handing.forget(key)
            for name, keys in list(self._lots().items()):
                keys.difference_update(over)
                if not keys:
                    self._handing.remove(name)
                    del self._lots()[name]

    def close(self) -> None:
        """Let go of files."""
        with self._lock:
            self._handing.close()

    def _lots(self) -> dict[str, set[str]]:
        if self._kept is None:
            self._kept = {
                name: {key for key, _, _ in lots.entries(self._handing.content(name))}
                for name in self._handing.names()
            }
        return self._kept
