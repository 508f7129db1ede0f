"""Maximising an acquisition function over a box with whole numbers, choices and constraints."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint, minimize
from scipy.stats import qmc
from torch import Tensor

from aisteer.problem.parameters import Choice, Float, Int, Scalar
from aisteer.problem.space import Space
from aisteer.steering.encoded_constraints import encoded_constraints
from aisteer.steering.wandering import wandered

__all__ = ["Acquisition", "Penalized", "feasible_sobol", "maximise"]

Array = NDArray[np.float64]

Acquisition = Callable[[Tensor], Tensor]
"""Values, shape ``b``, of inputs in the unit cube, shape ``b x d``; differentiable.

One that knows its slopes without being differentiated step by step may have ``with_slopes``: of the same inputs, values
and slopes, shape ``b x d``; or ``None`` there.
"""

_HARDLY = 2**14
"""Points of a sequence after which it is given up where hardly any of them meets the constraints."""
_STARTS = 6
_AROUND = 24
_ROUNDS = 8
_SMOOTH_STEPS = 100
_SMOOTH_GAIN = 1e-6
"""Of the sum of logarithms, relative: less than that is not worth a step."""


class Penalized:
    """A logarithmic acquisition function, less near points that were rejected (see ``rejections``)."""

    def __init__(self, base: Acquisition, centres: Array, weights: Array, reaches: Array) -> None:
        self.base = base
        self.centres, self.weights = torch.as_tensor(centres), torch.as_tensor(weights)
        self.spread = 2.0 * torch.as_tensor(reaches).square() * centres.shape[-1]

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs ``x``, shape ``b x d``."""
        squares = (x.unsqueeze(-2) - self.centres).square().sum(-1)
        factor = 1.0 - self.weights * torch.exp(-squares / self.spread)
        return self.base(x) + factor.log().sum(-1)


def feasible_sobol(space: Space, n: int, seed: int) -> list[dict[str, Any]]:
    """The first ``n`` points of a scrambled Sobol sequence that meet the constraints, rounded to the space.

    Where constraints leave too little to be hit, what is missing is drawn at random.
    """
    engine = qmc.Sobol(space.dimension, scramble=True, rng=np.random.default_rng([seed, 3]))
    found: list[dict[str, Any]] = []
    size = max(4, math.ceil(math.log2(max(n, 2))))
    for _ in range(10):
        unit = engine.random(2**size if not engine.num_generated else engine.num_generated)
        found += [point for point in space.decode_uniform(unit) if space.feasible(point)]
        if len(found) >= n:
            return found[:n]
        if engine.num_generated >= _HARDLY and 64 * len(found) < n:
            break  # not in reach: the space finds its way there itself
    return found + space.sample(n - len(found), np.random.default_rng([seed, 4]))


def maximise(
    space: Space,
    acquisition: Acquisition,
    *,
    raw: Array,
    incumbents: Array,
    rng: np.random.Generator,
    allowed: Callable[[dict[str, Any]], bool],
    smooth: bool = True,
) -> dict[str, Any] | None:
    """The best allowed point that is found.

    Starts are the best of ``raw`` and of steps around ``incumbents``; gradients move the real numbers,
    single steps the whole numbers and choices, in turns. Where there is no gradient, ever shorter steps move all.

    Args:
        space: The box.
        acquisition: What is maximised.
        raw: Feasible inputs, shape ``(n, d)``.
        incumbents: Good inputs to look around, shape ``(k, d)``.
        rng: Draws the steps.
        allowed: Whether a point may be proposed: new, and meeting the constraints.
        smooth: Whether the acquisition has a gradient.

    Returns:
        The point, or ``None`` where no candidate was allowed.
    """
    candidates = np.concatenate([raw, _around(space, incumbents, rng)])
    values = _evaluate(acquisition, candidates)
    order = np.argsort(-values, kind="stable")
    starts = candidates[_apart(candidates, order, _STARTS)]
    if smooth:
        polished = _climb(space, acquisition, starts)
    else:
        polished = wandered(space, partial(_evaluate, acquisition), starts, rng)
    ranked = np.concatenate([polished, candidates[order]])
    scores = np.concatenate([_evaluate(acquisition, polished), values[order]])
    for place in np.argsort(-scores, kind="stable"):
        point = space.decode(ranked[place : place + 1])[0]
        if allowed(point):
            return point
    return None


def _evaluate(acquisition: Acquisition, x: Array) -> Array:
    with torch.no_grad():
        found: Array = acquisition(torch.as_tensor(x)).numpy()
    return np.where(np.isfinite(found), found, -np.inf)


def _around(space: Space, incumbents: Array, rng: np.random.Generator) -> Array:
    """Steps of several sizes around the best points so far, rounded to the space."""
    if not len(incumbents):
        return np.zeros((0, space.dimension))
    sizes = rng.choice([0.01, 0.05, 0.2], size=(_AROUND * len(incumbents), 1))
    base = np.repeat(incumbents, _AROUND, axis=0)
    moved = np.clip(base + sizes * rng.standard_normal(base.shape), 0.0, 1.0)
    # Every other one moves in a few columns only, which is what helps in many dimensions.
    few = rng.random(base.shape) < max(0.2, min(1.0, 3.0 / space.dimension))
    moved[::2] = np.where(few[::2], moved[::2], base[::2])
    points = [p for p in space.decode(moved) if space.feasible(p)]
    return space.encode(points)


