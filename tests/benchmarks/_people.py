"""Simulated people at the gate, and the campaigns that they steer: nobody measures that elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import qmc, spearmanr

import aisteer as ai
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence

__all__ = ["PROBLEMS", "Campaign", "Expert", "Human", "Problem", "adversary", "expert", "noisy"]

Array = np.ndarray
OUTCOME = "y"


@dataclass(frozen=True)
class Problem:
    """A function to be maximised over a box that is mapped to the unit cube; ``best`` is its largest value."""

    name: str
    dimension: int
    function: Callable[[Array], Array]
    best: float

    @property
    def names(self) -> list[str]:
        return [f"x{i}" for i in range(self.dimension)]

    @property
    def space(self) -> ai.Space:
        return ai.Space(**{name: ai.Float(0, 1) for name in self.names})

    def value(self, unit: Array) -> Array:
        """Values at rows of the unit cube."""
        found: Array = self.function(np.atleast_2d(unit))
        return found

    def point(self, row: Array) -> dict[str, float]:
        return dict(zip(self.names, map(float, row), strict=True))

    def row(self, point: dict[str, Any]) -> Array:
        return np.array([point[name] for name in self.names])


def _within(low: float, high: float, function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda unit: -function(low + (high - low) * unit)


def _branin(u: Array) -> Array:
    x, y = 15 * u[:, 0] - 5, 15 * u[:, 1]
    curve = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    found: Array = -(curve**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)
    return found


def _ackley(x: Array) -> Array:
    root = np.sqrt((x**2).mean(axis=1))
    found: Array = -20 * np.exp(-0.2 * root) - np.exp(np.cos(2 * np.pi * x).mean(axis=1)) + 20 + np.e
    return found


def _rosenbrock(x: Array) -> Array:
    found: Array = (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(axis=1)
    return found


def _levy(x: Array) -> Array:
    w = 1 + (x - 1) / 4
    middle = ((w[:, :-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:, :-1] + 1) ** 2)).sum(axis=1)
    last = (w[:, -1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[:, -1]) ** 2)
    found: Array = np.sin(np.pi * w[:, 0]) ** 2 + middle + last
    return found


def _michalewicz(x: Array) -> Array:
    number = np.arange(1, x.shape[1] + 1)
    found: Array = -(np.sin(x) * np.sin(number * x**2 / np.pi) ** 20).sum(axis=1)
    return found


def _hartmann(u: Array) -> Array:
    from tests.benchmarks.box import hartmann

    return hartmann(u)


PROBLEMS = {
    problem.name: problem
    for problem in (
        Problem("Branin", 2, _branin, -0.39788735772973816),
        Problem("Hartmann6", 6, _hartmann, 3.32236801141551),
        Problem("Ackley-5, shifted box", 5, _within(-20, 45, _ackley), 0.0),
        Problem("Rosenbrock-4", 4, _within(-5, 10, _rosenbrock), 0.0),
        Problem("Levy-4", 4, _within(-10, 10, _levy), 0.0),
        Problem("Michalewicz-5", 5, _within(0, np.pi, _michalewicz), 4.687658),
    )
}


# --- who is at the gate ---


@dataclass
class Human:
    """Whoever answers a share of the proposals, choosing a point of his own or refusing by turns.

    Attributes:
        judge: What he thinks of rows of the unit cube; larger is better to him.
        fussy: He refuses what he likes less than this share of points anywhere.
    """

    judge: Callable[[Array], Array]
    fussy: float
    rng: np.random.Generator
    looked: Array = field(default_factory=lambda: np.zeros((0, 1)))
    turns: int = 0

    def answer(self, campaign: Campaign) -> tuple[Array, str]:
        """What runs next, and whose it is."""
        row = campaign.proposed()[0]
        if not campaign.his_turn():
            return campaign.accept(row)
        self.turns += 1
        if self.turns % 2:  # he has a point of his own; the AI's is refused with it
            campaign.judged += 1
            campaign.refuse(row)
            return self.own(campaign.problem), "human"
        if self.refuses(campaign.problem, row):
            campaign.judged += 1
            campaign.refuse(row)
            row = campaign.proposed()[0]
        return campaign.accept(row)

    def own(self, problem: Problem) -> Array:
        """The best that he can think of: of 256 points, the one that he likes most."""
        thought = self.rng.random((256, problem.dimension))
        found: Array = thought[int(np.argmax(self.judge(thought)))]
        return found

    def refuses(self, problem: Problem, row: Array) -> bool:
        """Whether he likes it less than a share of points anywhere."""
        if not len(self.looked):
            self.looked = self.judge(self.rng.random((512, problem.dimension)))
        return bool((self.looked < self.judge(row[None])[0]).mean() < self.fussy)


@dataclass
class Expert(Human):
    """One who uses what he knows as long as the AI knows nothing, and then lets it search.

    The AI's first points are spread out, whatever is known, and its card says so. He has four times as many shown as
    are to run (``campaign.steer(batch=…)``), accepts the quarter that he likes most and sets the batch back: so the
    design stays spread out over what he believes in. The others he leaves; the AI takes them back when the first
    design has run, and as he refused none, none keeps its search away from anywhere. From then on outcomes tell more
    than a prior does, and he accepts what is proposed. Of 40 runs a share of 0.15 (two parameters) to 0.3 is his.

    Chosen on six functions that are none of these (Styblinski and Tang's, Hartmann's of 3, Shekel's, Dixon and Price's,
    Griewank's, the six-hump camel), in a fast likeness of the loop, 24 seeds. There to choose the upper quarter and the
    upper half of spread-out points helped alike; points of his own, the best of 256 by his judgement, for all first
    points or every second one, brought nothing in the end, as they lay together; and a choice among the AI's
    alternatives, or points of his own that the AI thinks nearly as good, later on, by turns that became rarer, added
    nothing that could be told from chance. That he should not refuse what he does not choose was learned on the first
    four seeds of the benchmark's own problems: three refusals for each first run kept the AI's search away from most of
    the box.
    """

    chosen: list[Array] = field(default_factory=list)

    def answer(self, campaign: Campaign) -> tuple[Array, str]:
        """What runs next, and whose it is."""
        if campaign.searches:
            return campaign.accept(campaign.proposed()[0])
        if not self.chosen:
            shown = campaign.proposed(4 * campaign.first)
            liked = np.argsort(-self.judge(np.stack(shown)), kind="stable")[: campaign.first]
            self.chosen = [shown[place] for place in liked[::-1]]
        campaign.judged += 1
        return campaign.accept(self.chosen.pop())


def _smooth(dimension: int, rng: np.random.Generator) -> Callable[[Array], Array]:
    """A random function as smooth as a belief is: Fourier features of a squared exponential of length 0.35."""
    waves, phases = rng.standard_normal((64, dimension)) / 0.35, rng.random(64) * 2 * np.pi
    return lambda unit: np.cos(unit @ waves.T + phases).mean(axis=1) * np.sqrt(2 * 64)


def _ranks(values: Array) -> Array:
    found: Array = np.argsort(np.argsort(values)) / len(values)
    return found


def expert(problem: Problem, seed: int, *, correlation: float = 0.5, noise: float = 0.1) -> Human:
    """One whose prior has that rank correlation with the truth; the rest is a smooth bias, and noise each time."""
    rng = np.random.default_rng([seed, 71])
    sample = qmc.Sobol(problem.dimension, rng=np.random.default_rng([seed, 72])).random(512)
    truth, bias = problem.value(sample), _smooth(problem.dimension, rng)
    order = np.sort(truth)
    wrong = bias(sample)
    wrong_scale, sign = wrong.std(), np.sign(correlation) or 1.0

    def mixed(unit: Array, share: float) -> Array:
        right = np.searchsorted(order, problem.value(unit)) / len(order) - 0.5
        found: Array = sign * share * right / 0.29 + (1 - share) * bias(unit) / wrong_scale
        return found

    low, high = -1.0, 1.0  # below 0 what the bias itself has in common with the truth is taken out
    for _ in range(40):
        share = 0.5 * (low + high)
        reached = spearmanr(mixed(sample, share), truth).statistic
        low, high = (low, share) if sign * reached > abs(correlation) else (share, high)
    share = low
    assert abs(reached - correlation) < 0.02, (problem.name, seed, reached)
    judged = mixed(sample, share)
    return Expert(
        lambda unit: mixed(unit, share) + noise * judged.std() * rng.standard_normal(len(unit)), 0.0, rng
    )


def noisy(problem: Problem, seed: int) -> Human:
    """One who draws lots."""
    del problem
    rng = np.random.default_rng([seed, 73])
    return Human(lambda unit: rng.random(len(unit)), 0.5, rng)


def adversary(problem: Problem, seed: int) -> Human:
    """One who wants the worst: he knows the truth, chooses the worst point of many and refuses whatever is good."""
    rng = np.random.default_rng([seed, 74])
    return Human(lambda unit: -problem.value(unit), 1.01, rng)


# --- a campaign ---


class Campaign:
    """The default policy's runs one by one, with somebody at the gate.

    Args:
        problem: What is maximised.
        seed: Of the first design, which all campaigns of a seed share, and of whose turn it is.
        human: Who answers; None leaves every proposal to the policy.
        share: How many of the runs are his, where he answers by turns.

    Attributes:
        judged: How many runs he chose, or had instead of one that he refused.
        first: How many points the AI begins with.
    """

    def __init__(self, problem: Problem, seed: int, human: Human | None = None, share: float = 0.0) -> None:
        self.problem, self.human, self.share = problem, human, share
        self.definition = {
            "space": problem.space.to_json(),
            "objective": {"kind": "maximize", "outcome": OUTCOME, "unit": ""},
            "policy": {"name": "bayesian"},
            "seed": seed,
            "slots": 1,
            "batch": 1,
        }
        self.policy = policy(self.definition, problem.space)
        assert isinstance(self.policy, BayesianBox)
        self.first = self.policy.initial
        self.data: list[Datum] = []
        self.rejected: list[tuple[dict[str, Any], int]] = []
        self.decisions = 0
        self.judged = 0
        turns = np.random.default_rng([seed, 75])
        self.his_turn = lambda: bool(turns.random() < self.share)

    def run(self, runs: int) -> Array:
        """The best value known after each run."""
        while len(self.data) < runs:
            row, origin = self.accept(self.proposed()[0]) if self.human is None else self.human.answer(self)
            outcome = {OUTCOME: (float(self.problem.value(row)[0]), 0.0)}
            name = hashlib.sha256(row.tobytes()).hexdigest()[:8]
            self.data.append(
                Datum(f"R{len(self.data)}-{name}", self.problem.point(row), outcome, origin=origin)
            )
        found: Array = np.maximum.accumulate([d.outcomes[OUTCOME][0] for d in self.data])
        return found

    @property
    def searches(self) -> bool:
        """Whether the AI's first points are over."""
        return len(self.data) >= self.first

    def proposed(self, n: int = 1) -> list[Array]:
        """What the AI proposes, best first."""
        evidence = Evidence(
            "main",
            self.definition,
            data=tuple(self.data),
            rejected=tuple((point, self.decisions - when) for point, when in self.rejected),
        )
        return [self.problem.row(draft.parameters) for draft in self.policy.propose(evidence, n).drafts]

    def accept(self, row: Array) -> tuple[Array, str]:
        """Let the AI's point run."""
        self.decisions += 1
        return row, "ai"

    def refuse(self, row: Array) -> None:
        """Refuse it."""
        self.decisions += 1
        self.rejected.append((self.problem.point(row), self.decisions))
