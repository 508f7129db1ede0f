"""Runs that failed teach where runs fail; that weighs what is proposed, and rules nothing out for good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scenes import SQUARE, Campaign, known

from aisteer.journal.events import Actor
from aisteer.journal.state import Proposal
from aisteer.problem.parameters import Choice, Float
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.autonomy import Context, judge
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.bayesian_pool import BayesianPool
from aisteer.steering.domains import Box
from aisteer.steering.evidence import evidence
from aisteer.steering.failure_risk import Failures, Risked
from aisteer.steering.rules import Accept, Ask

MAXIMIZE = {"kind": "maximize", "outcome": "yield", "unit": "g"}


def told(points, broke, values=None):
    """Evidence of runs of which some failed."""
    good = [p for p, b in zip(points, broke, strict=True) if not b]
    made = known(good, [0.0] * len(good) if values is None else [values(p) for p in good])
    broken = tuple((f"F{i}", p) for i, (p, b) in enumerate(zip(points, broke, strict=True)) if b)
    return replace(made, broken=broken, failed=tuple(p for _, p in broken))


def test_without_a_failure_nothing_is_said():
    assert Failures(Box(SQUARE)).risk(told(SQUARE.sample(10, 0), [False] * 10)) is None


def test_only_failures_of_the_simulation_teach_and_not_those_marked_bad():
    campaign = Campaign()
    campaign.run(1.0, x=0.1, y=0.1)
    broke = campaign.run(how="failed", x=0.9, y=0.9)
    campaign.run(how="lost", x=0.5, y=0.5)
    seen = evidence(campaign.state, "main")
    assert seen.broken == ((broke, {"x": 0.9, "y": 0.9}),)
    assert len(seen.failed) == 2
    assert evidence(campaign.again(), "main").broken == seen.broken


def test_the_risk_is_high_where_runs_failed_and_says_which():
    points = SQUARE.sample(40, 0)
    risk = Failures(Box(SQUARE)).risk(told(points, [p["x"] > 0.7 for p in points]))
    assert risk is not None
    inside, outside = risk.at(np.array([[0.9, 0.5], [0.2, 0.5]]))
    assert inside > 0.7
    assert outside < 0.1
    reason = risk.reason(np.array([0.9, 0.5]))
    assert reason["failed"] == reason["of"] == 4
    assert all(run.startswith("F") for run in reason["runs"])
    assert reason["words"].startswith(f"Risk of failing {inside:.0%}: 4 of the 4 nearest runs failed")


def test_a_parameter_that_has_nothing_to_do_with_it_is_found_out():
    points = SQUARE.sample(80, 1)
    risk = Failures(Box(SQUARE)).risk(told(points, [p["x"] > 0.7 for p in points]))
    assert risk is not None
    assert risk.reach[1] > 1.5 * risk.reach[0]


def test_a_choice_that_fails_is_told_from_one_that_does_not():
    space = Space(x=Float(0, 1), solvent=Choice(["a", "b", "c"]))
    points = space.sample(40, 0)
    risk = Failures(Box(space)).risk(told(points, [p["solvent"] == "b" for p in points]))
    assert risk is not None
    bad, good = risk.at(space.encode([{"x": 0.5, "solvent": "b"}, {"x": 0.5, "solvent": "a"}]))
    assert bad > 0.6
    assert good < 0.2


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_what_is_said_to_fail_with_some_probability_fails_about_as_often(noise):
    apart, gained = [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        edge = rng.uniform(0.2, 0.8)
        points = SQUARE.sample(160, seed)
        fails = [(p["x"] > edge) != (rng.random() < noise) for p in points]
        risk = Failures(Box(SQUARE)).risk(told(points[:60], fails[:60]))
        assert risk is not None
        said, came = risk.at(SQUARE.encode(points[60:])), np.array(fails[60:], dtype=float)
        assert (said > 0).all()
        assert (said < 1).all()
        share = np.mean(fails[:60])
        apart.append(said.mean() - came.mean())
        gained.append(np.log(np.where(came > 0, said / share, (1 - said) / (1 - share))).mean())
    assert abs(np.mean(apart)) < 0.05
    assert np.mean(gained) > 0, "no better than the share of all that failed"


def test_the_acquisition_is_lessened_by_the_chance_that_the_run_ends_and_can_be_climbed():
    points = SQUARE.sample(30, 0)
    risk = Failures(Box(SQUARE)).risk(told(points, [p["x"] > 0.7 for p in points]))
    assert risk is not None
    x = torch.rand(7, 2, dtype=torch.float64, requires_grad=True)
    weighed = Risked(lambda x: x.new_zeros(len(x)), risk)(x)
    np.testing.assert_allclose(weighed.detach().numpy(), risk.log_success(x.detach().numpy()), atol=1e-12)
    (slope,) = torch.autograd.grad(weighed.sum(), x)
    assert torch.isfinite(slope).all()


def test_many_failures_at_a_point_never_rule_it_out():
    points = [{"x": 0.5, "y": 0.5}] * 50 + [{"x": 0.1, "y": 0.1}]
    risk = Failures(Box(SQUARE)).risk(told(points, [True] * 50 + [False]))
    assert risk is not None
    assert float(risk.log_success(np.array([[0.5, 0.5]]))[0]) > -15


def test_a_proposal_says_its_risk_and_keeps_away_from_it():
    points = SQUARE.sample(24, 2)
    seen = told(points, [p["x"] > 0.6 for p in points], values=lambda p: p["x"] + 0.01 * p["y"])
    policy = BayesianBox(SQUARE, MAXIMIZE, seed=0)
    (draft,) = policy.propose(seen, 1).drafts
    (reason,) = [r for r in draft.reasons if r["kind"] == "failure_risk"]
    heedless = BayesianBox(SQUARE, MAXIMIZE, seed=0).propose(replace(seen, broken=(), failed=()), 1).drafts[0]
    assert heedless.parameters["x"] > 0.9
    assert draft.parameters["x"] < heedless.parameters["x"]
    assert 0 < reason["probability"] < 0.9
    assert not [r for r in heedless.reasons if r["kind"] == "failure_risk"]
    assert draft.rank is not None
    assert draft.rank <= 10


def test_candidates_of_a_pool_that_resemble_failed_ones_are_put_off():
    table = {
        "key": [f"m{i}" for i in range(60)],
        "a": [i / 60 for i in range(60)],
    }
    pool = Pool(table, key="key", features=["a"])
    points = [{"key": f"m{i}"} for i in range(0, 60, 3)]
    worth = lambda p: int(p["key"][1:]) / 60  # noqa: E731
    seen = told(points, [worth(p) > 0.7 for p in points], values=worth)
    (draft,) = BayesianPool(pool, MAXIMIZE).propose(seen, 1).drafts
    (reason,) = [r for r in draft.reasons if r["kind"] == "failure_risk"]
    (heedless,) = BayesianPool(pool, MAXIMIZE).propose(replace(seen, broken=()), 1).drafts
    assert worth(draft.parameters) < worth(heedless.parameters)
    assert reason["of"] == 4
    assert draft.rank is not None
    assert draft.rank <= 5


def test_rules_can_ask_where_a_run_is_likely_to_fail():
    points = SQUARE.sample(24, 2)
    seen = told(points, [p["x"] > 0.6 for p in points], values=lambda p: p["x"])
    policy = BayesianBox(SQUARE, MAXIMIZE, seed=0)
    low, high = (policy.predict(seen, [{"x": x, "y": 0.5}])[0]["reasons"] for x in (0.1, 0.95))
    rule = (Ask(when="risk > 0.5") | Accept()).to_json()
    for reasons, verdict in ((low, "accept"), (high, "ask"), ([], "ask")):
        made = Proposal("P1", "main", {}, "ai", Actor("ai", "bayesian"), 0.0, 1, reasons=tuple(reasons))
        assert judge(rule, made, Context(now=0.0)).verdict == verdict


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_an_optimum_at_the_edge_of_a_region_that_fails_is_found(seed):
    """The outcome grows up to x = 0.62, beyond which everything fails: nothing draws a search to failures more."""

    def worth(p):
        return p["x"] - 4 * (p["y"] - 0.4) ** 2

    def searched(*, heeds):
        points: list[dict] = []
        policy = BayesianBox(SQUARE, MAXIMIZE, seed=seed)
        for _ in range(40):
            seen = told(points, [p["x"] > 0.62 for p in points], values=worth)
            points.append(policy.propose(seen if heeds else replace(seen, broken=()), 1).drafts[0].parameters)
        good = [worth(p) for p in points if p["x"] <= 0.62]
        return 0.62 - max(good), sum(p["x"] > 0.62 for p in points)

    regret, failures = searched(heeds=True)
    heedless, more = searched(heeds=False)
    assert regret < 0.02
    assert regret < heedless
    assert failures < more
