"""Whether an attempt can ever be executed at an endpoint: found out before it is sent there."""

from __future__ import annotations

from typing import Any

from aisteer.execution.globus.patience import clock
from aisteer.execution.worker import block

__all__ = ["obstacle"]

Json = dict[str, Any]


def obstacle(request: Json, *, python: str, walltime: Any) -> str:
    """Why it never can be, in words that say what to do; empty where it may be.

    Args:
        request: Its request.
        python: The Python of the workers there; empty where that is not known.
        walltime: What blocks there are asked for with: seconds or ``HH:MM:SS``; None where that is not known.
    """
    return _unreadable(request, python) or _too_long(request, walltime)


def _unreadable(request: Json, there: str) -> str:
    simulation = request.get("simulation") or {}
    here = str(simulation.get("python") or "")
    if (
        simulation.get("mode") != "pickle"
        or not (here and there)
        or there.split(".")[:2] == here.split(".")[:2]
    ):
        return ""
    return (
        f"The simulation is a pickle of Python {here}, and the endpoint's workers have {there}: they could not "
        f"read it. Nothing was sent. Use Python {here} there, or write the simulation so that its source can "
        "travel: define what it uses in the notebook or in an installed module."
    )


def _too_long(request: Json, walltime: Any) -> str:
    whole, needed = block.seconds_of(walltime), request.get("walltime")
    if (
        whole is None
        or not isinstance(needed, int | float)
        or (request.get("simulation") or {}).get("checkpoint")
        or needed < block.usable(whole)
    ):
        return ""
    return (
        f"It may take {clock(needed)}, its walltime, and cannot go on in another block, and the endpoint's blocks are "
        f"asked for with {clock(whole)}: it would never begin. Nothing was sent. Ask for longer blocks with "
        "compute={'walltime': …}, give it less with ai.Resources(walltime=…), or let the simulation yield checkpoints."
    )
