"""Parsl: a Config that a module of the user's names is loaded anew, for this campaign alone."""

from __future__ import annotations

import contextlib
import copy
import importlib
import importlib.util
import os
import shutil
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from aisteer.errors import AisteerError, BadDefinition, EndpointError, MissingExtra
from aisteer.execution.engines.engine import Call, Capacity, Engine
from aisteer.execution.worker.future import run_for_future
from aisteer.execution.worker.values import text

__all__ = ["ParslEngine", "find_config"]

Json = dict[str, Any]

_DEFAULT_RUN_DIR = "runinfo"


def find_config(module: str, name: str) -> Any:
    """A Parsl ``Config`` of its own, not started: a copy of what the module has, or what its function returns.

    Raises:
        MissingExtra: Parsl is not installed here.
        BadDefinition: There is no such module, or it has no such Config.
    """
    if importlib.util.find_spec("parsl") is None:
        raise MissingExtra(
            f"parsl:{module}:{name} needs the extra aisteer[parsl], which is not installed here. The campaign can be "
            "read and decided on; to drive it: pip install 'aisteer[parsl]', and restart the kernel."
        )
    found = _attribute(module, name)
    from parsl.config import Config

    if callable(found) and not isinstance(found, Config):
        try:
            found = found()
        except Exception as error:
            raise BadDefinition(
                f"{module}.{name}() made no Parsl Config: {type(error).__name__}: {text(error, 500)}. Nothing was "
                "started."
            ) from error
        if isinstance(found, Config):
            return found
    if not isinstance(found, Config):
        raise BadDefinition(
            f"{module}.{name} is {type(found).__name__}, no parsl.config.Config and no function that returns one. "
            "Nothing was started."
        )
    try:
        return copy.deepcopy(found)
    except Exception as error:
        raise BadDefinition(
            f"{module}.{name} cannot be copied ({type(error).__name__}: {text(error, 300)}), and Parsl loads a Config "
            "only once. Let the module have a function that returns a new one, and name that."
        ) from error


def _attribute(module: str, name: str) -> Any:
    try:
        loaded = _imported(module)
    except Exception as error:
        raise BadDefinition(
            f"The module {module!r} with the Parsl Config cannot be imported: {type(error).__name__}: "
            f"{text(error, 500)}. Nothing was started. Put {module.partition('.')[0]}.py into the folder where you "
            "start this, or its folder into PYTHONPATH."
        ) from error
    if not hasattr(loaded, name):
        names = [key for key, value in vars(loaded).items() if type(value).__name__ == "Config"]
        known = f" It has {', '.join(names[:10])}." if names else ""
        raise BadDefinition(f"The module {module!r} has no {name!r}.{known} Nothing was started.")
    return getattr(loaded, name)


def _imported(module: str) -> Any:
    """Import a module, from the folder where this was started too: `aisteer drive` does not look there by itself."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        here = str(Path.cwd())
        if error.name != module.partition(".")[0] or here in sys.path:
            raise
        sys.path.append(here)
        return importlib.import_module(module)


class ParslEngine(Engine):
    """The executors of a Parsl Config, with a DataFlowKernel of their own that ends with the driver.

    Runs are given to the executors themselves, for each run has resources of its own. Parsl's blocks belong to the
    process that asked for them: when that ends, its runs get SIGTERM, and go on as next attempts under the next driver.

    Args:
        module: The module to import.
        name: The Config in it, or a function that returns one.
        address: What ``ai.connect`` takes to find it again.
        folder: The campaign's folder, where Parsl keeps its logs unless the Config says otherwise.
    """

    def __init__(self, module: str, name: str, address: str, folder: Path) -> None:
        self.address = address
        self.name = f"Parsl with {module}.{name}"
        self._module, self._attribute = module, name
        self._folder = folder
        self._kernel: Any = None
        self._turn = 0

    def start(self) -> None:
        """Load the Config and start its executors; see ``Engine``."""
        config = find_config(self._module, self._attribute)
        if config.run_dir == _DEFAULT_RUN_DIR:
            config.run_dir = str(self._folder / "parsl")
        _find_programs()
        from parsl import DataFlowKernel

        try:
            self._kernel = DataFlowKernel(config)
        except AisteerError:
            raise
        except Exception as error:
            raise EndpointError(
                f"Parsl cannot start {self._module}.{self._attribute}: {type(error).__name__}: {text(error, 500)}. "
                f"Runs that wait stay accepted; it is tried again. Its log is in {config.run_dir}."
            ) from error

    def submit(self, call: Call) -> Future[None]:
        """Give it to the executor that fits, in turns where several do; see ``Engine``."""
        executors = self._executors()
        wanted = _ranks(call.resources) > 1
        fitting = [one for one in executors if _is_mpi(one) == wanted] or executors
        self._turn += 1
        executor = fitting[self._turn % len(fitting)]
        answer: Future[None] = executor.submit(
            run_for_future, specification(executor, call.resources), *call.arguments
        )
        # Parsl's own must not be cancelled: its thread for results would die of that.
        shown: Future[None] = Future()
        answer.add_done_callback(lambda done: _settle(shown, done))
        return shown

    def look(self) -> Capacity:
        """The workers of all its executors' blocks; see ``Engine``."""
        executors = self._executors()
        for executor in executors:
            error = _fault(executor)
            if error:
                raise EndpointError(
                    f"Parsl's executor {executor.label!r} is of no more use: {error}. It is started anew; runs that "
                    f"wait stay accepted. Its log is in {self._kernel.run_dir}."
                )
        missing = [one.label for one in executors if _has_no_block(one)]
        words = f"no block of {', '.join(missing)} runs yet: runs wait for one" if missing else ""
        return Capacity(max(1, sum(map(_workers, executors))), words)

    def stop(self) -> None:
        """End the executors and their blocks; see ``Engine``. Threads of this process are left to end their runs."""
        kernel, self._kernel = self._kernel, None
        if kernel is None:
            return
        for executor in kernel.executors.values():
            pool = getattr(executor, "executor", None)
            if pool is not None and hasattr(executor, "max_threads"):
                pool.shutdown(wait=False, cancel_futures=True)
            _give_back_blocks(executor)
        # Parsl waits there for threads whose runs are long; whoever closes us must not.
        ending = threading.Thread(target=kernel.cleanup, name="aisteer-parsl-cleanup", daemon=True)
        ending.start()
        ending.join(10.0)

    def _executors(self) -> list[Any]:
        if self._kernel is None:
            raise EndpointError(f"{self.name} is not started.")
        return [one for label, one in self._kernel.executors.items() if label != "_parsl_internal"]


