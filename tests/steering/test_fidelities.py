"""Several fidelities: what a run tells of the truth, what it costs, and what is said of both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from aisteer.problem.fidelity import Fidelity
from aisteer.problem.goals import Goals
from aisteer.problem.objective import Maximize
from aisteer.problem.parameters import Choice, Float
from aisteer.problem.space import Space
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.criteria.truth import TruthGain
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence
from aisteer.steering.random_arm import RandomArm
from tests.steering.scenes import SQUARE, task

MESHED = Space(x=Float(0, 1), y=Float(0, 1), mesh=Choice([10, 20, 80], ordered=True))
FIDELITY = Fidelity("mesh", MESHED.parameters["mesh"])
COSTS = {10: 0.1, 20: 0.3, 80: 2.0}
BEST = 1.0


def yielded(p: dict[str, Any]) -> float:
    short = {10: 0.3, 20: 0.1, 80: 0.0}[p["mesh"]]
    truth = BEST - 4 * (p["x"] - 0.62) ** 2 - 3 * (p["y"] - 0.27) ** 2
    return float(truth + short * (np.sin(3 * p["x"]) - p["y"]))


def ran(points: list[dict[str, Any]], **more: Any) -> Evidence:
    data = tuple(
        Datum(f"R{i + 1}", p, {"yield": (yielded(p), 0.0)}, cost=COSTS[p["mesh"]])
        for i, p in enumerate(points)
    )
    return Evidence("main", task(MESHED, fidelity="mesh"), data=data, **more)


@pytest.fixture(scope="module")
def points() -> list[dict[str, Any]]:
    """Fifteen runs, some at the truth."""
    return MESHED.sample(15, 4)


def searched(n: int) -> list[dict[str, Any]]:
    """A campaign of ``n`` runs, one at a time."""
    ai, found = policy(task(MESHED, fidelity="mesh"), MESHED), []
    while len(found) < n:
        found += [d.parameters for d in ai.propose(ran(found), 1).drafts]
    return found


@pytest.mark.full
def test_the_best_at_the_truth_is_found_for_less_than_runs_at_the_truth_would_cost():
    points = searched(26)
    ai = policy(task(MESHED, fidelity="mesh"), MESHED)
    batch = ai.propose(ran(points), 1)
    recommended = batch.summary["recommended"]
    assert recommended["parameters"]["mesh"] == 80
    assert yielded(recommended["parameters"]) > BEST - 0.02
    spent = sum(COSTS[p["mesh"]] for p in points)
    assert spent < 0.6 * COSTS[80] * len(points)
    assert {p["mesh"] for p in points[8:]} & {10, 20}
    best = next(r for r in batch.drafts[0].reasons if r["kind"] == "improvement")["best_run"]
    assert points[int(best[1:]) - 1]["mesh"] == 80


def test_a_proposal_names_its_fidelity_its_cost_and_what_it_brings_per_cost(points):
    (draft,) = policy(task(MESHED, fidelity="mesh"), MESHED).propose(ran(points[:12]), 1).drafts
    said = next(r for r in draft.reasons if r["kind"] == "fidelity")
    assert said["value"] == draft.parameters["mesh"]
    assert draft.cost == said["cost"] == pytest.approx(COSTS[said["value"]], rel=0.3)
    assert said["cost_at_truth"] == pytest.approx(2.0, rel=0.3)
    assert said["per_cost"] == pytest.approx(said["gain"] / said["cost"])
    assert said["per_cost"] >= 0.99 * said["per_cost_at_truth"]
    assert draft.acquisition == pytest.approx(said["per_cost"])
    assert "12 runs that ended" in said["words"]
    acquisition = next(r for r in draft.reasons if r["kind"] == "acquisition")
    assert acquisition["exploit"] + acquisition["explore"] == pytest.approx(acquisition["value"])
    recommended = next(r for r in draft.reasons if r["kind"] == "recommendation")
    assert recommended["words"].startswith("If nothing else ran")


def test_what_a_run_is_worth_is_the_knowledge_gradient_from_below(points):
    ai = BayesianBox(MESHED, Goals.read(Maximize("yield")), fidelity=FIDELITY)
    evidence = ran(points[:12])
    belief = ai.fitter.belief(evidence)
    spread = ai._spread(evidence)
    found = ai._criterion(evidence, belief)
    assert isinstance(found, TruthGain)
    x = MESHED.encode(MESHED.sample(12, 3))
    rivals, process = found.rivals(belief, spread), belief.process
    z = np.linspace(-9, 9, 20001)
    weights = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    gains, exact = found.gain(belief, x, spread).value, []
    for row in x:
        true = row.copy()
        true[2] = 1.0
        mean, covariance = process.joint(np.stack([*rivals, true, row]))
        spreads = covariance[:-1, -1] / np.sqrt(covariance[-1, -1] + process.noise**2)
        best = (mean[:-1, None] + spreads[:, None] * z).max(axis=0)
        exact.append(((best - mean[:-1].max()) * weights).sum())
    assert (gains <= np.array(exact) * 1.01 + 1e-9).all()
    assert (gains >= 0.5 * np.array(exact) - 1e-9).all()


def test_nothing_is_recommended_that_is_hardly_known_while_as_good_is_known_well():
    # The poor meshes promise most at x = 1, where the truth has not been run; it has been at x of 0.3.
    def rough(p: dict[str, Any]) -> float:
        return float(1 - (p["x"] - 0.3) ** 2 + (80 - p["mesh"]) / 70 * (2 * p["x"] ** 4 - p["y"]))

    known = [{"x": x, "y": y, "mesh": 80} for x in (0.1, 0.3, 0.5) for y in (0.2, 0.8)]
    poor = [{"x": x, "y": y, "mesh": 10} for x in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0) for y in (0.1, 0.5, 0.9)]
    data = tuple(Datum(f"R{i}", p, {"yield": (rough(p), 0.0)}, cost=1.0) for i, p in enumerate(known + poor))
    evidence = Evidence("main", task(MESHED, fidelity="mesh"), data=data)
    ai = BayesianBox(MESHED, Goals.read(Maximize("yield")), fidelity=FIDELITY)
    belief = ai.fitter.belief(evidence)
    spread = MESHED.encode([{**p, "mesh": 80} for p in MESHED.sample(400, 6)])
    mean, std = belief.first.predict(spread)
    found = ai.weighing.recommended(belief, evidence)
    assert found["mean"] - found["std"] >= (mean - std).max() - 1e-6
    assert found["parameters"]["mesh"] == 80
    assert found["words"].endswith("this one would be the best.")


def test_its_logarithm_has_the_slope_that_differences_say(points):
    ai = BayesianBox(MESHED, Goals.read(Maximize("yield")), fidelity=FIDELITY)
    evidence = ran(points[:12])
    belief = ai.fitter.belief(evidence)
    judged = ai._criterion(evidence, belief)
    sought = judged.sought(belief, MESHED.encode(points[12:13]), batch=2, spread=ai._spread(evidence), seed=1)
    sought.add(MESHED.encode(points[13:14]))
    x = torch.tensor(
        [[0.31, 0.52, 0.0], [0.6, 0.3, 0.5], [0.7, 0.1, 1.0]], dtype=torch.float64, requires_grad=True
    )
    (slopes,) = torch.autograd.grad(sought(x).sum(), x)
    with torch.no_grad():
        for column in range(2):
            step = torch.zeros_like(x)
            step[:, column] = 1e-6
            differences = (sought(x + step) - sought(x - step)) / 2e-6
            assert torch.allclose(slopes[:, column], differences, rtol=1e-3, atol=1e-4)


def test_a_point_under_way_is_worth_less(points):
    ai = BayesianBox(MESHED, Goals.read(Maximize("yield")), fidelity=FIDELITY)
    evidence = ran(points[:10])
    belief = ai.fitter.belief(evidence)
    judged, spread = ai._criterion(evidence, belief), ai._spread(evidence)
    here = MESHED.encode(points[12:13])
    free = judged.sought(belief, here[:0], batch=1, spread=spread, seed=1)
    busy = judged.sought(belief, here, batch=1, spread=spread, seed=1)
    assert busy(torch.as_tensor(here)) < free(torch.as_tensor(here)) - 0.5
    drafts = ai.propose(ran(points[:10], pending=tuple(points[12:14])), 3).drafts
    assert len({str(d.parameters) for d in drafts}) == 3


def test_a_pinned_fidelity_stays_and_another_acquisition_looks_at_the_truth(points):
    ai = policy(task(MESHED, fidelity="mesh"), MESHED)
    pinned = ran(points[:12], steering={"pinned": {"mesh": 20}})
    assert ai.propose(pinned, 1).drafts[0].parameters["mesh"] == 20
    for named in ("ucb", "thompson"):
        evidence = ran(points[:12], steering={"acquisition": named})
        assert [d.parameters["mesh"] for d in ai.propose(evidence, 2).drafts] == [80, 80]


def test_first_points_are_of_all_fidelities_and_random_ones_to_compare_with_at_the_truth():
    drafts = policy(task(MESHED, fidelity="mesh"), MESHED).propose(ran([]), 8).drafts
    assert {d.parameters["mesh"] for d in drafts} == {10, 20, 80}
    assert sum(d.parameters["mesh"] == 80 for d in drafts) == 2
    definition = task(MESHED, policy="random", fidelity="mesh")
    drawn = RandomArm(MESHED, 0).propose(replace(ran([]), definition=definition), 6).drafts
    assert {d.parameters["mesh"] for d in drawn} == {80}


def test_bounds_on_outcomes_are_asked_of_the_truth(points):
    definition = task(MESHED, fidelity="mesh", feasible=["risk <= 0.9"])
    data = tuple(
        replace(d, outcomes={**d.outcomes, "risk": (d.parameters["x"] + d.parameters["y"], 0.0)})
        for d in ran(points).data
    )
    evidence = Evidence("main", definition, data=data)
    batch = policy(definition, MESHED).propose(evidence, 1)
    found = batch.summary["recommended"]["parameters"]
    assert found["x"] + found["y"] < 0.93


def test_runs_whose_fidelity_is_no_longer_there_are_left_out(points):
    fewer = Space(x=Float(0, 1), y=Float(0, 1), mesh=Choice([20, 80], ordered=True))
    definition = task(fewer, fidelity="mesh")
    (draft,) = policy(definition, fewer).propose(replace(ran(points), definition=definition), 1).drafts
    assert draft.parameters["mesh"] in {20, 80}
    assert draft.cost > 0.1


# --- one fidelity, costs that differ over the space ---------------------------------------------


def dear(points: list[dict[str, Any]], **definition: Any) -> Evidence:
    data = tuple(
        Datum(f"R{i + 1}", p, {"yield": (float(np.sin(9 * p["x"])), 0.0)}, cost=float(np.exp(5 * p["x"])))
        for i, p in enumerate(points)
    )
    return Evidence("main", task(**definition), data=data)


def test_what_promises_the_same_is_run_where_it_is_cheap_only_when_that_is_asked_for():
    # The sine has two equal maxima in the box, at x of 0.17 and 0.87, where a run costs 33 times as much.
    points = [p for p in SQUARE.sample(40, 2) if not (0.1 < p["x"] < 0.25 or 0.8 < p["x"] < 0.95)][:14]
    aware = policy(task(cost_aware=True), SQUARE).propose(dear(points, cost_aware=True), 1).drafts[0]
    assert aware.parameters["x"] < 0.3
    assert aware.cost == pytest.approx(np.exp(5 * aware.parameters["x"]), rel=0.3)
    said = next(r for r in aware.reasons if r["kind"] == "cost")
    assert said["cost"] == aware.cost
    assert "per node-hour" in said["words"]
    assert "per node-hour" in next(r for r in aware.reasons if r["kind"] == "acquisition")["name"]
    plain = policy(task(), SQUARE).propose(dear(points), 1).drafts[0]
    assert plain.cost == 0.0
    assert "cost" not in {r["kind"] for r in plain.reasons}


def test_without_known_costs_nothing_is_weighed_and_that_is_said():
    points = SQUARE.sample(9, 2)
    free = replace(dear(points, cost_aware=True), data=tuple(replace(d, cost=0.0) for d in dear(points).data))
    (draft,) = policy(task(cost_aware=True), SQUARE).propose(free, 1).drafts
    assert draft.cost == 0.0
    assert "not weighed yet" in next(r for r in draft.reasons if r["kind"] == "cost")["words"]
