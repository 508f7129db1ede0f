"""Which parameter drives the surrogate, where it goes from here, and what would come next: all of it computed."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import known

from aisteer.errors import BadParameters, NotSupported
from aisteer.problem.parameters import Choice, Float, Int
from aisteer.problem.space import Space
from aisteer.steering.beliefs import belief, slices
from aisteer.steering.influence import influence
from aisteer.steering.next_in_line import next_if_rejected

pytest.importorskip("botorch")
from aisteer.steering.bayesian_box import BayesianBox

GOAL = {"kind": "maximize", "outcome": "yield", "unit": "g"}
MIXED = Space(
    heat=Float(300, 2000, unit="K"), share=Float(0, 1), cells=Int(1, 6), metal=Choice(["Cu", "Ni", "Ag"])
)


def truth(point):
    """Heat matters most, share half as much, the rest hardly."""
    return 4 * (point["heat"] - 300) / 1700 + 2 * point["share"] + 0.02 * (point["metal"] == "Ni")


@pytest.fixture(scope="module")
def mixed():
    points = MIXED.sample(60, 3)
    return BayesianBox(MIXED, GOAL, seed=1), known(points, [truth(p) for p in points])


def test_what_drives_the_outcome_is_found_with_its_share(mixed):
    told = influence(*mixed)
    first = dict(zip(told["names"], told["first"], strict=True))
    # The variance of a x over the unit interval is a²/12: 16 to 4.
    assert first["heat"] == pytest.approx(0.8, abs=0.05)
    assert first["share"] == pytest.approx(0.2, abs=0.05)
    assert max(first["cells"], first["metal"]) < 0.03
    assert np.all(told["total"] >= told["first"] - 0.03)
    assert np.all((told["first_low"] <= told["first"]) & (told["first"] <= told["first_high"]))
    assert told["spread"] == pytest.approx((20 / 12) ** 0.5, rel=0.05)
    assert told["doubt"] < 0.2 * told["spread"]
    assert np.isnan(told["scales"][3])
    assert told["scales"][0] < told["scales"][2]


def test_the_progress_of_what_takes_long_is_told_to_its_end(mixed):
    shares = []
    influence(*mixed, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 3


def test_a_map_may_be_of_any_two_parameters_and_the_others_stay_where_they_are_put(mixed):
    told = belief(*mixed, x="metal", y="heat", resolution=11, at={"share": 0.25, "cells": 2})
    assert told["x"].tolist() == ["Cu", "Ni", "Ag"]
    assert told["mean"].shape == (11, 3)
    assert told["at"] == {"share": 0.25, "cells": 2}
    assert told["mean"][-1, 0] == pytest.approx(4.5, abs=0.2)
    with pytest.raises(BadParameters, match="twice"):
        belief(*mixed, x="heat", y="heat", resolution=5, at={})
    with pytest.raises(BadParameters, match="outside"):
        belief(*mixed, x="heat", y="share", resolution=5, at={"cells": 9})


def test_slices_go_through_one_point_along_each_parameter(mixed):
    told = slices(*mixed, resolution=9, at={"share": 0.5})
    assert [one["names"] for one in told] == [["heat"], ["share"], ["cells"], ["metal"]]
    assert [len(one["x"]) for one in told] == [9, 9, 6, 3]
    assert told[0]["at"]["share"] == 0.5
    assert "share" not in told[1]["at"]


def test_a_proposal_says_what_a_step_of_one_length_scale_would_change(mixed):
    policy, evidence = mixed
    point = {"heat": 1000.0, "share": 0.5, "cells": 3, "metal": "Cu"}
    (told,) = policy.predict(evidence, [point])
    (reason,) = [r for r in told["reasons"] if r["kind"] == "sensitivity"]
    slopes = {s["name"]: s for s in reason["slopes"]}
    assert "metal" not in slopes
    assert slopes["heat"]["change"] == pytest.approx(4 * slopes["heat"]["share"], rel=0.1)
    assert slopes["share"]["change"] == pytest.approx(2 * slopes["share"]["share"], rel=0.1)
    assert reason["slopes"][0]["name"] in {"heat", "share"}


def test_what_would_come_next_is_what_the_policy_proposes_after_the_rejection():
    space = Space(x=Float(0, 1), y=Float(0, 1))
    policy = BayesianBox(space, GOAL, seed=2, initial=4)
    points = space.sample(12, 5)
    evidence = known(points, [-((p["x"] - 0.3) ** 2) - (p["y"] - 0.6) ** 2 for p in points])
    waiting = [dict(d.parameters) for d in policy.propose(evidence, 2).drafts]
    evidence = known(
        points,
        [d.outcomes["yield"][0] for d in evidence.data],
        waiting=tuple((f"P{i}", p) for i, p in enumerate(waiting)),
    )
    told = next_if_rejected(policy, evidence, "P0")
    assert told["kind"] == "next"
    assert told["parameters"] not in waiting
    refused = known(
        points,
        [d.outcomes["yield"][0] for d in evidence.data],
        waiting=(("P1", waiting[1]),),
        rejected=((waiting[0], 0),),
    )
    assert policy.propose(refused, 1).drafts[0].parameters == told["parameters"]
    assert next_if_rejected(policy, evidence, "P9")["parameters"] is None


def test_where_the_surrogate_says_the_same_everywhere_nothing_drives_it():
    space = Space(x=Float(0, 1))
    evidence = known([{"x": 0.1}, {"x": 0.5}, {"x": 0.9}], [1.0, 1.0, 1.0])
    with pytest.raises(NotSupported, match="same everywhere"):
        influence(BayesianBox(space, GOAL), evidence)
