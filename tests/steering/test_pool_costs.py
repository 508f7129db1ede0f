"""Candidates of a pool that cost differently: a gain is divided by what a run is expected to cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aisteer.problem.fidelity import weighed_json
from aisteer.problem.goals import Goals
from aisteer.problem.pool import Pool
from aisteer.steering.costs import place_costs
from aisteer.steering.domains import Candidates
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence
from aisteer.surrogates.gaussian_process import Remembered

FEATURES = np.random.default_rng(3).random((160, 2))
POOL = Pool(
    {"name": [f"c{i}" for i in range(160)], "size": FEATURES[:, 0], "charge": FEATURES[:, 1]},
    key="name",
    features=["size", "charge"],
)
"""What a run yields depends on the charge, and what it costs on the size alone."""
NOISE = 0.3
"""So many candidates promise about as much."""


def cost(place: int) -> float:
    return float(0.1 * 100 ** FEATURES[place, 0])


def known(n: int, *, costs: bool = True, **more: Any) -> Evidence:
    drawn = np.random.default_rng(5).normal(size=n)

    def datum(i: int) -> Datum:
        value = float(np.sin(3 * FEATURES[i, 1]) + NOISE * drawn[i])
        return Datum(f"R{i}", POOL.point(f"c{i}"), {"yield": (value, NOISE)}, cost=cost(i) if costs else 0.0)

    return Evidence("main", definition(), data=tuple(datum(i) for i in range(n)), **more)


def definition(**more: Any) -> dict[str, Any]:
    return {"objective": {"kind": "maximize", "outcome": "yield"}, "cost_aware": True, "seed": 0, **more}


def places(batch: Any) -> list[int]:
    return [int(draft.parameters["name"][1:]) for draft in batch.drafts]


def test_of_candidates_that_promise_as_much_cheap_ones_come_first_and_say_what_they_cost():
    heedless = policy(definition(cost_aware=False), POOL).propose(known(30), 4)
    batch = policy(definition(), POOL).propose(known(30), 4)
    chosen = places(batch)
    assert len(set(chosen)) == 4
    assert min(chosen) >= 30
    assert np.mean([cost(i) for i in chosen]) < 0.3 * np.mean([cost(i) for i in places(heedless)])
    for place, draft in zip(chosen, batch.drafts, strict=True):
        assert draft.cost == pytest.approx(cost(place), rel=0.5)
        (reason,) = (r for r in draft.reasons if r["kind"] == "cost")
        assert "Proposals go by what a run promises per node-hour" in reason["words"]
        assert draft.reasons[0]["name"] == "expected improvement per node-hour"


def test_before_costs_are_known_and_by_a_bound_that_was_asked_for_they_are_not_weighed():
    early = policy(definition(), POOL).propose(known(30, costs=False), 2)
    assert places(early) == places(policy(definition(cost_aware=False), POOL).propose(known(30), 2))
    assert "begins with five runs" in next(r["words"] for r in early.drafts[0].reasons if r["kind"] == "cost")
    bound = policy(definition(), POOL).propose(known(30, steering={"acquisition": "ucb"}), 1)
    assert "not weighed by cost" in next(r["words"] for r in bound.drafts[0].reasons if r["kind"] == "cost")


def test_a_large_pool_is_priced_in_parts_that_say_the_same():
    domain, told = Candidates(POOL), known(30)
    costs = place_costs(told.data, domain, Remembered())
    many = np.repeat(domain.matrix, 8, axis=0)
    np.testing.assert_allclose(costs.at(many)[::8], costs.at(domain.matrix), rtol=1e-9)


def test_a_pool_may_weigh_costs_but_has_no_fidelity():
    goals = Goals.of(definition())
    assert weighed_json({"cost_aware": True, "cost": 0.5}, POOL, goals, ())["cost_aware"] is True
