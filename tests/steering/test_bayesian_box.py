from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from aisteer.errors import BadDefinition, BadParameters, NotSupported
from aisteer.problem.parameters import Choice, Float, Int
from aisteer.problem.space import Space
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.beliefs import belief
from aisteer.steering.improvement import expected_improvement, log_expected_improvement
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence
from aisteer.steering.random_arm import RandomArm
from tests.steering.scenes import SQUARE, known, task

MAXIMIZE = {"kind": "maximize", "outcome": "yield", "unit": "g"}
MIXED = Space(
    t=Float(1, 1000, log=True),
    n=Int(1, 9),
    c=Choice(["a", "b", "c"]),
    x=Float(0, 10),
    constraints=["x + n <= 12", "2*x - n >= -4"],
)


def hill(point: dict) -> float:
    return 10 - 40 * (point["x"] - 0.3) ** 2 - 40 * (point["y"] - 0.7) ** 2


def spread(n: int, seed: int = 0) -> list[dict]:
    return SQUARE.sample(n, seed)


def seen(n: int = 12, **more) -> Evidence:
    points = spread(n)
    return known(points, [hill(p) for p in points], **more)


def mixed(n: int = 14) -> Evidence:
    points = MIXED.sample(n, 0)
    values = [np.log(p["t"]) - 0.3 * (p["n"] - 4) ** 2 + (p["c"] == "b") + 0.1 * p["x"] for p in points]
    return known(points, values)


def parameters(batch) -> list[dict]:
    return [draft.parameters for draft in batch.drafts]


def test_the_first_points_keep_away_from_what_is_known_from_elsewhere():
    mind = BayesianBox(SQUARE, MAXIMIZE, seed=3)
    alone = parameters(mind.propose(known([], []), 6))
    near = [{"x": p["x"] + 0.01, "y": p["y"]} for p in alone[:3] if p["x"] < 0.9]
    told = known(near, [hill(p) for p in near])
    prior = replace(told, data=tuple(replace(d, origin="prior") for d in told.data))
    again = parameters(BayesianBox(SQUARE, MAXIMIZE, seed=3).propose(prior, 3))
    for point in again:
        assert min(np.hypot(point["x"] - p["x"], point["y"] - p["y"]) for p in near) > 0.2
    # Runs of the campaign itself are of the sequence, which goes on.
    assert (
        parameters(BayesianBox(SQUARE, MAXIMIZE, seed=3).propose(known(alone[:3], [1.0, 2.0, 3.0]), 3))
        == alone[3:]
    )


def test_prior_data_of_an_earlier_space_are_no_hindrance():
    rows = [Datum("D1", {"x": 0.2, "y": 0.2}, {"yield": (1.0, 0.0)}, origin="prior")]
    rows.append(replace(rows[0], run="D2", parameters={"x": 0.2}))
    mind = BayesianBox(SQUARE, MAXIMIZE, seed=3)
    points = parameters(mind.propose(replace(known([], []), data=tuple(rows)), 3))
    assert len(points) == 3
    assert not mind.faults


def test_expected_improvement_is_the_sum_of_what_it_exploits_and_explores():
    mean, std = np.array([0.0, 1.0, 3.0]), np.array([1.0, 0.5, 0.1])
    exploit, explore = expected_improvement(mean, std, 1.0)
    draws = np.random.default_rng(0).normal(size=(200_000, 3)) * std + mean
    np.testing.assert_allclose(exploit + explore, np.maximum(draws - 1.0, 0).mean(0), atol=5e-3)
    z = (mean - 1.0) / std
    np.testing.assert_allclose(explore, std * norm.pdf(z))


def test_its_logarithm_goes_on_where_it_underflows():
    z = np.array([5.0, 0.0, -1.0, -5.0, -20.0])
    exploit, explore = expected_improvement(z, np.ones(5), 0.0)
    found = log_expected_improvement(z, np.ones(5), 0.0)
    np.testing.assert_allclose(found[:4], np.log((exploit + explore)[:4]), rtol=1e-6)
    far = log_expected_improvement(np.linspace(-2000, 3, 5000), np.ones(5000), 0.0)
    assert np.isfinite(far).all()
    assert (np.diff(far) > 0).all()
    assert far[0] == pytest.approx(-0.5 * 2000**2, rel=1e-4)


