"""Checkpoints: plain data in JSON, with arrays and bytes beside it. Nothing in them can run."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import Any

from . import files
from .files import Json

LARGEST = 64 << 20
"""Bytes of ``value.json``; arrays and bytes have files of their own."""
MOST_BYTES = 256 << 20
"""Older checkpoints of an attempt are kept as long as all of them fit in this."""
_DEPTH = 100


class NotStorable(ValueError):
    """Something in a checkpoint is not plain data; the message names it."""


def names(folder: str) -> list[int]:
    """The numbers of the complete checkpoints in an attempt's folder, in order."""
    try:
        found = os.listdir(os.path.join(folder, "checkpoints"))
    except OSError:
        return []
    return sorted(int(name) for name in found if name.isascii() and name.isdigit())


def save(folder: str, value: Any) -> str:
    """Write ``value`` as the next checkpoint and return its name.

    Raises:
        NotStorable: It holds something that is neither plain data, bytes nor a numeric array.
        OSError: It could not be written; earlier ones still stand.
    """
    parent = os.path.join(folder, "checkpoints")
    number = max(names(folder), default=0) + 1
    part = os.path.join(parent, f".{number}-{os.getpid()}.part")
    if not os.path.isdir(parent):
        os.mkdir(parent)
    os.mkdir(part)
    try:
        packed = _Packer(part).pack(value, "checkpoint", 0)
        files.write_new(os.path.join(part, "value.json"), files.encode({"format": 1, "value": packed}))
        os.rename(part, os.path.join(parent, str(number)))
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    _prune(parent, folder)
    return str(number)


def load(root: str, path: str) -> Any:
    """The object that a checkpoint holds.

    Args:
        root: The spool's root.
        path: Where it is, relative to the root.

    Raises:
        NotStorable: It is not there, is not inside the spool, or is damaged.
    """
    folder = os.path.join(root, path)
    inside = os.path.realpath(folder).startswith(os.path.realpath(root) + os.sep)
    body = files.read_json(os.path.join(folder, "value.json"), LARGEST) if inside else None
    if body is None or "value" not in body:
        raise NotStorable(
            f"The checkpoint {path!r} cannot be read from the spool. The run cannot start from it; "
            "start it from an earlier checkpoint, or as a new run."
        )
    try:
        return _unpack(body["value"], folder)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise NotStorable(
            f"The checkpoint {path!r} is damaged ({error}). The run cannot start from it."
        ) from error


def size(folder: str) -> int:
    """Bytes of the files in a checkpoint."""
    try:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
    except OSError:
        return 0


def _prune(parent: str, folder: str) -> None:
    """Remove the oldest beyond the last two when all together are too large."""
    numbers = names(folder)
    if len(numbers) <= 2:
        return
    total = 0
    for number in reversed(numbers):
        total += size(os.path.join(parent, str(number)))
        if total > MOST_BYTES and number < numbers[-2]:
            shutil.rmtree(os.path.join(parent, str(number)), ignore_errors=True)


class _Packer:
    """Turns an object into JSON, writing arrays and bytes into ``folder``."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.count = 0

    def pack(self, value: Any, name: str, depth: int) -> Any:
        if depth > _DEPTH:
            raise NotStorable(f"{name} is nested more than {_DEPTH} deep")
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int) and type(value).__module__ == "builtins":
            return value if abs(value) < 2**63 else {"$int": hex(value)}
        if isinstance(value, float) and type(value).__module__ == "builtins":
            return value if value - value == 0.0 else {"$float": str(value)}
        if isinstance(value, complex) and type(value).__module__ == "builtins":
            return {"$complex": [self.pack(x, name, depth + 1) for x in (value.real, value.imag)]}
        if isinstance(value, bytes | bytearray):
            return {"$bytes": self._file(bytes(value))}
        if isinstance(value, dict):
            return self._mapping(value, name, depth)
        if isinstance(value, list | tuple):
            items = [self.pack(x, f"{name}[{i}]", depth + 1) for i, x in enumerate(value)]
            return items if isinstance(value, list) else {"$tuple": items}
        return self._array(value, name)

    def _mapping(self, value: dict[Any, Any], name: str, depth: int) -> Json:
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: self.pack(x, f"{name}[{key!r}]", depth + 1) for key, x in value.items()}
        pairs = [
            [self.pack(key, f"a key of {name}", depth + 1), self.pack(x, f"{name}[{key!r}]", depth + 1)]
            for key, x in value.items()
        ]
        return {"$dict": pairs}

    def _array(self, value: Any, name: str) -> Json:
        numpy = sys.modules.get("numpy")
        if numpy is None or not isinstance(value, numpy.ndarray | numpy.generic) or value.dtype.hasobject:
            raise NotStorable(
                f"{name} is a {type(value).__module__}.{type(value).__qualname__}, which is not plain data. "
                "Return dicts, lists, numbers, text, bytes and numeric arrays"
            )
        file = f"{self._next()}.npy"
        numpy.save(os.path.join(self.folder, file), value, allow_pickle=False)
        return {"$array": file, "scalar": True} if isinstance(value, numpy.generic) else {"$array": file}

    def _file(self, data: bytes) -> str:
        file = f"{self._next()}.bin"
        files.write_new(os.path.join(self.folder, file), data)
        return file

    def _next(self) -> int:
        self.count += 1
        return self.count


def _unpack(value: Any, folder: str) -> Any:
    if isinstance(value, list):
        return [_unpack(x, folder) for x in value]
    if not isinstance(value, dict):
        return value
    tag = next((key for key in value if key.startswith("$")), None)
    if tag is None:
        return {key: _unpack(x, folder) for key, x in value.items()}
    body = value[tag]
    if tag == "$tuple":
        return tuple(_unpack(x, folder) for x in body)
    if tag == "$dict":
        return {_unpack(key, folder): _unpack(x, folder) for key, x in body}
    if tag == "$float":
        return float(body)
    if tag == "$int":
        return int(body, 16)
    if tag == "$complex":
        return complex(*(_unpack(x, folder) for x in body))
    if tag == "$bytes":
        data = files.read(_beside(folder, body), 1 << 40)
        if data is None:
            raise ValueError(f"{body} is missing")
        return data
    if tag == "$array":
        import numpy as np

        array = np.load(_beside(folder, body), allow_pickle=False)
        return array[()] if value.get("scalar") else array
    raise ValueError(f"unknown kind {tag}")


def _beside(folder: str, name: str) -> str:
    if os.path.basename(name) != name or os.path.islink(os.path.join(folder, name)):
        raise ValueError(f"{name!r} is not beside it")
    return os.path.join(folder, name)


class Schedule:
    """When the next checkpoint is due.

    A checkpoint that takes long is written less often: at most a tenth of the time goes into them.
    """

    def __init__(self, every: float) -> None:
        self.every = every
        self.took = 0.0
        self._next = time.monotonic() + every

    def due(self) -> bool:
        """Whether one is due now."""
        return time.monotonic() >= self._next

    def done(self, started: float) -> None:
        """One that began at ``started`` (monotonic seconds) is finished, or has failed."""
        now = time.monotonic()
        self.took = now - started
        self._next = now + max(self.every, 10.0 * self.took)
