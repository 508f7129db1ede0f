from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aisteer.errors import BadDefinition
from aisteer.problem.parameters import Choice, Float
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence
from aisteer.surrogates.deep_ensemble import LEAST
from aisteer.surrogates.members import MembersProcess

SPACE = Space(x=Float(0, 2), y=Float(0, 1), kind=Choice(["plain", "good"]))
DEFINITION: dict[str, Any] = {
    "objective": {"kind": "maximize", "outcome": "gain"},
    "policy": {"name": "bayesian", "options": {"surrogate": "deep ensemble"}},
    "seed": 3,
}


def gain(point: dict[str, Any]) -> float:
    best = -((point["x"] - 1.3) ** 2) - (point["y"] - 0.4) ** 2
    return float(best + (0.5 if point["kind"] == "good" else 0.0))


def known(n: int, **more: Any) -> Evidence:
    points = SPACE.sample(n, np.random.default_rng(0))
    data = tuple(Datum(f"R{i}", p, {"gain": (gain(p), 0.0)}) for i, p in enumerate(points))
    return Evidence("main", DEFINITION, data=data, **more)


def reasons(draft: Any, kind: str) -> list[dict[str, Any]]:
    return [reason for reason in draft.reasons if reason["kind"] == kind]


def test_a_box_is_searched_by_a_deep_ensemble_where_the_definition_says_so():
    evidence = known(40)
    ai = policy(DEFINITION, SPACE)
    batch = ai.propose(evidence, 3)
    assert batch.summary["kernel"] == "deep ensemble"
    assert "members that were not trained on it" in batch.summary["skill"]["words"]
    assert batch.summary["calibration"]["of"] == 0
    assert len({tuple(draft.parameters.values()) for draft in batch.drafts}) == 3
    first = batch.drafts[0]
    assert first.predicted["gain"][1] > 0
    assert {"acquisition", "improvement", "nearest", "distance", "calibration", "sensitivity"} <= {
        reason["kind"] for reason in first.reasons
    }
    assert np.mean([gain(draft.parameters) for draft in batch.drafts]) > 0.2
    again = policy(DEFINITION, SPACE).propose(evidence, 3)
    assert [d.parameters for d in again.drafts] == [d.parameters for d in batch.drafts]


def test_with_too_few_outcomes_the_gaussian_process_stands_in_and_says_so():
    batch = policy(DEFINITION, SPACE).propose(known(LEAST - 5), 1)
    assert batch.summary["kernel"] == "Matérn 5/2"
    assert f"at {LEAST} different points at least and there are {LEAST - 5}" in batch.summary["words"]
    assert any("Gaussian process is used meanwhile" in r["words"] for r in reasons(batch.drafts[0], "fit"))


def test_another_surrogate_can_be_asked_for_while_it_runs():
    ai = policy({**DEFINITION, "policy": {"name": "bayesian"}}, SPACE)
    before = ai.propose(known(40), 1).summary
    steered = ai.propose(known(40, steering={"surrogate": "deep ensemble"}), 1).summary
    assert (before["kernel"], steered["kernel"]) == ("Matérn 5/2", "deep ensemble")
    assert before["data"] != steered["data"]
    assert isinstance(
        ai.fitter.belief(known(40, steering={"surrogate": "deep ensemble"})).process, MembersProcess
    )


def test_a_pool_is_screened_by_a_deep_ensemble():
    rng = np.random.default_rng(1)
    features = rng.random((150, 3))
    columns = {"name": [f"c{i}" for i in range(150)], **dict(zip("abc", features.T.tolist(), strict=True))}
    pool = Pool(columns, key="name", features=["a", "b", "c"])
    value = np.sin(4 * features[:, 0]) + features[:, 1]
    data = tuple(Datum(f"R{i}", pool.point(f"c{i}"), {"gain": (float(value[i]), 0.0)}) for i in range(60))
    batch = policy(DEFINITION, pool).propose(Evidence("main", DEFINITION, data=data), 4)
    chosen = [int(draft.parameters["name"][1:]) for draft in batch.drafts]
    assert batch.summary["kernel"] == "deep ensemble"
    assert len(set(chosen)) == 4
    assert min(chosen) >= 60
    assert value[chosen].mean() > np.quantile(value[60:], 0.8)


@pytest.mark.parametrize(
    "goal", ["target", *(pytest.param(g, marks=pytest.mark.full) for g in ("level_set", "learn"))]
)
def test_other_goals_are_searched_too(goal: str):
    extra = {"target": {"value": 0.2}, "level_set": {"threshold": 0.0}, "learn": {}}[goal]
    definition = {**DEFINITION, "objective": {"kind": goal, "outcome": "gain", **extra}}
    evidence = Evidence("main", definition, data=known(30).data)
    batch = policy(definition, SPACE).propose(evidence, 2)
    assert batch.summary["kernel"] == "deep ensemble"
    assert len(batch.drafts) == 2


def test_a_surrogate_that_does_not_exist_is_refused_by_name():
    options = {"surrogate": "crystal ball"}
    with pytest.raises(BadDefinition, match="Choose one of gaussian process, deep ensemble"):
        policy({**DEFINITION, "policy": {"name": "bayesian", "options": options}}, SPACE)
