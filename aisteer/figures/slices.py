"""The surrogate along each parameter, all through one point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aisteer.errors import NotSupported, UnknownName
from aisteer.figures.source import Source
from aisteer.figures.spec import Panel
from aisteer.figures.surrogate import ALONG, slice_of

__all__ = ["slices"]

MOST = 24


def slices(
    source: Source, *, at: Mapping[str, Any] | None = None, outcome: str | None = None
) -> tuple[list[Panel], list[str], list[str]]:
    """Mean and 95 % band along each parameter, the others held.

    Args:
        source: The campaign.
        at: The point; where a parameter is not given, the best run's.
        outcome: Which one, where the surrogate speaks of several; the objective's if not given.

    Raises:
        UnknownName: The space is a pool, or has no such parameter.
    """
    if not source.parameters:
        raise UnknownName(
            "A pool has candidates, not parameters that one could slice along. Nothing was drawn."
        )
    from aisteer.steering.beliefs import slices as along
    from aisteer.steering.policies import policy

    mind = policy(source.definition, source.campaign.space(source.task), folder=source.code_folder)
    try:
        known = along(mind, source.evidence, resolution=ALONG, at=dict(at or {}))
    except NotSupported as error:
        axis = source.parameter_axis(source.parameters[0])
        return [Panel(axis, source.axis, note=str(error))], [source.task], []
    known = [source.about(one, outcome) for one in known]
    panels = [slice_of(source, mind, source.parameter_axis(one["names"][0]), one) for one in known[:MOST]]
    return panels, [source.task], list(source.outcomes().names)
