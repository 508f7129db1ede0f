"""Orders for attempts, with what they need brought to the spool there: each by itself, so that none holds up others."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from aisteer.errors import SpoolError
from aisteer.execution.globus import sizes
from aisteer.execution.globus.bringing import Bringing
from aisteer.execution.globus.functions import closed
from aisteer.execution.worker import lots

__all__ = ["Preparing"]

Json = dict[str, Any]


class Preparing:
    """Makes parcels.

    Args:
        bringing: Brings files there.
        code: The campaign's folder of simulations' code.
        block: What is known of the blocks there: their ``walltime``.
    """

    def __init__(self, bringing: Bringing, code: Path, block: Json) -> None:
        self._bringing = bringing
        self._code = code
        self._block = block
        self._vain: dict[str, str] = {}

    def anew(self) -> None:
        """What could not be brought may be brought now."""
        self._vain.clear()

    def parcel(self, key: str, request: Json) -> sizes.Parcel:
        """The order for an attempt; one that is too large for a submission finds its request in the spool.

        Raises:
            SpoolError: What this one needs cannot be read here, or not be written there.
            EndpointError: Nothing can be written there now, for whatever attempt.
        """
        name = _code_of(request)
        if name and not self._bringing.has(name):
            self._bring(name, None)
        order = {"nonce": request["nonce"], "key": key, "block": self._block}
        parcel = sizes.Parcel(closed({**order, "request": request}))
        if parcel.size <= sizes.BATCH:
            return parcel
        data, [(offset, length)] = lots.compose([request])
        lot = hashlib.sha256(data).hexdigest()[:32]
        self._bring(f"lots/{lot}.jsonl", data)
        return sizes.Parcel(closed({**order, "place": [lot, offset, length]}))

    def _bring(self, name: str, data: bytes | None) -> None:
        """Bring a file there: tried once, however many attempts need it."""
        if name in self._vain:
            raise SpoolError(self._vain[name])
        try:
            self._bringing.bring({name: self._read(name) if data is None else data})
        except SpoolError as error:
            self._vain[name] = str(error)
            raise

    def _read(self, name: str) -> bytes:
        path = self._code / name.rpartition("/")[2]
        try:
            return path.read_bytes()
        except OSError as error:
            raise SpoolError(
                f"the code of its simulation cannot be read here ({error.strerror or error}: {path}). Put the file "
                "back, or withdraw it"
            ) from error


def _code_of(request: Json) -> str:
    simulation = request.get("simulation") or {}
    suffix = {"source": ".py", "pickle": ".pkl"}.get(str(simulation.get("mode")))
    return "" if suffix is None else f"code/{simulation.get('code')}{suffix}"