def _apart(candidates: Array, order: NDArray[np.intp], n: int) -> list[int]:
    """The best candidates that are not next to each other."""
    chosen: list[int] = []
    least = 0.05 * np.sqrt(candidates.shape[1])
    for place in order:
        if all(np.linalg.norm(candidates[place] - candidates[c]) > least for c in chosen):
            chosen.append(int(place))
            if len(chosen) == n:
                break
    return chosen


def _climb(space: Space, acquisition: Acquisition, starts: Array) -> Array:
    discrete = [i for i, p in enumerate(space.parameters.values()) if isinstance(p, Int | Choice)]
    x = starts
    for turn in range(2 if discrete else 1):
        if len(discrete) < space.dimension:
            x = _slide(space, acquisition, x, discrete)
        if discrete:
            x = np.stack([_hop(space, acquisition, row, discrete) for row in x])
        if turn == 0 and len(discrete) == space.dimension:
            break
    return x


def _slide(space: Space, acquisition: Acquisition, x: Array, discrete: list[int]) -> Array:
    """Move the real numbers uphill, the others fixed; never leaves the constraints."""
    low, high = np.zeros_like(x), np.ones_like(x)
    held = [*discrete, *(space.names.index(name) for name in getattr(space, "pinned", ()))]
    low[:, held] = high[:, held] = x[:, held]
    if not space.linear and not space.nonlinear:
        return _ascend(acquisition, x, low, high)
    within = encoded_constraints(space, x)
    ends = [
        _ascend(acquisition, x[i : i + 1], low[i : i + 1], high[i : i + 1], within)[0] for i in range(len(x))
    ]
    return np.stack([_back_inside(space, a, b) for a, b in zip(x, ends, strict=True)])


def _ascend(
    acquisition: Acquisition,
    x: Array,
    low: Array,
    high: Array,
    within: Sequence[LinearConstraint | NonlinearConstraint] = (),
) -> Array:
    """All rows of ``x`` uphill at once, as one problem: their values simply add up."""
    slopes = getattr(acquisition, "with_slopes", None) or partial(_differentiated, acquisition)

    def evaluate(vector: Array) -> tuple[float, Array]:
        values, gradient = slopes(torch.as_tensor(vector.reshape(x.shape)))
        total, downhill = -float(values.sum()), -gradient.numpy().ravel()
        good = math.isfinite(total) and bool(np.isfinite(downhill).all())
        return (total, downhill) if good else (1e10, np.zeros(x.size))

    found = minimize(
        evaluate,
        x.ravel(),
        jac=True,
        bounds=Bounds(low.ravel(), high.ravel()),
        method="SLSQP" if within else "L-BFGS-B",
        constraints=within,
        options={"maxiter": _SMOOTH_STEPS, "ftol": _SMOOTH_GAIN},
    )
    end: Array = np.clip(found.x.reshape(x.shape), low, high)
    return end if np.isfinite(end).all() else x


def _differentiated(acquisition: Acquisition, x: Tensor) -> tuple[Tensor, Tensor]:
    inputs = x.clone().requires_grad_()
    values = acquisition(inputs)
    (gradient,) = torch.autograd.grad(values.sum(), inputs)
    return values.detach(), gradient


def _back_inside(space: Space, start: Array, end: Array) -> Array:
    """The last feasible point on the way from a feasible start to the end."""
    if space.feasible(space.decode(end[None])[0]):
        return end
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        if space.feasible(space.decode((start + middle * (end - start))[None])[0]):
            low = middle
        else:
            high = middle
    found: Array = start + low * (end - start)
    return found


def _hop(space: Space, acquisition: Acquisition, x: Array, discrete: list[int]) -> Array:
    """Take the best single step of a whole number or choice for as long as it goes uphill."""
    value = float(_evaluate(acquisition, x[None])[0])
    for _ in range(_ROUNDS):
        neighbours = [n for n in _neighbours(space, x, discrete) if space.feasible(space.decode(n[None])[0])]
        if not neighbours:
            return x
        values = _evaluate(acquisition, np.stack(neighbours))
        best = int(np.argmax(values))
        if values[best] <= value + 1e-9:
            return x
        x, value = neighbours[best], float(values[best])
    return x


def _neighbours(space: Space, x: Array, discrete: list[int]) -> list[Array]:
    found: list[Array] = []
    parameters = list(space.parameters.values())
    for i in discrete:
        parameter = parameters[i]
        others: Sequence[Scalar]
        assert not isinstance(parameter, Float)
        here = parameter.from_unit(float(x[i]))
        if isinstance(parameter, Choice):
            others = [o for o in parameter.options if o != here or type(o) is not type(here)]
        else:
            assert isinstance(here, int)
            reach = {1, max(1, (parameter.high - parameter.low) // 10)}
            steps = (here + s * r for r in reach for s in (-1, 1))
            others = [o for o in steps if parameter.low <= o <= parameter.high]
        for other in others:
            moved = x.copy()
            moved[i] = parameter.to_unit(other)
            found.append(moved)
    return found
