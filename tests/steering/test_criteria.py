"""What makes a point worth a run, held against what drawing many outcomes says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.models.deterministic import GenericDeterministicModel
from botorch.utils.multi_objective.box_decompositions.non_dominated import NondominatedPartitioning
from scipy.stats import norm

from aisteer.problem.goals import Goals
from aisteer.problem.objective import Learn, LevelSet, Maximize, Minimize, Target
from aisteer.steering.criteria.cells import Cells
from aisteer.steering.criteria.choice import criterion
from aisteer.steering.criteria.feasibility import log_chance, log_feasible, probabilities
from aisteer.steering.criteria.gains import log_closer, log_h
from aisteer.steering.criteria.hypervolume import Hypervolume
from aisteer.steering.criteria.improvement import Improvement
from aisteer.steering.criteria.variance import VarianceReduction
from aisteer.steering.criteria.watched import Watched
from aisteer.steering.domains import Box
from aisteer.steering.fitting import Belief, Fitter
from aisteer.steering.pareto import hypervolume
from aisteer.steering.protocols import Datum, Evidence
from tests.steering.scenes import SQUARE

SPREAD = SQUARE.encode(SQUARE.sample(256, 5))
NOTHING = np.zeros((0, 2))


def told(outcomes, n: int = 14, seed: int = 0) -> Evidence:
    """``n`` runs with ``outcomes(x, y)`` by name, each with a small error."""
    rows = []
    for i, p in enumerate(SQUARE.sample(n, seed)):
        values = {name: (float(value), 0.01) for name, value in outcomes(p["x"], p["y"]).items()}
        rows.append(Datum(f"R{i + 1}", p, values))
    return Evidence("main", {}, data=tuple(rows))


def believed(goals: Goals, outcomes, **more) -> Belief:
    found = Fitter(Box(SQUARE), goals).belief(told(outcomes, **more))
    assert found is not None
    return found


def hill(x, y):
    return {"yield": np.sin(5 * x) + y, "risk": x + y}


def every_goal() -> list[Goals]:
    return [
        Goals.read(Maximize("yield"), ["risk <= 1"]),
        Goals.read(Target("yield", 1.1)),
        Goals.read(Target("yield", 1.1), ["risk <= 1"]),
        Goals.read(LevelSet("yield", 0.7)),
        Goals.read(Learn("yield"), ["risk <= 1"]),
        Goals.read([Maximize("yield"), Minimize("risk")]),
        Goals.read([Maximize("yield"), Minimize("risk", reference=1.5)], ["yield + risk <= 2"]),
    ]


def test_the_gain_in_closeness_is_what_drawing_says_near_and_far():
    draws = torch.as_tensor(np.random.default_rng(0).normal(size=400_000))
    for mean, std, reach in [(0.3, 0.5, 0.4), (-0.2, 0.05, 1.0), (0.0, 2.0, 0.1), (1.5, 0.4, 0.5)]:
        exact = (reach - (mean + std * draws).abs()).clamp_min(0).mean()
        found = log_closer(*(torch.tensor([v], dtype=torch.float64) for v in (mean, std, reach)))
        assert float(found) == pytest.approx(float(exact.log()), abs=0.1)
    far = torch.linspace(0, 200, 2001, dtype=torch.float64)
    falling = log_closer(far, torch.full_like(far, 0.7), torch.full_like(far, 0.2))
    assert torch.isfinite(falling).all()
    assert (falling.diff() < 0).all()


def test_the_logarithm_of_the_gain_goes_on_where_the_gain_underflows():
    z = torch.linspace(-2000, 5, 4001, dtype=torch.float64)
    assert torch.isfinite(log_h(z)).all()
    assert (log_h(z).diff() > 0).all()


def test_the_chance_to_be_feasible_is_that_of_drawn_outcomes():
    goals = Goals.read(Maximize("yield"), ["2*risk - yield <= 1", "yield >= 0.2"])
    belief = believed(goals, hill)
    x = SPREAD[:5]
    rng = np.random.default_rng(1)
    drawn = {}
    for name, known in belief.known.items():
        mean, std = known.predict(x)
        drawn[name] = mean + std * rng.normal(size=(200_000, 5))
    both = [2 * drawn["risk"] - drawn["yield"] <= 1, drawn["yield"] >= 0.2]
    np.testing.assert_allclose(probabilities(belief, x), np.stack([b.mean(0) for b in both], 1), atol=0.01)
    np.testing.assert_allclose(
        log_chance(belief, torch.as_tensor(x)).numpy(), log_feasible(belief, x), rtol=1e-6
    )


@pytest.mark.parametrize("goals", every_goal(), ids=lambda g: g.words)
def test_what_is_searched_is_finite_has_a_gradient_and_ranks_like_what_is_told(goals):
    belief = believed(goals, hill)
    judged = criterion(goals, None, 1.0, {})
    sought = judged.sought(belief, NOTHING, batch=2, spread=SPREAD, seed=0)
    x = torch.tensor(SPREAD[:60], requires_grad=True)
    value = sought(x)
    (slope,) = torch.autograd.grad(value.sum(), x)
    assert torch.isfinite(value).all()
    assert torch.isfinite(slope).all()
    scores = judged.scores(belief, SPREAD[:60], SPREAD)
    np.testing.assert_allclose(scores.exploit + scores.explore, scores.value)
    likely = scores.order > np.median(scores.order)
    ranks = [np.argsort(np.argsort(v[likely])) for v in (value.detach().numpy(), scores.order)]
    assert np.corrcoef(*ranks)[0, 1] > 0.8


@pytest.mark.parametrize("goals", every_goal(), ids=lambda g: g.words)
def test_a_point_that_is_under_way_is_worth_less_than_before(goals):
    belief = believed(goals, hill)
    judged = criterion(goals, None, 1.0, {})
    before = judged.sought(belief, NOTHING, batch=1, spread=SPREAD, seed=0)
    x = torch.as_tensor(SPREAD)
    with torch.no_grad():
        best = SPREAD[[int(before(x).argmax())]]
        alone = float(before(torch.as_tensor(best)))
        before.add(best)
        added = float(before(torch.as_tensor(best)))
        beside = float(judged.sought(belief, best, batch=1, spread=SPREAD, seed=0)(torch.as_tensor(best)))
    assert added < alone
    assert beside < alone


def test_a_constraint_that_no_run_meets_leaves_the_chance_to_meet_it_as_what_is_sought():
    goals = Goals.read(Maximize("yield"), ["risk <= -0.1"])
    belief = believed(goals, hill)
    assert not belief.feasible
    scores = Improvement().scores(belief, SPREAD, SPREAD)
    assert scores.name == "probability to be feasible"
    sought = Improvement().sought(belief, NOTHING, batch=1, spread=SPREAD, seed=0)
    with torch.no_grad():
        value = sought(torch.as_tensor(SPREAD)).numpy()
    np.testing.assert_allclose(value, log_feasible(belief, SPREAD), atol=0.3)
    assert log_feasible(belief, SPREAD)[int(value.argmax())] > np.quantile(log_feasible(belief, SPREAD), 0.95)


@pytest.mark.parametrize("m", [2, 3])
def test_the_growth_of_the_volume_is_botorchs(m):
    rng = np.random.default_rng(0)
    runs = torch.as_tensor(rng.uniform(0, 1, size=(9, m)))
    reference = torch.tensor([0.1, 0.0, 0.2][:m], dtype=torch.float64)
    mean, std = torch.as_tensor(rng.normal(0.5, 0.5, (20, m))), torch.as_tensor(rng.uniform(0.05, 1, (20, m)))
    cells = Cells(runs[None], reference, torch.zeros(m, dtype=torch.float64))
    found = cells.expected(mean[:, None], std)[:, 0]
    peer = ExpectedHypervolumeImprovement(
        GenericDeterministicModel(lambda x: x),
        ref_point=reference.tolist(),
        partitioning=NondominatedPartitioning(ref_point=reference, Y=runs),
    )
    low, high = peer.cell_lower_bounds, peer.cell_upper_bounds

    def gain(bound: torch.Tensor) -> torch.Tensor:
        z = (mean[:, None] - bound) / std[:, None]
        normal = torch.distributions.Normal(0.0, 1.0)
        value = std[:, None] * (normal.log_prob(z).exp() + z * normal.cdf(z))
        return torch.where(torch.isfinite(bound), value, torch.zeros_like(value))

    exact = (gain(low) - gain(high)).prod(-1).sum(-1)
    torch.testing.assert_close(found, exact, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("m", [2, 3])
def test_the_growth_of_the_volume_is_what_drawing_says(m):
    rng = np.random.default_rng(m)
    runs, reference = rng.uniform(0, 1, size=(6, m)), np.full(m, 0.1)
    mean, std = rng.normal(0.7, 0.2, (3, m)), rng.uniform(0.1, 0.5, (3, m))
    cells = Cells(
        torch.as_tensor(runs)[None], torch.as_tensor(reference), torch.zeros(m, dtype=torch.float64)
    )
    found = cells.expected(torch.as_tensor(mean)[:, None], torch.as_tensor(std))[:, 0].numpy()
    before = hypervolume(runs, reference)
    for place in range(3):
        draws = mean[place] + std[place] * rng.normal(size=(3000, m))
        grown = [hypervolume(np.concatenate([runs, d[None]]), reference) - before for d in draws]
        assert found[place] == pytest.approx(np.mean(grown), abs=4 * np.std(grown) / np.sqrt(3000))


def test_a_weight_moves_what_is_sought_towards_its_objective():
    goals = Goals.read([Maximize("a", reference=-0.2), Maximize("b", reference=-0.2)])
    belief = believed(goals, lambda x, y: {"a": x - 0.5 * y**2, "b": 1 - x - 0.5 * y**2})
    middle = [
        float(SPREAD[np.argsort(-Hypervolume(weights).scores(belief, SPREAD, SPREAD).order)[:10], 0].mean())
        for weights in ({"b": 6.0}, {}, {"a": 6.0})
    ]
    assert middle[0] < middle[1] < middle[2]


def test_objectives_of_wildly_different_scale_are_weighed_alike():
    def scaled(x, y):
        return {"a": 1e9 * x - 0.3e9 * y, "b": 1e-9 * (1 - x) ** 2 - 0.3e-9 * y}

    def plain(x, y):
        return {"a": x - 0.3 * y, "b": (1 - x) ** 2 - 0.3 * y}

    goals = Goals.read([Maximize("a"), Maximize("b")])
    orders = []
    for outcomes in (scaled, plain):
        rows = told(outcomes)
        rows = replace(
            rows,
            data=tuple(
                replace(d, outcomes={k: (v, 0.0) for k, (v, _) in d.outcomes.items()}) for d in rows.data
            ),
        )
        belief = Fitter(Box(SQUARE), goals).belief(rows)
        assert belief is not None
        orders.append(Hypervolume().scores(belief, SPREAD, SPREAD).order)
    np.testing.assert_allclose(orders[0], orders[1], atol=0.05)


def test_less_variance_is_what_is_left_once_the_run_is_there():
    goals = Goals.read(Learn("yield"))
    belief = believed(goals, hill)
    point = SPREAD[[17]]
    before = Watched(belief.process, SPREAD, NOTHING)
    with torch.no_grad():
        taken = before.taken(torch.as_tensor(point))[0]
        held = before.variance
        before.add(point)
    np.testing.assert_allclose((held - before.variance).numpy(), taken.numpy(), rtol=1e-6, atol=1e-12)
    both = Watched(belief.process, SPREAD, point)
    np.testing.assert_allclose(before.variance.numpy(), both.variance.numpy(), rtol=1e-9)
    scores = VarianceReduction().scores(belief, SPREAD, SPREAD)
    assert (scores.exploit == 0).all()
    assert (scores.explore >= 0).all()


def test_what_a_run_settles_of_a_level_is_what_drawing_its_outcome_says():
    belief = believed(Goals.read(LevelSet("yield", 0.5)), hill)
    level = (0.5 - belief.process.centre) / belief.process.scale
    watched = Watched(belief.process, SPREAD, NOTHING, level)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        taken = watched.taken(torch.as_tensor(SPREAD[[17]]))
        found = watched.settled(taken)[0].numpy()
        everywhere = watched.settled(taken, known=False)[0].numpy()
    variance, moved = watched.variance.numpy(), np.sqrt(taken[0].numpy())
    for place in np.argsort(-found)[:3]:
        means = watched.mean.numpy()[place] + moved[place] * rng.normal(size=20000)
        above = norm.cdf((means - level) / np.sqrt(variance[place] - moved[place] ** 2))
        now = norm.cdf((watched.mean.numpy()[place] - level) / np.sqrt(variance[place]))
        left = above * (1 - above)
        assert found[place] == pytest.approx(
            now * (1 - now) - left.mean(), abs=4 * left.std() / np.sqrt(20000)
        )
    assert (found <= everywhere + 1e-12).all()


def test_more_exploration_looks_further_from_what_is_known():
    goals = Goals.read(Maximize("yield"))
    belief = believed(goals, hill)
    stds = []
    for exploration in (0.0, 1.0, 5.0):
        scores = criterion(goals, None, exploration, {}).scores(belief, SPREAD, SPREAD)
        stds.append(float(belief.process.predict(SPREAD[[int(np.argmax(scores.order))]])[1][0]))
    assert stds[0] <= stds[1] <= stds[2]
    assert stds[0] < stds[2]
