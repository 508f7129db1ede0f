"""The weights in a frozen model (TorchScript), read without loading its code.

``torch.jit.load`` would compile what stands in the file, and needs deepmd-kit's own operators for that. Here only the
pickle of attributes is read, by an unpickler that knows tensors and bare containers and refuses every other name.
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_torchscript", "read_torchscript"]

_STORAGES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "BoolStorage": np.bool_,
}


class _Bare:
    """Any object of the model: its attributes, and nothing that it does."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive with code in it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.split("/")[1:2] == ["code"] for name in archive.namelist())


def read_torchscript(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """deepmd-kit's hyperparameters and the weights, by the names that a checkpoint has for them.

    Raises:
        ValueError: It is no model that deepmd-kit froze, or asks for something other than weights.
    """
    with zipfile.ZipFile(path) as archive:
        root = next(name for name in archive.namelist() if name.endswith("/data.pkl")).split("/")[0]
        model = _Reader(archive, root).load()
    script = getattr(model, "model_def_script", None)
    if not isinstance(script, str) or not script:
        raise ValueError("it has no model_def_script")
    params = json.loads(script)
    if not isinstance(params, dict):
        raise TypeError("its model_def_script is no dictionary")
    return params, dict(_arrays(model, ""))


def _arrays(thing: _Bare, prefix: str) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in vars(thing).items():
        if isinstance(value, np.ndarray):
            yield prefix + name, value
        elif isinstance(value, _Bare):
            yield from _arrays(value, f"{prefix}{name}.")


class _Reader(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self._archive, self._root = archive, root

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        known: dict[str, Callable[..., Any]] = {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": _tensor,
            "torch.jit._pickle.restore_type_tag": _first,
            "torch.jit._pickle.build_intlist": list,
            "torch.jit._pickle.build_doublelist": list,
            "torch.jit._pickle.build_boollist": list,
            "torch.jit._pickle.build_tensorlist": list,
        }
        if module.startswith("__torch__"):
            return _Bare
        if module == "torch" and name in _STORAGES:
            return type(name, (), {"kind": _STORAGES[name]})
        if f"{module}.{name}" not in known:
            raise ValueError(f"it asks for {module}.{name}, which is neither a weight nor a setting")
        return known[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        _, storage, key, *_ = pid
        return np.frombuffer(self._archive.read(f"{self._root}/data/{key}"), dtype=storage.kind)


def _tensor(storage: NDArray[Any], offset: int, size: Any, stride: Any, *_: Any) -> NDArray[Any]:
    size, stride = tuple(map(int, size)), tuple(map(int, stride))
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if min((*size, *stride, offset), default=0) < 0 or (0 not in size and last >= len(storage)):
        raise ValueError("a tensor reaches beyond its file")
    bytes_apart = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, bytes_apart).copy()


def _first(value: Any, _: str) -> Any:
    return value