def specification(executor: Any, resources: Mapping[str, Any]) -> Json:
    """What of a run's resources an executor takes: each kind knows other words, and refuses all others."""
    nodes, ranks = int(resources.get("nodes") or 1), int(resources.get("ranks_per_node") or 1)
    if _is_mpi(executor):
        return {"num_nodes": nodes, "ranks_per_node": ranks, "num_ranks": nodes * ranks}
    if type(executor).__name__ == "FluxExecutor":
        cpus, gpus = int(resources.get("cpus") or 1), int(resources.get("gpus_per_rank") or 0)
        return {"num_nodes": nodes, "num_tasks": nodes * ranks, "cores_per_task": cpus, "gpus_per_task": gpus}
    return {}


def _ranks(resources: Mapping[str, Any]) -> int:
    return int(resources.get("nodes") or 1) * int(resources.get("ranks_per_node") or 1)


def _is_mpi(executor: Any) -> bool:
    return bool(getattr(executor, "enable_mpi_mode", False))


def _workers(executor: Any) -> int:
    threads = getattr(executor, "max_threads", None)
    if threads is not None:
        return int(threads)
    provider = getattr(executor, "provider", None)
    blocks = int(getattr(provider, "max_blocks", 1)) * int(getattr(provider, "nodes_per_block", 1))
    return blocks * int(getattr(executor, "workers_per_node", 1))


def _fault(executor: Any) -> str:
    """Why an executor executes nothing any more; empty while it does."""
    if getattr(executor, "bad_state_is_set", False):
        return text(executor.executor_exception, 500)
    interchange = getattr(executor, "interchange_proc", None)
    if interchange is not None and interchange.poll() is not None:
        return f"its interchange process has ended with {interchange.returncode}"
    return ""


def _give_back_blocks(executor: Any) -> None:
    """Parsl itself leaves the blocks of an executor that failed to the queue."""
    if getattr(executor, "bad_state_is_set", False):
        with contextlib.suppress(Exception):
            executor.scale_in_facade(len(executor.status_facade))


def _has_no_block(executor: Any) -> bool:
    connected = getattr(executor, "connected_blocks", None)
    try:
        return connected is not None and not connected()
    except Exception:  # noqa: BLE001  it is asked for words alone
        return False


def _settle(shown: Future[None], done: Future[Any]) -> None:
    if not shown.set_running_or_notify_cancel():
        return
    error = done.exception()
    if error is not None:
        shown.set_exception(error)
    else:
        shown.set_result(None)


def _find_programs() -> None:
    """Let Parsl find its own programs: a kernel is started by its path, without its environment being activated."""
    beside = str(Path(sys.executable).parent)
    if shutil.which("interchange.py") is None and shutil.which("interchange.py", path=beside):
        os.environ["PATH"] = os.pathsep.join([*filter(None, [os.environ.get("PATH")]), beside])
