"""Proposals for each kind of goal: where they go, and what they say of themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aisteer.problem.goals import Goals
from aisteer.problem.objective import Learn, LevelSet, Maximize, Minimize, Target
from aisteer.problem.parameters import Float
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.bayesian_pool import BayesianPool
from aisteer.steering.beliefs import belief
from aisteer.steering.ledger import on_front
from aisteer.steering.mind import Mind
from aisteer.steering.pareto import hypervolume
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence
from tests.steering.scenes import SQUARE, Campaign, task


def outcomes(p: dict[str, Any]) -> dict[str, float]:
    return {
        "yield": np.sin(4 * p["x"]) + p["y"],
        "risk": p["x"] + p["y"],
        "cost": (p["x"] - 0.2) ** 2 + p["y"],
    }


def told(points: list[dict[str, Any]], **more: Any) -> Evidence:
    data = tuple(
        Datum(f"R{i + 1}", p, {name: (float(value), 0.0) for name, value in outcomes(p).items()})
        for i, p in enumerate(points)
    )
    return Evidence("main", task(), data=data, **more)


def searched(goals: Goals, n: int = 22, space: Space = SQUARE, **more: Any) -> list[dict[str, Any]]:
    """Points of a campaign of ``n`` runs, two at a time."""
    ai, points = BayesianBox(space, goals, **more), []
    while len(points) < n:
        points += [d.parameters for d in ai.propose(told(points), 2).drafts]
    return points


def test_the_best_feasible_run_is_found_at_the_edge_of_what_is_allowed():
    points = searched(Goals.read(Maximize("yield"), ["risk <= 0.8"]))
    grid = [{"x": x, "y": y} for x in np.linspace(0, 1, 101) for y in np.linspace(0, 1, 101)]
    best = max(outcomes(p)["yield"] for p in grid if outcomes(p)["risk"] <= 0.8)
    found = max(outcomes(p)["yield"] for p in points if outcomes(p)["risk"] <= 0.8)
    assert found > best - 0.02


def test_a_target_is_hit():
    points = searched(Goals.read(Target("yield", 0.777)), 16)
    assert min(abs(outcomes(p)["yield"] - 0.777) for p in points) < 0.003


def test_the_front_of_two_objectives_is_filled():
    points = searched(Goals.read([Maximize("yield", reference=0), Minimize("cost", reference=1)]), 20)

    def volume(points: list[dict[str, Any]]) -> float:
        values = np.array([[outcomes(p)["yield"], -outcomes(p)["cost"]] for p in points])
        return hypervolume(values, np.array([0.0, -1.0]))

    whole = volume([{"x": x, "y": y} for x in np.linspace(0, 1, 61) for y in np.linspace(0, 1, 61)])
    assert volume(points) > 0.95 * whole > volume(SQUARE.sample(20, 0))


def test_a_level_set_is_looked_for_where_it_is_and_not_where_it_is_not():
    points = searched(Goals.read(LevelSet("yield", 0.9)), 20)
    searched_for = points[12:]
    drawn = SQUARE.sample(200, 3)
    assert np.median([abs(outcomes(p)["yield"] - 0.9) for p in searched_for]) < 0.5 * np.median(
        [abs(outcomes(p)["yield"] - 0.9) for p in drawn]
    )


@pytest.mark.full
@pytest.mark.parametrize(
    "goals",
    [
        Goals.read(Maximize("yield"), ["risk <= 0.8"]),
        Goals.read(Target("yield", 0.777)),
        Goals.read(LevelSet("yield", 0.9)),
        Goals.read(Learn("yield")),
        Goals.read([Maximize("yield"), Minimize("cost")], ["risk <= 0.8"]),
        Goals.read([Maximize("yield"), Minimize("cost"), Minimize("risk")]),
    ],
    ids=lambda g: g.words,
)
@pytest.mark.parametrize("usual", [True, False])
def test_proposals_for_any_goal_are_distinct_repeatable_and_say_what_they_are_made_of(goals, usual):
    named = None if usual else goals.acquisitions[-1]
    evidence = told(SQUARE.sample(14, 0), pending=({"x": 0.5, "y": 0.5},))
    first, again = (BayesianBox(SQUARE, goals, acquisition=named).propose(evidence, 3) for _ in range(2))
    assert first == again
    points = [tuple(d.parameters.values()) for d in first.drafts]
    assert len({*points, (0.5, 0.5)}) == 4
    for draft in first.drafts:
        assert set(draft.predicted) == set(goals.outcomes)
        reasons = {r["kind"]: r for r in draft.reasons}
        gain = reasons["acquisition"]
        assert gain["exploit"] + gain["explore"] == pytest.approx(draft.acquisition)
        assert 1 <= draft.rank <= draft.of == 513
        assert ("improvement" in reasons) == goals.has_best
        assert ("feasibility" in reasons) == bool(goals.feasible)
        if len(goals.outcomes) > 1:
            assert [row["outcome"] for row in reasons["outcomes"]["outcomes"]] == list(goals.outcomes)
            assert set(first.summary["outcomes"]) == set(goals.outcomes)
        if goals.several:
            assert reasons["reference"]["derived"] == [one.outcome for one in goals.objectives]
            assert "No reference was given" in reasons["reference"]["words"]


def test_a_proposal_says_how_likely_each_constraint_is_met_and_when_no_run_meets_it():
    goals = Goals.read(Maximize("yield"), ["0.2 <= risk <= 1", "cost <= -1"])
    (draft,) = BayesianBox(SQUARE, goals).propose(told(SQUARE.sample(14, 0)), 1).drafts
    reason = next(r for r in draft.reasons if r["kind"] == "feasibility")
    assert [c["text"] for c in reason["constraints"]] == ["0.2 <= risk <= 1", "cost <= -1"]
    assert reason["probability"] == pytest.approx(np.prod([c["probability"] for c in reason["constraints"]]))
    assert "No run meets it yet" in reason["words"]
    acquisition = next(r for r in draft.reasons if r["kind"] == "acquisition")
    assert acquisition["name"] == "probability to be feasible"


def test_a_reference_that_no_run_exceeds_is_said_and_does_not_stop_the_search():
    goals = Goals.read([Maximize("yield", reference=50), Minimize("cost", reference=-50)])
    (draft,) = BayesianBox(SQUARE, goals).propose(told(SQUARE.sample(14, 0)), 1).drafts
    reason = next(r for r in draft.reasons if r["kind"] == "reference")
    assert "No run exceeds the reference yet" in reason["words"]
    assert reason["derived"] == []
    assert draft.acquisition > 0


def test_an_outcome_that_older_runs_lack_is_left_out_until_three_runs_have_it():
    goals = Goals.read(Maximize("yield"), ["risk <= 0.8"])
    evidence = told(SQUARE.sample(14, 0))
    older = tuple(replace(d, outcomes={"yield": d.outcomes["yield"]}) for d in evidence.data[:12])
    (draft,) = (
        BayesianBox(SQUARE, goals).propose(replace(evidence, data=older + evidence.data[12:]), 1).drafts
    )
    assert set(draft.predicted) == {"yield"}
    (draft,) = (
        BayesianBox(SQUARE, goals).propose(replace(evidence, data=older[:11] + evidence.data[11:]), 1).drafts
    )
    assert set(draft.predicted) == {"yield", "risk"}


def test_outcomes_that_are_all_the_same_stop_no_goal():
    for goals in (
        Goals.read(Maximize("a"), ["b <= 1"]),
        Goals.read(Target("a", 2)),
        Goals.read(LevelSet("a", 0)),
        Goals.read([Maximize("a"), Minimize("b")]),
    ):
        data = tuple(
            Datum(f"R{i}", p, {"a": (0.0, 0.0), "b": (2.0, 0.0)}) for i, p in enumerate(SQUARE.sample(8, 0))
        )
        drafts = BayesianBox(SQUARE, goals, initial=4).propose(Evidence("main", task(), data=data), 2).drafts
        assert len(drafts) == 2
        assert all(np.isfinite(d.acquisition) for d in drafts)


def test_a_map_shows_each_outcome_and_the_chance_to_be_feasible():
    goals = Goals.read(Maximize("yield"), ["risk <= 0.8"])
    shown = belief(BayesianBox(SQUARE, goals), told(SQUARE.sample(14, 0)), x="x", y="y", resolution=9, at={})
    for name in ("mean", "std", "acquisition", "mean of risk", "std of risk", "feasible"):
        assert shown[name].shape == (9, 9)
    assert shown["feasible"][0, 0] > 0.9
    assert shown["feasible"][-1, -1] < 0.1


def test_a_curved_constraint_of_the_space_is_kept_by_first_points_and_by_the_search():
    disc = Space(x=Float(0, 1), y=Float(0, 1), constraints=["(x - 0.5)**2 + (y - 0.5)**2 <= 0.16"])
    points = searched(Goals.read(Maximize("risk")), 14, disc)
    assert all(disc.feasible(p) for p in points)
    assert max(p["x"] + p["y"] for p in points) > 1 + 0.4 * np.sqrt(2) - 1e-4


def test_a_context_is_taken_as_it_is_and_never_chosen():
    evidence = told([*SQUARE.sample(13, 0), {"x": 0.1, "y": 0.25}])
    evidence = replace(evidence, definition={**evidence.definition, "context": ["y"]})
    ai = BayesianBox(SQUARE, Goals.read(Maximize("yield")))
    drafts = ai.propose(evidence, 2).drafts
    assert {d.parameters["y"] for d in drafts} == {0.25}
    assert min(abs(d.parameters["x"] - np.pi / 8) for d in drafts) < 0.1
    moved = replace(evidence, steering={"pinned": {"y": 0.75}})
    assert {d.parameters["y"] for d in ai.propose(moved, 2).drafts} == {0.75}
    assert len({d.parameters["y"] for d in ai.propose(Evidence("main", evidence.definition), 3).drafts}) == 3


def test_a_pool_is_screened_for_any_goal():
    rng = np.random.default_rng(0)
    features = rng.uniform(0, 1, size=(60, 2))
    pool = Pool(
        {"key": [f"m{i}" for i in range(60)], "u": features[:, 0], "v": features[:, 1]},
        key="key",
        features=["u", "v"],
    )
    data = tuple(
        Datum(f"R{i}", {"key": f"m{i}"}, {"a": (float(f.sum()), 0.0), "b": (float(f[0]), 0.0)})
        for i, f in enumerate(features[:20])
    )
    evidence = Evidence("main", task(pool), data=data)

    def chosen(goals: Goals) -> np.ndarray:
        drafts = BayesianPool(pool, goals).propose(evidence, 4).drafts
        rows = [int(d.parameters["key"][1:]) for d in drafts]
        assert len(set(rows)) == 4
        assert not set(rows) & set(range(20))
        return features[rows]

    assert np.abs(chosen(Goals.read(Target("a", 1.0))).sum(1) - 1.0).max() < 0.25
    assert np.abs(chosen(Goals.read(LevelSet("a", 0.6))).sum(1) - 0.6).mean() < 0.4
    bounded = chosen(Goals.read(Maximize("a"), ["b <= 0.4"]))
    assert (bounded[:, 0] < 0.5).all()
    assert bounded[:, 1].mean() > 0.7
    chosen(Goals.read([Maximize("a"), Minimize("b")]))
    chosen(Goals.read(Learn("a")))


def test_a_policy_is_told_all_goals_by_the_definition_and_refuses_an_acquisition_that_does_not_suit():
    definition = {**task(), **Goals.read([Maximize("yield"), Minimize("cost")], ["risk <= 0.8"]).to_json()}
    made = policy(definition, SQUARE)
    assert isinstance(made, BayesianBox)
    assert made.goals.outcomes == ("yield", "cost", "risk")
    with pytest.raises(Exception, match="Choose one of hypervolume, thompson"):
        policy({**definition, "policy": {"name": "bayesian", "options": {"acquisition": "ucb"}}}, SQUARE)


def test_nothing_is_the_best_where_no_run_is_better_than_another(tmp_path):
    campaign = Campaign(level=task(objective=LevelSet("yield", 0.5).to_json()))
    for yielded in (3.0, 1.0, 2.0, 5.0):
        campaign.accept(campaign.propose("level", x=yielded / 10, y=0.1))
        (run,) = campaign.launch()
        campaign.finish(run, {"yield": [yielded]})
    assert campaign.think(Mind(tmp_path), "level").fit.summary["best"] is None


def test_the_front_is_of_feasible_runs_that_no_other_beats():
    goals = Goals.read([Maximize("yield", reference=0), Minimize("cost", reference=10)], ["risk <= 1"])
    campaign = Campaign(main={**task(), **goals.to_json()})
    rows = [(1.0, 9.0, 0.0), (2.0, 9.5, 0.0), (3.0, 5.0, 2.0), (1.0, 8.0, 0.5), (-1.0, 1.0, 0.0)]
    for i, (yielded, cost, risk) in enumerate(rows):
        campaign.accept(campaign.propose("main", x=i / 10, y=0.5))
        (run,) = campaign.launch()
        campaign.finish(run, {"yield": [yielded], "cost": [cost], "risk": [risk]})
    assert on_front(campaign.state, "main") == ["R2", "R4", "R5"]
