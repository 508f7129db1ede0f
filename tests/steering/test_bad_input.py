"""Outcomes, spaces and pools that ought not to be: the campaign goes on all the same, and says what is the matter."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenes import SQUARE, Campaign, known, task

from aisteer.errors import BadDefinition
from aisteer.problem.parameters import Choice, Float, Int
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.bayesian_pool import BayesianPool
from aisteer.steering.mind import Mind
from aisteer.steering.policies import policy
from aisteer.steering.thought import Thought
from aisteer.surrogates import hyper_parameters

POINTS = SQUARE.sample(20, 0)


def thought(tmp_path: Path, runs: list[tuple[dict[str, Any], float | None]], **more: Any) -> Thought:
    """What comes to mind after runs that ended so; ``None`` is a run that failed."""
    campaign = Campaign(main=task(**more))
    for point, value in runs:
        campaign.run(value, how="done" if value is not None else "failed", **point)
    return campaign.think(Mind(tmp_path))


def words(found: Thought) -> str:
    return str(found.fit.summary["words"]) if found.fit is not None else ""


def whole(found: Thought, n: int = 4, space: Space = SQUARE) -> bool:
    """Whether it is a whole batch of different points of the space, all predicted where something is."""
    drafts = [d for d in found.drafts if d.action == "start"]
    inside = all(space.validate(d.parameters) for d in drafts)
    numbers = [v for d in drafts for pair in d.predicted.values() for v in pair]
    different = len({tuple(d.parameters.values()) for d in drafts})
    return inside and len(drafts) == different == n and all(math.isfinite(v) for v in numbers)


OUTCOMES: dict[str, tuple[list[tuple[dict[str, Any], float | None]], str]] = {
    "all equal": ([(p, 5.0) for p in POINTS], "All outcomes are equal so far"),
    "all equal and large": ([(p, 1e12) for p in POINTS], "All outcomes are equal so far"),
    "the same few points": ([(POINTS[i % 3], 1.0 + i % 3) for i in range(12)], ""),
    "one point with different outcomes": ([(POINTS[0], 1.0 + i % 3) for i in range(12)], ""),
    "one of a million spreads": (
        [(p, 1e6 if i == 4 else p["x"]) for i, p in enumerate(POINTS)],
        "R5: so far",
    ),
    "one beyond all numbers": (
        [(p, 1e300 if i == 4 else p["x"]) for i, p in enumerate(POINTS)],
        "R5: the outcome is",
    ),
    "two, one on each side": (
        [(p, {4: 1e9, 7: -1e15}.get(i, p["x"])) for i, p in enumerate(POINTS)],
        "so far from all other outcomes",
    ),
    "next to nothing": ([(p, 1e-300 * p["x"]) for p in POINTS], ""),
    "some failed": ([(p, None if i % 3 else p["x"]) for i, p in enumerate(POINTS)], ""),
}


QUICK = {
    "all equal",
    "one point with different outcomes",
    "one of a million spreads",
    "one beyond all numbers",
}


@pytest.mark.parametrize(
    "kind", [k if k in QUICK else pytest.param(k, marks=pytest.mark.full) for k in OUTCOMES]
)
def test_whatever_came_out_a_whole_batch_is_proposed(kind: str, tmp_path: Path) -> None:
    runs, said = OUTCOMES[kind]
    found = thought(tmp_path, runs)
    assert whole(found)
    assert said in words(found)
    assert found.trouble == ""


@pytest.mark.parametrize("n", [0, 1, 2])
def test_with_hardly_any_outcome_points_are_spread_and_say_that_nothing_is_predicted_yet(
    n: int, tmp_path: Path
) -> None:
    found = thought(tmp_path, [(p, 1.0) for p in POINTS[:n]])
    assert whole(found)
    assert all("Predictions begin with 3 outcomes" in str(d.reasons) for d in found.drafts)


def test_outcomes_too_large_to_be_computed_with_are_left_out_and_said(tmp_path: Path) -> None:
    found = thought(tmp_path, [(p, 1e300 * p["x"]) for p in POINTS])
    assert whole(found)
    assert "R1, R2, R3 and others: the outcome is beyond 1e+100" in found.trouble
    assert "in another unit" in found.trouble


def test_where_every_run_fails_points_are_spread_and_the_end_is_proposed(tmp_path: Path) -> None:
    found = thought(tmp_path, [(p, None) for p in POINTS])
    assert whole(found)
    (end,) = (d for d in found.drafts if d.action == "finish")
    assert "all 20 runs failed" in end.reasons[0]["words"]


def test_an_outcome_that_is_no_number_is_not_learned_from() -> None:
    evidence = known(POINTS, [p["x"] for p in POINTS])
    broken = replace(evidence.data[3], outcomes={"yield": (math.nan, 0.0)})
    data = (*evidence.data[:3], broken, *evidence.data[4:])
    batch = policy(task(), SQUARE).propose(replace(evidence, data=data), 2)
    assert len(batch.drafts) == 2
    assert all(math.isfinite(d.predicted["yield"][0]) for d in batch.drafts)


@pytest.mark.full
def test_objectives_of_wildly_different_scale_are_sought_together(tmp_path: Path) -> None:
    goals = [{"kind": "maximize", "outcome": "yield"}, {"kind": "minimize", "outcome": "price"}]
    campaign = Campaign(main=task(objective=goals[0], objectives=goals))
    for p in POINTS:
        campaign.accept(campaign.propose(**p))
        (run,) = campaign.launch()
        campaign.finish(run, {"yield": [1e-12 * p["x"]], "price": [1e15 * (1 + p["y"])]})
    found = campaign.think(Mind(tmp_path))
    assert whole(found)
    assert np.mean([d.parameters["x"] - d.parameters["y"] for d in found.drafts]) > 0.2


def test_a_hundred_parameters_are_searched(tmp_path: Path) -> None:
    space = Space(**{f"p{i}": Float(0, 1) for i in range(100)})
    runs = [(p, -sum((v - 0.5) ** 2 for v in p.values())) for p in space.sample(30, 0)]
    found = thought(tmp_path, runs, space=space)
    assert whole(found, space=space)
    assert found.fit is not None


@pytest.mark.full
def test_ten_thousand_outcomes_take_seconds_and_little_memory(tmp_path: Path) -> None:
    points = SQUARE.sample(10_000, 0)
    evidence = known(points, [p["x"] - (p["y"] - 0.5) ** 2 for p in points])
    tracemalloc.start()
    batch = policy(task(), SQUARE).propose(evidence, 4)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 500e6
    assert len(batch.drafts) == 4
    assert batch.summary["left_out"] == 9_000
    assert min(d.parameters["x"] for d in batch.drafts) > 0.8


@pytest.mark.full
def test_constraints_that_leave_nothing_stop_the_proposals_and_say_so(tmp_path: Path) -> None:
    space = Space(constraints=["x + y <= 0.2", "x - y >= 0.9"], x=Float(0, 1), y=Float(0, 1))
    with pytest.raises(BadDefinition, match="loosen a constraint"):
        thought(tmp_path, [], space=space, policy="bayesian")


@pytest.mark.full
def test_constraints_that_leave_a_line_are_searched_along_it(tmp_path: Path) -> None:
    space = Space(constraints=["abs(x - y) <= 1e-5"], x=Float(0, 1), y=Float(0, 1))
    found = thought(
        tmp_path, [({"x": i / 9, "y": i / 9}, -((i / 9 - 0.4) ** 2)) for i in range(10)], space=space
    )
    assert whole(found, space=space)
    assert found.drafts[0].parameters["x"] == pytest.approx(0.4, abs=0.15)


def test_a_space_and_a_pool_that_are_used_up_are_said_to_be(tmp_path: Path) -> None:
    small = Space(n=Int(1, 3), kind=Choice(["a", "b"]))
    every = [({"n": n, "kind": k}, float(n)) for n in (1, 2, 3) for k in "ab"]
    pool = Pool({"key": list(range(6)), "a": [float(i) for i in range(6)]}, key="key", features=["a"])
    pool.save(tmp_path)
    rows = [(pool.point(i), float(i)) for i in range(6)]
    for space, runs in ((small, every), (pool, rows)):
        found = thought(tmp_path, runs, space=space)
        assert not found.drafts
        assert "nothing left to propose" in found.trouble
    assert len(thought(tmp_path, rows[:4], space=pool).drafts) == 2


def test_a_fit_that_does_not_converge_is_replaced_by_the_usual_one_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the matrix is singular")

    monkeypatch.setattr(hyper_parameters.Modules, "loss_and_slopes", refuses)
    found = thought(tmp_path, [(p, p["x"]) for p in POINTS])
    assert whole(found)
    assert "those of the prior are used" in words(found)


@pytest.mark.parametrize("of", ["box", pytest.param("pool", marks=pytest.mark.full)])
def test_a_search_that_fails_is_replaced_by_random_points_and_named(
    of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any, **__: Any) -> Any:
        raise ArithmeticError("not enough digits")

    pool = Pool({"key": list(range(40)), "a": [i / 7 for i in range(40)]}, key="key", features=["a"])
    pool.save(tmp_path)
    space: Any = SQUARE if of == "box" else pool
    points = POINTS if of == "box" else [pool.point(i) for i in range(20)]
    campaign, mind = Campaign(main=task(space)), Mind(tmp_path)
    for i, point in enumerate(points):
        campaign.run(float(i), **point)
    for kind in (BayesianBox, BayesianPool):
        monkeypatch.setattr(kind, "_search", breaks)
    found = campaign.think(mind)
    assert whole(found, space=space)
    assert {d.origin for d in found.drafts} == {"random"}
    assert "of the policy 'bayesian' failed with ArithmeticError: not enough digits" in found.trouble
    assert "by the policy 'random' instead" in found.trouble
    assert found.drafts[0].reasons[0]["instead_of"] == "bayesian"
    monkeypatch.undo()
    for name in list(campaign.state.waiting):
        campaign.reject(name)
    assert campaign.think(mind).trouble == ""
