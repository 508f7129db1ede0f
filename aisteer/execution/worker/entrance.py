"""Where the functions that travel come in: an object of plain JSON in, one out, folded when it is large."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib

from . import files, task, watching
from .files import Json

_SMALL = 16 << 10
"""Bytes below which an answer stays as it is."""
_FOLDED = "$folded"


def run(root: str, order: Json) -> Json:
    """Execute one attempt: see ``task.execute``."""
    return fold(task.execute(root, unfold(order)))


def look(root: str, question: Json) -> Json:
    """Look at attempts: see ``watching.look``."""
    return fold(watching.look(root, unfold(question)))


def write(root: str, letter: Json) -> Json:
    """Carry out orders: see ``watching.write``. A worker that came with the letter stays in the spool."""
    asked, zipped = unfold(letter), letter.get("zip")
    if isinstance(zipped, str):
        content = base64.b64decode(zipped)
        sha = hashlib.sha256(content).hexdigest()
        put = {
            "do": "put",
            "name": f"code/worker-{sha}.zip",
            "sha256": sha,
            "size": len(content),
            "offset": 0,
        }
        asked = {**asked, "orders": [*(asked.get("orders") or ()), {**put, "data": zipped}]}
    return fold(watching.write(root, asked))


def fold(value: Json) -> Json:
    """``value``, compressed and in base64 if it is large: as text in JSON in JSON it would grow instead."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        content = text.encode()
    except UnicodeEncodeError:  # half a character somewhere
        content = files.encode(value)
    if len(content) <= _SMALL:
        return value
    return {_FOLDED: base64.b64encode(zlib.compress(content, 3)).decode("ascii")}


def unfold(value: object, limit: int = 64 << 20) -> Json:
    """What ``fold`` made of an object.

    Raises:
        ValueError: It is no object, is damaged, or has more than ``limit`` bytes.
    """
    if not isinstance(value, dict):
        raise ValueError("it is no object")  # noqa: TRY004  one error for all that is wrong with it
    if _FOLDED not in value:
        return value
    try:
        stream = zlib.decompressobj()
        content = stream.decompress(base64.b64decode(value[_FOLDED], validate=True), limit)
    except (TypeError, ValueError, zlib.error) as error:
        raise ValueError(f"it is damaged ({error})") from error
    found = files.decode(content) if stream.eof else None
    if found is None:
        raise ValueError(f"it is no whole JSON object of at most {limit >> 20} MB")
    return found
