"""What the surrogate expects of points that nobody has proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aisteer.campaign.data import columns_of, points_of
from aisteer.campaign.proposing import is_table
from aisteer.errors import BadParameters
from aisteer.problem.frames import data_frame
from aisteer.problem.naming import did_you_mean
from aisteer.problem.pool import Pool
from aisteer.problem.surrogate_names import surrogates_of

if TYPE_CHECKING:
    import pandas as pd

    from aisteer.campaign.campaign import Campaign

__all__ = ["predict"]


def predict(
    campaign: Campaign, points: Any, parameters: Mapping[str, Any], task: str | None, surrogate: str | None
) -> pd.DataFrame:
    """See ``Campaign.predict``."""
    from aisteer.steering.beliefs import believed
    from aisteer.steering.evidence import evidence
    from aisteer.steering.policies import policy

    name = campaign.task_named(task)
    space = campaign.space(name)
    if is_table(points):
        if parameters:
            raise BadParameters("Give a table of points, or one point by name: not both.")
        asked = points_of(space, columns_of(points))
    else:
        if points is not None and not isinstance(space, Pool):
            raise BadParameters(
                "Only a pool's candidates have a key; give values by name, or a DataFrame of points."
            )
        key = {space.key: points} if points is not None and isinstance(space, Pool) else {}
        asked = [space.validate({**key, **parameters})]
    campaign.journal.refresh()
    with campaign.journal.lock:
        state = campaign.journal.state
        known, definition = evidence(state, name), state.definition["tasks"][name]
    if surrogate is not None:
        there = surrogates_of(definition)
        if surrogate not in there:
            raise BadParameters(
                f"There is no surrogate {surrogate!r:.60} ({', '.join(there)}).{did_you_mean(str(surrogate), there)}"
            )
        known = replace(known, steering={**known.steering, "surrogate": surrogate})
    belief, domain = believed(policy(definition, space, folder=campaign.code_folder), known)
    x = domain.encode(asked)
    columns: dict[str, Any] = {}
    for outcome, one in belief.known.items():
        mean, std = one.predict(x)
        columns |= {f"{outcome} predicted": mean, f"{outcome} std": std}
        columns[f"{outcome} std measured"] = np.hypot(std, one.run_noise)
    found = data_frame(columns)
    if isinstance(points, type(found)):
        found.index = points.index
    return found
