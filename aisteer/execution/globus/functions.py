"""The functions that travel to an endpoint: three, fixed and versioned, so that an administrator can allow them.

Each is a few lines of source text of the standard library (``source``) that takes ``(root, argument)``, both plain
JSON, and answers plain JSON. What it does stands in the worker package, a zip file (``worker_zip``) that lies in the
spool as ``code/worker-<sha256>.zip``; the function executes it only if it has the hash that the argument names.

=========  ==========================================  =====================================================
function   argument, beside ``worker`` (the SHA-256)   what it does, and the answer
=========  ==========================================  =====================================================
``run``    an order                                    ``worker.task.execute``: executes one attempt
``look``   a question                                  ``worker.watching.look``: what has become of attempts
``write``  a letter                                    ``worker.watching.write``, ``worker.orders``
=========  ==========================================  =====================================================

An argument may carry the worker itself as ``zip`` (base64): the first letter does, as there is no spool yet; the
letter's worker is left there. Where the worker is not in the spool (any more) the answer is
``{"refused": words, "missing": sha256}``: send a letter with it. ``opened`` reads any answer.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import zipfile
from importlib import resources
from typing import Any

from aisteer.execution.worker.entrance import fold, unfold

__all__ = ["NAMES", "closed", "mark", "opened", "source", "version", "worker_base64", "worker_zip"]

Json = dict[str, Any]

NAMES = ("run", "look", "write")
_SHARED = "from aisteer.execution.globus.travelling.package import package\n"
_THEN = (1980, 1, 1, 0, 0, 0)


@functools.cache
def source(name: str) -> str:
    """The source text of a function that travels; it stands on its own."""
    if name not in NAMES:
        raise ValueError(f"{name!r} does not travel; {', '.join(NAMES)} do")
    shared, own = (_text("aisteer.execution.globus.travelling", f"{file}.py") for file in ("package", name))
    *_, own = own.partition(_SHARED)
    return f"{shared.rstrip()}\n\n\n{own.lstrip()}"


@functools.cache
def version(name: str) -> str:
    """SHA-256 of a function's source text: what an administrator compares."""
    return hashlib.sha256(source(name).encode()).hexdigest()


def mark(name: str, text: str = "") -> str:
    """The description under which a function is registered, by whomever: its name and its version.

    Args:
        name: Its name.
        text: Its source text, where it is none of those that travel.
    """
    return f"aisteer {name} {hashlib.sha256(text.encode()).hexdigest() if text else version(name)}"


@functools.cache
def worker_zip() -> tuple[bytes, str]:
    """The worker package as a zip file, and its SHA-256: the same bytes wherever they are made of the same files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        folder = resources.files("aisteer.execution.worker")
        for file in sorted(f.name for f in folder.iterdir() if f.name.endswith(".py")):
            info = zipfile.ZipInfo(file, _THEN)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            archive.writestr(info, _text("aisteer.execution.worker", file))
    data = made.getvalue()
    return data, hashlib.sha256(data).hexdigest()


@functools.cache
def worker_base64() -> str:
    """The worker package as an argument carries it."""
    return base64.b64encode(worker_zip()[0]).decode("ascii")


def closed(argument: Json, *, zipped: bool = False) -> Json:
    """An order, question or letter as it travels: with the worker's hash, folded if it is large.

    Args:
        argument: What is asked.
        zipped: Whether the worker itself travels with it.
    """
    made = fold(argument)
    return {**made, "worker": worker_zip()[1], **({"zip": worker_base64()} if zipped else {})}


def opened(answer: object) -> Json:
    """An answer that came back.

    Raises:
        ValueError: It is no object, or is damaged or too large.
    """
    return unfold(answer)


def _text(package: str, file: str) -> str:
    return resources.files(package).joinpath(file).read_text("utf-8").replace("\r\n", "\n")
