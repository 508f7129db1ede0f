"""The rule by which a run stops itself: what it yields, compared with a number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.naming import did_you_mean

__all__ = ["stop_when_json"]

Json = dict[str, Any]
_RULE = re.compile(r"\s*([^\W\d]\w*)\s*([<>])\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*")


def stop_when_json(given: object, yielded: Sequence[str] | None) -> list[Json]:
    """The rules as the worker reads them.

    Args:
        given: ``"max_force_deviation > 0.5"``, or several, of which any stops the run.
        yielded: Names of what the simulation yields, where that is known.

    Raises:
        BadDefinition: One cannot be read, or compares what the simulation does not yield.
    """
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, Sequence) or not all(isinstance(rule, str) for rule in listed):
        raise BadDefinition(f'stop_when takes rules such as "energy > 0.5", not {given!r:.100}.')
    return [_rule(rule, yielded) for rule in listed]


def _rule(rule: str, yielded: Sequence[str] | None) -> Json:
    found = _RULE.fullmatch(rule)
    try:
        bound = float(found[3]) if found else math.nan
    except ValueError:
        bound = math.nan
    if found is None or not math.isfinite(bound):
        raise BadDefinition(
            f"stop_when: {rule!r:.100} compares nothing. Write what the simulation yields, > or <, and a number: "
            '"energy > 0.5".'
        )
    if yielded is not None and found[1] not in yielded:
        raise BadDefinition(
            f"stop_when names {found[1]!r}, which the simulation does not yield (it yields {', '.join(yielded)})."
            f"{did_you_mean(found[1], yielded)}"
        )
    return {"observation": found[1], "above" if found[2] == ">" else "below": bound}
