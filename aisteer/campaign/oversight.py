"""What the AI of a task is tested by, and when it proposes to stop a run or the campaign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aisteer.campaign.stated import whole
from aisteer.errors import BadDefinition
from aisteer.problem.goals import Goals
from aisteer.problem.naming import did_you_mean
from aisteer.problem.parameters import is_finite_number
from aisteer.steering.finishing import FINISH

__all__ = ["OVERSIGHT", "check_end", "oversight_json"]

Json = dict[str, Any]
OVERSIGHT = ("audit", "counterfactual", "finish", "early_stopping")
"""The keys of a task that say it."""
_OF_A_BEST = ("gain_below", "stagnation")
"""Rules of ``finish`` that look at the best run."""


def oversight_json(
    audit: object = 0.0, counterfactual: object = 0.0, finish: object = None, *, early_stopping: object = True
) -> Json:
    """What the AI is tested by and when it proposes the end, as data; what is not asked for is absent.

    Raises:
        BadDefinition: A share that is none, or no such rule.
    """
    found: Json = {}
    for name, share in (("audit", audit), ("counterfactual", counterfactual)):
        if not is_finite_number(share) or not 0 <= share <= 1:  # type: ignore[operator]
            raise BadDefinition(f"{name} is a share from 0 to 1, not {share!r:.100}.")
        if share:
            found[name] = float(share)  # type: ignore[arg-type]
    if early_stopping is not True:
        early_stopping = 0.0 if early_stopping is False else early_stopping
        if not is_finite_number(early_stopping) or not 0 <= early_stopping < 0.5:  # type: ignore[operator]
            raise BadDefinition(
                "early_stopping is the chance below which a stop is proposed, such as 0.02, or True or False; not "
                f"{early_stopping!r:.100}."
            )
        found["early_stopping"] = float(early_stopping)  # type: ignore[arg-type]
    rules = _finish_json(finish)
    return {**found, "finish": rules} if rules else found


def _finish_json(finish: object) -> Json:
    """When to propose the end, as data; empty for never.

    Raises:
        BadDefinition: There is no such rule, or it cannot have that value.
    """
    if finish is None:
        return {}
    if not isinstance(finish, Mapping):
        raise BadDefinition(f'finish takes rules such as {{"stagnation": 20}}, not {finish!r:.100}.')
    for name, value in finish.items():
        if name not in FINISH:
            near = did_you_mean(str(name), FINISH)
            raise BadDefinition(f"finish has no rule {name!r:.80} ({', '.join(FINISH)}).{near}")
        if name == "gain_below" and not (is_finite_number(value) and value > 0):
            raise BadDefinition(f"finish: gain_below must be a number above 0, not {value!r:.100}.")
        if name == "stagnation":
            whole("finish: stagnation", value, 1)
        if name in {"budget", "failing"} and not isinstance(value, bool):
            raise BadDefinition(f"finish: {name} must be True or False, not {value!r:.100}.")
    said = {name: value for name, value in finish.items() if (not value if name == "failing" else value)}
    return {name: float(value) if name == "gain_below" else value for name, value in said.items()}


def check_end(finish: Mapping[str, Any], goals: Goals) -> None:
    """Check that the rules for the end can ever hold.

    Raises:
        BadDefinition: One looks at the best run, and by these goals there is none.
    """
    named = [name for name in _OF_A_BEST if finish.get(name)]
    if named and not goals.has_best:
        raise BadDefinition(
            f"finish: {' and '.join(named)} would never hold, as no single run is the best where the goal is to "
            f'{goals.words}. Leave out {named[0]}; {{"budget": True}} can be asked of any goal.'
        )
