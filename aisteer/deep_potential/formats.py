"""Which kind of file holds a model, and its weights as arrays. Nothing in it is run unless it is trusted."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aisteer.deep_potential.torchscript import is_torchscript, read_torchscript
from aisteer.errors import BadModel, Untrusted

__all__ = ["Weights", "read_weights"]

Weights = dict[str, NDArray[Any]]

_ELSEWHERE = {
    ".pb": "a frozen TensorFlow graph",
    ".savedmodel": "a TensorFlow model",
    ".meta": "part of a TensorFlow checkpoint",
    ".index": "part of a TensorFlow checkpoint",
    ".hlo": "a JAX model",
    ".jax": "a JAX checkpoint",
    ".json": "a Paddle model",
    ".pd": "a Paddle checkpoint",
    ".pdparams": "a Paddle checkpoint",
    ".dp": "a model in deepmd-kit's exchange format",
    ".yaml": "a model in deepmd-kit's exchange format",
    ".yml": "a model in deepmd-kit's exchange format",
    ".pt2": "a compiled PyTorch model",
    ".pte": "a compiled PyTorch model",
}
_BROKEN = (RuntimeError, EOFError, OSError, KeyError, ValueError, AttributeError, IndexError, TypeError)


def read_weights(path: Path, *, trust: bool = False) -> tuple[dict[str, Any], Weights]:
    """Read deepmd-kit's ``model_params`` and the weights from a PyTorch checkpoint or a frozen model.

    Returns:
        The hyperparameters, and arrays by name; names begin at ``descriptor``, ``fitting_net`` or ``out_bias``.

    Raises:
        BadModel: There is no such file, it is cut short, or it is something else.
        Untrusted: Reading it means running code of whoever made it, and ``trust`` is not given.
    """
    _check(path)
    if is_torchscript(path):
        params, state = _frozen(path, trust=trust)
    else:
        params, state = _checkpoint(path, trust=trust)
    return params, {
        name: _array(path, name, value) for name, value in _of_the_model(path, params, state).items()
    }


def _check(path: Path) -> None:
    if not path.exists():
        raise BadModel(f"There is no file {path}, so no model was loaded. Check the path.", path=str(path))
    if path.suffix in _ELSEWHERE:
        raise BadModel(
            f"{path} is {_ELSEWHERE[path.suffix]}, which is not read here; no model was loaded. Convert it where "
            f"deepmd-kit is installed: `dp convert-backend {path.name} {path.stem}.pth`, then load the .pth "
            "with trust=True.",
            path=str(path),
        )
    if path.is_dir():
        raise BadModel(f"{path} is a folder; name the checkpoint in it (model.ckpt.pt).", path=str(path))
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise BadModel(f"{path} is empty, so no model was loaded. Copy it again.", path=str(path))
    archive = zipfile.is_zipfile(path)
    if start == b"PK\x03\x04" and not archive:
        raise BadModel(
            f"{path} is cut short ({path.stat().st_size} bytes are there), so no model was loaded. "
            "Copy it again from where it was trained.",
            path=str(path),
        )
    damaged = _damaged_part(path) if archive else None
    if damaged is not None:
        raise BadModel(
            f"{path} is damaged ({damaged}), so no model was loaded. Copy it again from where it was trained.",
            path=str(path),
        )


def _damaged_part(path: Path) -> str | None:
    """What does not have the checksum that was written with it: PyTorch itself would take it as it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except Exception as error:  # noqa: BLE001  a directory of an archive can be broken in many ways
        return _first_line(error)
    return None if broken is None else f"the checksum of {broken!r:.80} is not that of its content"


def _frozen(path: Path, *, trust: bool) -> tuple[dict[str, Any], Mapping[str, Any]]:
    if not trust:
        raise Untrusted(
            f"{path} is a frozen model (TorchScript), a format that is made of code, so it was not loaded. Load the "
            "checkpoint that it was frozen from (model.ckpt.pt), or pass trust=True if you trust where it comes from.",
            path=str(path),
        )
    try:
        return read_torchscript(path)
    except (*_BROKEN, pickle.UnpicklingError, StopIteration) as error:
        raise BadModel(
            f"{path} is TorchScript, but no model that deepmd-kit froze: {_first_line(error)}. No model was loaded.",
            path=str(path),
        ) from error


def _checkpoint(path: Path, *, trust: bool) -> tuple[dict[str, Any], Mapping[str, Any]]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        if trust or not _wants_code(error):
            raise _foreign(path, error) from error
        raise Untrusted(
            f"{path} holds more than weights ({_first_line(error)}); nothing of it was run, and no model was "
            "loaded. If it is an older checkpoint of someone you trust, pass trust=True.",
            path=str(path),
        ) from error
    except _BROKEN as error:
        raise _foreign(path, error) from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    extra = state.get("_extra_state") if isinstance(state, Mapping) else None
    params = extra.get("model_params") if isinstance(extra, Mapping) else None
    if not isinstance(params, dict) or not isinstance(state, Mapping):
        raise BadModel(
            f"{path} is a PyTorch file, but no checkpoint of deepmd-kit 3 (it has no model_params), so no model was "
            "loaded. A checkpoint of an older version: continue its training for one step with deepmd-kit 3 "
            "(`dp --pt train input.json --init-model …`) and load what that writes.",
            path=str(path),
        )
    return params, state


def _wants_code(error: Exception) -> bool:
    text = str(error)
    return any(sign in text for sign in ("GLOBAL", "global", "REDUCE", "BUILD", "INST"))


def _foreign(path: Path, error: Exception) -> BadModel:
    return BadModel(
        f"{path} cannot be read as a PyTorch checkpoint ({_first_line(error)}), so no model was loaded. It may be cut "
        "short or of another program: copy it again, or name the model.ckpt.pt that deepmd-kit wrote.",
        path=str(path),
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    for line in text:  # torch says how to turn its safety off first, and what it met after that
        if "Unsupported" in line or "GLOBAL" in line:
            return line.strip().removeprefix("WeightsUnpickler error: ")[:200]
    return text[0][:200] if text else type(error).__name__


def _of_the_model(path: Path, params: dict[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    if "model_dict" in params:
        raise BadModel(
            f"{path} was trained on several tasks at once, so it holds several models: "
            f"{', '.join(map(str, params['model_dict']))}. Take one out with "
            "`dp --pt freeze --head NAME`, then load that with trust=True.",
            path=str(path),
        )
    short = {}
    for name, value in state.items():
        if "atomic_model." in str(name):
            short[str(name).partition("atomic_model.")[2]] = value
        elif str(name).endswith("min_nbor_dist"):
            short["min_nbor_dist"] = value
    return short


def _array(path: Path, name: str, value: Any) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, torch.Tensor):
        raise BadModel(f"{path}: {name} is no array of weights, so no model was loaded.", path=str(path))
    array = value.detach().cpu()
    return np.array((array.float() if array.dtype == torch.bfloat16 else array).numpy())
