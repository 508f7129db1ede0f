"""How a simulation's code travels: as a reference, as source, or as a pickle."""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import json
import os
import pickle
import platform
import subprocess
import sys
import sysconfig
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.captured import captured, refuse_large, size_in_words
from aisteer.problem.literals import Unsourceable
from aisteer.problem.simulation import Simulation
from aisteer.problem.source import assemble

__all__ = ["Shipment", "is_found_by_workers", "ship"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shipment:
    """A simulation's code, ready to travel.

    Attributes:
        mode: ``reference`` (imported where it runs), ``source`` (a module put together here) or ``pickle``.
        identity: The hash of its source, the same in every process.
        content: What is kept in ``code/<sha256>.py`` or ``.pkl``.
        reference: ``module:name``, where it goes by that.
        why: In words, why it travels this way.
    """

    mode: str
    identity: str
    content: bytes
    reference: str = ""
    why: str = ""

    @property
    def sha256(self) -> str:
        """The hash of ``content``: the identity, but for pickles, whose bytes differ between processes."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def file(self) -> str:
        """Path of the artefact, relative to the campaign's folder."""
        return f"code/{self.sha256}.{'pkl' if self.mode == 'pickle' else 'py'}"

    def to_json(self) -> Json:
        """What the definition says of it."""
        version = ".".join(platform.python_version_tuple()[:2])
        data: Json = {"mode": self.mode, "code": self.sha256, "python": version}
        if self.reference:
            data["reference"] = self.reference
        if self.identity != self.sha256:
            data["identity"] = self.identity
        return data

    def save(self, folder: Path | str) -> Path:
        """Keep the artefact in the campaign's folder; a repeat is harmless."""
        path = Path(folder) / self.file
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(self.content)
        draft.replace(path)
        return path

    def __str__(self) -> str:
        return f"{self.mode} ({size_in_words(len(self.content))}): {self.why}"


def ship(simulation: Simulation) -> Shipment:
    """Choose how the simulation's code travels.

    A function of an installed module goes by its name. Else its source goes, put together with what it
    uses; and where that cannot be written down, a pickle, which needs the same Python version there.

    Raises:
        BadDefinition: It would drag large data along, uses a name that is not defined, or cannot
            travel at all.
    """
    if simulation.text is not None:
        content = simulation.text.encode()
        why = "its settings, for the aisteer that is installed where it runs"
        return Shipment("source", hashlib.sha256(content).hexdigest(), content, why=why)
    function = inspect.unwrap(simulation.function)
    assert isinstance(function, types.FunctionType)
    reference = _by_reference(function, simulation)
    if reference is not None:
        return reference
    data = captured(function, _is_local)
    refuse_large(simulation.name, data)
    try:
        text = assemble(simulation.function, simulation.name, _is_local)  # type: ignore[arg-type]
    except Unsourceable as reason:
        return _pickled(function, simulation.name, data, str(reason))
    content = text.encode()
    identity = hashlib.sha256(content).hexdigest()
    return Shipment("source", identity, content, why="its source, with what it uses")


# --- by reference -----------------------------------------------------------------------------


def _by_reference(function: types.FunctionType, simulation: Simulation) -> Shipment | None:
    name = function.__module__
    if "." in function.__qualname__ or not is_found_by_workers(name):
        return None
    module = importlib.import_module(name)
    found = getattr(module, function.__qualname__, None)
    if found is not function and getattr(found, "function", None) is not simulation.function:
        return None  # the module holds something else under this name by now
    content = Path(inspect.getsourcefile(module) or "").read_bytes()
    identity = hashlib.sha256(content).hexdigest()
    reference = f"{name}:{function.__qualname__}"
    return Shipment("reference", identity, content, reference, f"{reference} is installed where workers look")


@functools.lru_cache(maxsize=1024)
def is_found_by_workers(module: str) -> bool:
    """Whether a fresh interpreter like ours, started elsewhere, finds ``module`` where we found it."""
    if module == "__main__" or module.startswith("ipykernel"):
        return False
    if module in sys.builtin_module_names or module in sys.stdlib_module_names:
        return True
    here = getattr(sys.modules.get(module), "__file__", None)
    if here is None:
        return module.partition(".")[0] in sys.stdlib_module_names
    installed = {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    if any(Path(here).is_relative_to(folder) for folder in installed):
        return True
    script = "import importlib.util as u, sys; s = u.find_spec(sys.argv[1]); print((s and s.origin) or '')"
    try:
        answer = subprocess.run(
            [sys.executable, "-P", "-c", script, module],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() == here


def _is_local(value: Any) -> bool:
    """Whether a function, class or module is known only in this process."""
    name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    if not isinstance(name, str):
        return False
    if isinstance(value, types.ModuleType) and value.__name__ not in sys.modules:
        return True
    return not is_found_by_workers(name)


# --- as a pickle ------------------------------------------------------------------------------


def _pickled(function: types.FunctionType, name: str, data: dict[str, Any], reason: str) -> Shipment:
    import cloudpickle

    modules = _local_modules(function, data)
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        content = cloudpickle.dumps(function)
    except Exception as error:
        raise BadDefinition(
            f"The simulation {name!r} cannot travel to a worker: {reason}, and pickling it failed "
            f"({type(error).__name__}: {error}). It uses {', '.join(sorted(data)) or 'nothing else'}. "
            "Open files, connections and executors inside the simulation."
        ) from error
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
    identity = _identity(function, data)
    return Shipment("pickle", identity, content, why=f"{reason}; workers need the same Python")


def _local_modules(function: types.FunctionType, data: dict[str, Any]) -> list[types.ModuleType]:
    """Modules known only here, whose contents have to go along."""
    names = {function.__module__, *(type(value).__module__ for value in data.values())}
    reached = [v for v in function.__globals__.values() if isinstance(v, types.FunctionType | type)]
    names |= {value.__module__ for value in reached}
    modules = {n: sys.modules[n] for n in names if n in sys.modules and n != "__main__"}
    for value in function.__globals__.values():
        if isinstance(value, types.ModuleType) and value.__name__ in sys.modules:
            modules[value.__name__] = value
    return [module for module in modules.values() if _is_local(module)]


def _identity(function: types.FunctionType, data: dict[str, Any]) -> str:
    """The hash of the source (of the byte code where there is none) and of what it captures."""
    try:
        body = inspect.getsource(function)
    except (OSError, TypeError):
        body = function.__code__.co_code.hex() + repr(function.__code__.co_names)
    parts = [body, sorted((key, _value_digest(value)) for key, value in data.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _value_digest(value: Any) -> str:
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        content = f"{value.dtype}{getattr(value, 'shape', ())}".encode() + value.tobytes()
    elif isinstance(value, set | frozenset):
        content = "\n".join(sorted(map(repr, value))).encode()
    else:
        try:
            content = pickle.dumps(value, protocol=4)
        except Exception:  # noqa: BLE001  a user's object may fail in any way
            content = type(value).__qualname__.encode()
    return hashlib.sha256(content).hexdigest()
