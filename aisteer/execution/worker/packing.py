"""Plain data as JSON, with arrays and bytes in files beside it. Nothing in it can run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from . import files
from .files import Json

_DEPTH = 100
_BIG = 2**63


class NotStorable(ValueError):
    """Something in a checkpoint is not plain data; the message names it."""


class Packer:
    """Turns an object into JSON, writing arrays and bytes into ``folder``."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.count = 0

    def pack(self, value: Any, name: str, depth: int = 0) -> Any:
        """``value`` as JSON; ``name`` is what it is called in errors.

        Raises:
            NotStorable: Some of it is neither plain data, bytes nor a numeric array.
        """
        if depth > _DEPTH:
            raise NotStorable(f"{name} is nested more than {_DEPTH} deep")
        if value is None or isinstance(value, (bool, str)):
            return value
        if type(value) in _NUMBERS:
            return _NUMBERS[type(value)](value)
        if isinstance(value, (bytes, bytearray)):
            return {"$bytes": self._file(bytes(value))}
        if isinstance(value, dict):
            return self._mapping(value, name, depth)
        if isinstance(value, (list, tuple)):
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
        if numpy is None or not isinstance(value, (numpy.ndarray, numpy.generic)) or value.dtype.hasobject:
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


def _integer(value: int) -> Any:
    return value if abs(value) < _BIG else {"$int": hex(value)}


def _real(value: float) -> Any:
    return value if value - value == 0.0 else {"$float": str(value)}


def _complex(value: complex) -> Any:
    return {"$complex": [_real(value.real), _real(value.imag)]}


_NUMBERS: dict[type, Callable[[Any], Any]] = {int: _integer, float: _real, complex: _complex}


def unpack(value: Any, folder: str) -> Any:
    """The object that ``Packer`` turned into ``value``.

    Raises:
        ValueError, TypeError, KeyError, OSError: It is damaged.
    """
    if isinstance(value, list):
        return [unpack(x, folder) for x in value]
    if not isinstance(value, dict):
        return value
    tag = next((key for key in value if key.startswith("$")), None)
    if tag is None:
        return {key: unpack(x, folder) for key, x in value.items()}
    return _UNPACK[tag](value[tag], value, folder)


def _bytes(body: Any, _: Json, folder: str) -> bytes:
    data = files.read(_beside(folder, body), 1 << 40)
    if data is None:
        raise ValueError(f"{body} is missing")
    return data


def _load_array(body: Any, value: Json, folder: str) -> Any:
    import numpy as np

    array = np.load(_beside(folder, body), allow_pickle=False)
    return array[()] if value.get("scalar") else array


def _beside(folder: str, name: str) -> str:
    if os.path.basename(name) != name or os.path.islink(os.path.join(folder, name)):
        raise ValueError(f"{name!r} is not beside it")
    return os.path.join(folder, name)


_UNPACK: dict[str, Callable[[Any, Json, str], Any]] = {
    "$tuple": lambda body, _, folder: tuple(unpack(x, folder) for x in body),
    "$dict": lambda body, _, folder: {unpack(key, folder): unpack(x, folder) for key, x in body},
    "$float": lambda body, _, __: float(body),
    "$int": lambda body, _, __: int(body, 16),
    "$complex": lambda body, _, folder: complex(*(unpack(x, folder) for x in body)),
    "$bytes": _bytes,
    "$array": _load_array,
}
