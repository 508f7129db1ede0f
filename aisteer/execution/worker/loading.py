"""From a request's ``simulation`` to something that can be called."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import threading
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import files
from .files import Json

LARGEST = 256 << 20
"""Bytes of code that are read at most."""


class CannotLoad(Exception):
    """The simulation is not to be had here; the message says why and what to do."""


@dataclass
class Loaded:
    """A simulation in this process."""

    function: Callable[..., Any]
    takes: frozenset[str]
    takes_any: bool
    versions: dict[str, str] = field(default_factory=dict)


_STANDARD: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())
"""Python 3.9 does not tell them."""
_lock = threading.RLock()
_loaded: dict[tuple[str, str, str], Loaded] = {}
_reference_codes: dict[str, str] = {}


def stale(simulation: Json) -> bool:
    """Whether this process has imported another version of the same module: it must be a fresh one."""
    if simulation.get("mode") != "reference":
        return False
    module = _reference(simulation).partition(":")[0]
    code = str(simulation.get("code", ""))
    return _reference_codes.get(module, code) != code


def load(root: str, simulation: Json) -> Loaded:
    """Load it, once for each code in this process.

    Raises:
        CannotLoad: It is missing, is not what its hash says, or fails when it is imported.
    """
    with _lock:
        return _load(root, simulation)


def _load(root: str, simulation: Json) -> Loaded:
    mode, code, name = (str(simulation.get(key, "")) for key in ("mode", "code", "name"))
    key = (mode, code if mode != "reference" else f"{code} {_reference(simulation)}", name)
    known = _loaded.get(key)
    if known is not None:
        return known
    before = set(sys.modules)
    try:
        function = _LOADERS[mode](root, simulation)
    except CannotLoad:
        raise
    except KeyError as error:
        if mode in _LOADERS:
            raise _failed(name, error) from error
        raise CannotLoad(
            f"This worker does not know how to load a simulation in mode {mode!r}; its version of aisteer "
            f"may be older. "
            "Nothing ran. Install the same version there."
        ) from error
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from error
    made = _loaded[key] = _described(function, before)
    return made


def _failed(name: str, error: BaseException) -> CannotLoad:
    hint = ""
    if isinstance(error, ImportError):
        hint = " Install what is missing where the run executes, or import it inside the function from what is there."
    elif isinstance(error, NameError):
        hint = " Put what it uses (imports, helpers) inside the function or into a module that can be imported there."
    return CannotLoad(f"The simulation {name!r} could not be loaded: {type(error).__name__}: {error}.{hint}")


def _described(function: Any, before: set[str]) -> Loaded:
    if not callable(function):
        raise CannotLoad(f"{function!r} is not a function. Name the simulation's function.")
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return Loaded(function, frozenset(), takes_any=True, versions=_versions(before))
    return Loaded(
        function,
        frozenset(p.name for p in parameters if p.kind in {p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD}),
        takes_any=any(p.kind == p.VAR_KEYWORD for p in parameters),
        versions=_versions(before),
    )


def _content(root: str, simulation: Json, suffix: str) -> tuple[str, bytes]:
    code = str(simulation.get("code", ""))
    if not (code.isascii() and code.isalnum()):
        raise CannotLoad(f"{code[:80]!r} is not the hash of a simulation. Nothing ran.")
    path = os.path.join(root, "code", code + suffix)
    data = files.read(path, LARGEST)
    if data is None:
        raise CannotLoad(
            f"The simulation's code {code[:12]}{suffix} is not in the spool. Nothing ran. Submit the run again."
        )
    if hashlib.sha256(data).hexdigest() != code:
        raise CannotLoad(
            f"The simulation's code {code[:12]}{suffix} in the spool is not what its hash says: it was "
            f"changed or damaged. "
            "Nothing ran. Remove it there and submit the run again."
        )
    return path, data


def _from_source(root: str, simulation: Json) -> Any:
    path, data = _content(root, simulation, ".py")
    module = types.ModuleType(f"aisteer_simulation_{simulation['code'][:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module
    try:
        exec(compile(data, path, "exec"), module.__dict__)  # noqa: S102  running the user's simulation is the point
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return functools.reduce(getattr, str(simulation["name"]).split("."), module)


def _from_pickle(root: str, simulation: Json) -> Any:
    import pickle

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if simulation.get("python") not in {None, "", python}:
        raise CannotLoad(
            f"The simulation was pickled by Python {simulation['python']} and this worker has {python}. Nothing ran. "
            "Put it into a module or a notebook cell of its own so that it travels as source, or use the same Python."
        )
    return pickle.loads(_content(root, simulation, ".pkl")[1])  # noqa: S301  the user's own code, checked by its hash


def _reference(simulation: Json) -> str:
    return str(simulation.get("reference") or simulation.get("name", ""))


def _from_reference(_root: str, simulation: Json) -> Any:
    module, _, qualname = _reference(simulation).partition(":")
    importlib.invalidate_caches()
    found = importlib.import_module(module)
    code = str(simulation.get("code", ""))
    _reference_codes[module] = code
    source = files.read(getattr(found, "__file__", None) or "", LARGEST)
    if code and (source is None or hashlib.sha256(source).hexdigest() != code):
        raise CannotLoad(
            f"The module {module!r} is another version here ({getattr(found, '__file__', 'no file')}) than the one the "
            "campaign was defined with. Nothing ran. Install the same version here, or take this one with "
            "campaign.redefine(…)."
        )
    return functools.reduce(getattr, qualname.split("."), found)


_LOADERS: dict[str, Callable[[str, Json], Any]] = {
    "source": _from_source,
    "pickle": _from_pickle,
    "reference": _from_reference,
}


def _versions(before: set[str]) -> dict[str, str]:
    """Versions of Python, the platform, and the packages that the simulation brought in."""
    made = {
        "python": sys.version.split()[0],
        "platform": f"{sys.platform} {os.uname().release} {os.uname().machine}",
    }
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    # A warm worker has packages from simulations before; those count for this one as well.
    for known in _loaded.values():
        new |= set(known.versions)
    own = {"aisteer", "python", "platform", "__main__", "__mp_main__"}
    for name in sorted(new - _STANDARD - own)[:200]:
        if not name.startswith("_") and not name.startswith("aisteer_simulation"):
            version = _version(name)
            if version:
                made[name] = version
    return made


def _version(name: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):
        version = getattr(sys.modules.get(name), "__version__", "")
        return version if isinstance(version, str) else ""
