"""Who proposes for a task: its policy as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.naming import did_you_mean
from aisteer.problem.surrogate_names import reference_to

__all__ = ["policy_json"]

Json = dict[str, Any]
_MANUAL = "manual"
"""The policy of a task for which only humans propose."""


def policy_json(policy: Any, initial: int | None = None) -> Json:
    """A policy's name and options as data.

    Raises:
        BadDefinition: There is no such policy.
    """
    from aisteer.steering.foreign_generators import ForeignMind
    from aisteer.steering.policies import GENERATOR, POLICIES

    if isinstance(policy, ForeignMind):
        policy = policy.to_json()
    data: Any = {"name": policy} if isinstance(policy, str) else policy
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
        raise BadDefinition(
            f"A policy is given by its name, or as {{'name': …, 'options': …}}, not {policy!r:.100}. "
            "What it is has to stand in the journal. A mind of somebody else's is given as ai.generator(…)."
        )
    name, options = data["name"], dict(data.get("options") or {})
    known = (*POLICIES, _MANUAL)
    if name not in {*known, GENERATOR}:
        raise BadDefinition(
            f"There is no policy {name!r}. Choose one of {', '.join(known)}.{did_you_mean(name, known)}"
        )
    if initial is not None:
        options["initial"] = initial
    if "surrogate" in options:
        options["surrogate"] = reference_to(options["surrogate"])
    return {"name": name, "options": options}