def test_the_first_points_are_spread_within_the_constraints_and_seeded():
    first = parameters(BayesianBox(MIXED, MAXIMIZE, seed=1).propose(Evidence("main", task(MIXED)), 10))
    again = parameters(BayesianBox(MIXED, MAXIMIZE, seed=1).propose(Evidence("main", task(MIXED)), 10))
    other = parameters(BayesianBox(MIXED, MAXIMIZE, seed=2).propose(Evidence("main", task(MIXED)), 10))
    assert first == again != other
    assert all(MIXED.validate(point) == point for point in first)
    assert len({tuple(p.values()) for p in first}) == 10


def test_first_points_that_were_proposed_are_not_proposed_again():
    ai = BayesianBox(SQUARE, MAXIMIZE)
    nothing = Evidence("main", task())
    first = parameters(ai.propose(nothing, 3))
    more = parameters(ai.propose(replace(nothing, pending=tuple(first)), 3))
    assert not any(point in first for point in more)


def test_it_goes_where_the_best_is():
    (draft,) = BayesianBox(SQUARE, MAXIMIZE).propose(seen(), 1).drafts
    assert abs(draft.parameters["x"] - 0.3) < 0.12
    assert abs(draft.parameters["y"] - 0.7) < 0.12


def test_it_finds_a_minimum_of_branin_with_some_runs_always_under_way():
    def branin(point: dict) -> float:
        x, y = 15 * point["x"] - 5, 15 * point["y"]
        valley = (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2
        return valley + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10

    ai, ended, under_way = BayesianBox(SQUARE, {**MAXIMIZE, "kind": "minimize"}), [], []
    while len(ended) < 24:
        told = known(ended, [branin(p) for p in ended], pending=tuple(under_way))
        under_way += parameters(ai.propose(told, 4 - len(under_way)))
        ended, under_way = [*ended, *under_way[:2]], under_way[2:]
    assert min(branin(p) for p in ended) < 0.397887 + 0.3


def test_minimising_is_maximising_the_opposite():
    points = spread(12)
    minimize = {**MAXIMIZE, "kind": "minimize"}
    (up,) = BayesianBox(SQUARE, MAXIMIZE).propose(seen(), 1).drafts
    (down,) = BayesianBox(SQUARE, minimize).propose(known(points, [-hill(p) for p in points]), 1).drafts
    assert up.parameters == down.parameters
    mean, std = up.predicted["yield"]
    assert down.predicted["yield"] == [-mean, std]
    assert up.acquisition == down.acquisition


def test_the_same_evidence_gives_the_same_proposals_after_a_restart():
    told = seen(pending=({"x": 0.3, "y": 0.7},))
    assert BayesianBox(SQUARE, MAXIMIZE).propose(told, 2) == BayesianBox(SQUARE, MAXIMIZE).propose(told, 2)


@pytest.mark.parametrize("seed", range(4))
def test_noise_does_not_make_proposals_differ_between_two_looks(seed: int):
    points = spread(25, seed)
    noise = np.random.default_rng(seed).normal(size=25)
    told = known(points, [hill(p) + float(e) for p, e in zip(points, noise, strict=True)])
    first, second = (BayesianBox(SQUARE, MAXIMIZE).propose(told, 2) for _ in range(2))
    assert first == second


def test_a_batch_is_of_different_points_within_the_constraints():
    batch = BayesianBox(MIXED, MAXIMIZE, initial=4).propose(mixed(), 4)
    points = parameters(batch)
    assert all(MIXED.validate(point) == point for point in points)
    assert len({tuple(p.values()) for p in points}) == 4


def test_what_is_under_way_is_not_proposed_again_and_moves_the_others_away():
    (alone,) = BayesianBox(SQUARE, MAXIMIZE).propose(seen(), 1).drafts
    (beside,) = BayesianBox(SQUARE, MAXIMIZE).propose(seen(pending=(alone.parameters,)), 1).drafts
    gap = [abs(alone.parameters[k] - beside.parameters[k]) for k in ("x", "y")]
    assert max(gap) > 0.01


def test_a_rejection_keeps_proposals_away_and_fades():
    (first,) = BayesianBox(SQUARE, MAXIMIZE).propose(seen(), 1).drafts

    def distance(since: int) -> float:
        told = seen(rejected=((first.parameters, since),))
        (draft,) = BayesianBox(SQUARE, MAXIMIZE).propose(told, 1).drafts
        return float(np.hypot(*(draft.parameters[k] - first.parameters[k] for k in ("x", "y"))))

    assert distance(0) > 0.05
    assert distance(500) < 0.02


def test_a_first_point_that_was_rejected_comes_again_only_when_there_are_no_others():
    def asked(space: Space, *rejected: dict, n: int = 1) -> list[dict]:
        told = replace(known([], []), rejected=tuple((p, 500) for p in rejected))
        return parameters(BayesianBox(space, MAXIMIZE).propose(told, n))

    refused: list[dict] = []
    for _ in range(6):
        (point,) = asked(SQUARE, *refused)
        assert point not in refused
        refused.append(point)
    few = Space(n=Int(1, 2))
    assert asked(few, {"n": 1}) == [{"n": 2}]
    assert asked(few, {"n": 1}, n=2) == [{"n": 2}, {"n": 1}]


def test_a_box_without_real_numbers_is_searched_to_its_end():
    space = Space(n=Int(1, 3), c=Choice(["a", "b"]))
    every = space.sample(200, 0)
    distinct = [dict(t) for t in sorted({tuple(sorted(p.items())) for p in every}, key=str)]
    told = known(distinct[:4], [float(p["n"]) for p in distinct[:4]])
    points = parameters(BayesianBox(space, MAXIMIZE, initial=2).propose(told, 10))
    left = [p for p in distinct if p not in distinct[:4]]
    assert sorted(map(str, (sorted(p.items()) for p in points))) == sorted(
        map(str, (sorted(p.items()) for p in left))
    )


def test_a_proposal_says_what_it_is_made_of():
    (draft,) = BayesianBox(SQUARE, MAXIMIZE).propose(seen(error=0.1), 1).drafts
    reasons = {reason["kind"]: reason for reason in draft.reasons}
    mean, std = draft.predicted["yield"]
    gain = reasons["acquisition"]
    assert gain["exploit"] + gain["explore"] == pytest.approx(draft.acquisition)
    z = (mean - reasons["improvement"]["best"]) / std
    assert gain["explore"] == pytest.approx(std * norm.pdf(z), rel=1e-6)
    assert 1 <= draft.rank <= draft.of == 513
    nearest = reasons["nearest"]["runs"]
    assert [run["distance"] for run in nearest] == sorted(run["distance"] for run in nearest)
    first = nearest[0]
    offset = [draft.parameters[k] - first["parameters"][k] for k in ("x", "y")]
    assert first["distance"] == pytest.approx(np.hypot(*offset) / np.sqrt(2))
    assert first["value"] == hill(first["parameters"])
    assert first["standard_error"] == 0.1
    assert reasons["distance"]["length_scales"] > 0
    assert "untested" in reasons["calibration"]["words"]
    assert "noise" not in reasons


def test_a_grade_at_its_end_is_said_in_words():
    space = Space(x=Float(0, 1), grade=Choice(["low", "fair", "pure"], ordered=True))
    points = space.sample(10, 0)
    told = known(points, [p["x"] + (p["grade"] == "pure") for p in points])
    (found,) = BayesianBox(space, MAXIMIZE).predict(told, [{"x": 0.5, "grade": "pure"}])
    (region,) = (r for r in found["reasons"] if r["kind"] == "region")
    assert region["words"].startswith("grade = pure is at its upper bound")


def test_a_humans_point_is_predicted_and_ranked_the_same_way():
    ai = BayesianBox(SQUARE, MAXIMIZE)
    (draft,) = ai.propose(seen(), 1).drafts
    good, poor = ai.predict(seen(), [draft.parameters, {"x": 1.0, "y": 0.0}])
    assert good["predicted"]["yield"] == pytest.approx(draft.predicted["yield"])
    assert good["acquisition"] == pytest.approx(draft.acquisition)
    assert good["rank"] == draft.rank
    assert poor["rank"] > good["rank"]
    assert poor["predicted"]["yield"][0] < good["predicted"]["yield"][0]
    region = next(r for r in poor["reasons"] if r["kind"] == "region")
    assert region["edges"] == {"x": "upper", "y": "lower"}


def test_nothing_is_predicted_from_too_little():
    ai = BayesianBox(SQUARE, MAXIMIZE)
    (told,) = ai.predict(seen(2), [{"x": 0.5, "y": 0.5}])
    assert told["predicted"] == {}
    assert "3 outcomes" in told["reasons"][0]["words"]


def test_runs_outside_a_redefined_space_are_left_out_of_the_fit():
    space = Space(x=Float(0, 1), c=Choice(["a", "b"]))
    points = [{"x": i / 9, "c": "gone" if i == 4 else "a"} for i in range(10)]
    told = known(points, [float(i) for i in range(10)])
    summary = BayesianBox(space, MAXIMIZE).propose(told, 1).summary
    assert summary["best_run"] == "R10"


def test_predictions_made_before_runs_ended_are_held_against_their_outcomes():
    points = spread(12)
    told = known(points, [hill(p) for p in points])
    data = tuple(replace(d, predicted={"yield": [d.outcomes["yield"][0] + 5.0, 0.1]}) for d in told.data)
    wrong = BayesianBox(SQUARE, MAXIMIZE).propose(replace(told, data=data), 1).summary["calibration"]
    assert (wrong["inside"], wrong["of"], wrong["trusted"]) == (0, 12, False)


# --- beliefs ----------------------------------------------------------------------------------


def test_a_slice_goes_through_the_best_run():
    ai = BayesianBox(SQUARE, MAXIMIZE)
    shown = belief(ai, seen(), x="x", y=None, resolution=11, at={})
    best = next(d for d in seen().data if d.run == shown["best_run"]).parameters
    assert shown["at"] == {"y": best["y"]}
    assert shown["mean"].shape == shown["std"].shape == shown["x"].shape == (11,)
    (told,) = ai.predict(seen(), [{"x": float(shown["x"][3]), "y": best["y"]}])
    assert told["predicted"]["yield"] == pytest.approx([shown["mean"][3], shown["std"][3]])


def test_a_grid_has_its_axes_and_leaves_out_what_the_constraints_do():
    shown = belief(BayesianBox(MIXED, MAXIMIZE), mixed(), x="x", y="n", resolution=5, at={"c": "a"})
    assert shown["mean"].shape == (len(shown["y"]), 5)
    inside = [[x + n <= 12 and 2 * x - n >= -4 for x in shown["x"]] for n in shown["y"]]
    np.testing.assert_array_equal(np.isfinite(shown["mean"]), inside)


def test_beliefs_need_a_surrogate_and_a_parameter_that_exists():
    with pytest.raises(NotSupported, match="begins with 3"):
        belief(BayesianBox(SQUARE, MAXIMIZE), seen(1), x="x", y=None, resolution=5, at={})
    with pytest.raises(NotSupported, match="not steered by a surrogate"):
        belief(RandomArm(SQUARE, 0), seen(), x="x", y=None, resolution=5, at={})
    with pytest.raises(BadParameters, match="no parameter 'z'"):
        belief(BayesianBox(SQUARE, MAXIMIZE), seen(), x="z", y=None, resolution=5, at={})


# --- by name ----------------------------------------------------------------------------------


def test_policies_are_made_by_name():
    assert isinstance(policy(task(), SQUARE), BayesianBox)
    assert isinstance(policy(task(policy="random"), SQUARE), RandomArm)
    with pytest.raises(BadDefinition, match="no policy 'psychic'"):
        policy(task(policy="psychic"), SQUARE)
    with pytest.raises(BadDefinition, match="no option 'colour'"):
        policy({**task(), "policy": {"name": "bayesian", "options": {"colour": 1}}}, SQUARE)
