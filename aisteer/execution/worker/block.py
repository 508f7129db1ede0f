"""When the block ends in which this worker lives: a batch job with a walltime."""

from __future__ import annotations

import os
from typing import Any

from .files import Json

_SAYS = ("AISTEER_BLOCK_ENDS", "SLURM_JOB_END_TIME", "COBALT_ENDTIME")


def ends(request: Json | None = None) -> float | None:
    """Unix time at which it ends, the earliest that is told; None where nobody tells.

    Args:
        request: A request whose ``deadline`` counts as well.
    """
    found = [(request or {}).get("deadline"), *(os.environ.get(name) for name in _SAYS)]
    return min((t for t in map(_number, found) if t), default=None)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
