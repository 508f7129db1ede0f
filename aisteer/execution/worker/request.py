"""What is to be executed, as the driver wrote it down, and whether it belongs to this spool."""

from __future__ import annotations

import os

from . import files
from .files import Json
from .root import nonce_of


def read_request(root: str, path: str, handed: Json | None = None) -> tuple[Json | None, str]:
    """The request (``handed`` where it came out of a lot), or why it is not executed."""
    nonce = nonce_of(root)
    if not nonce:
        return None, f"{root} is no spool: spool.json is missing. It may be unmounted or removed; nothing ran"
    request = handed or files.read_json(os.path.join(path, "request.json"), 64 << 20)
    if request is None:
        return None, "there is no request that can be read in its folder"
    if request.get("nonce") != nonce:
        return None, "the request's nonce is not this spool's: it belongs to another campaign; nothing ran"
    if not isinstance(request.get("simulation"), dict) or not isinstance(request.get("parameters"), dict):
        return None, "the request names no simulation or no parameters"
    return request, ""
