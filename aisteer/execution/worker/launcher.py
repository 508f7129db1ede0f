"""The MPI launcher of the place where a command runs: what stands for ``{launcher}`` in it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

from .files import Json


class NoLauncher(Exception):
    """Ranks are wanted where nothing starts them."""


def words(resources: Json) -> list[str]:
    """The launcher with its arguments; none for a single rank where no engine says how to start it.

    An MPI engine says how to start the ranks of a task on the nodes that it has chosen (``PARSL_MPI_PREFIX``); in a
    Slurm job ``srun`` does, and elsewhere ``mpiexec``.

    Args:
        resources: With ``nodes`` and ``ranks_per_node``.

    Raises:
        NoLauncher: There is none.
    """
    told = shlex.split(os.environ.get("PARSL_MPI_PREFIX", ""))
    if told:
        return [_found(told[0]) or told[0], *told[1:]]
    nodes, ranks_per_node = (_count(resources.get(name)) for name in ("nodes", "ranks_per_node"))
    ranks = nodes * ranks_per_node
    if ranks == 1:
        return []
    srun = _found("srun") if os.environ.get("SLURM_JOB_ID") else None
    if srun:
        return [srun, f"--nodes={nodes}", f"--ntasks={ranks}", f"--ntasks-per-node={ranks_per_node}"]
    mpiexec = _found("mpiexec")
    if mpiexec is None:
        raise NoLauncher(
            f"It wants {ranks} MPI ranks, and where it runs there is neither an engine that starts them nor srun nor "
            "mpiexec. Nothing ran. Load an MPI module in the endpoint's environment, or give it one rank."
        )
    return [mpiexec, "-n", str(ranks)]


def _found(name: str) -> str | None:
    """A program on the path, or beside the Python that executes this: a wheel puts it there."""
    return shutil.which(name) or shutil.which(name, path=os.path.dirname(sys.executable))


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 1
