"""What the surrogate believes, as arrays for figures and views."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.errors import BadParameters, NotSupported
from aisteer.problem.parameters import Choice, Int
from aisteer.problem.space import Space, did_you_mean
from aisteer.steering.domains import Box, Candidates
from aisteer.steering.explanation import Score, improvement, optimism
from aisteer.steering.fitting import LEAST, Belief, Fitter
from aisteer.steering.protocols import Evidence, Json, Policy

__all__ = ["Arrays", "belief"]

Arrays = dict[str, Any]
_FINEST = 201


def belief(
    policy: Policy, evidence: Evidence, *, x: str | None, y: str | None, resolution: int, at: Json
) -> Arrays:
    """Mean and standard deviation of the noise-free objective, in its own sense and unit.

    Args:
        policy: A policy with a surrogate.
        evidence: What it is fitted on.
        x: The parameter along the slice; the first number where not given.
        y: A second one makes it a grid. Pools have neither.
        resolution: Points along each axis, at most 201.
        at: Values of the other parameters; those of the best run where not given.

    Returns:
        For a box: ``x`` (values, shape ``(n,)``), ``y`` (shape ``(m,)``, grids only), ``mean``, ``std``,
        ``acquisition`` (shape ``(n,)`` or ``(m, n)``; nan outside the constraints), ``at``, ``names``.
        For a pool: ``keys``, ``mean``, ``std``, ``acquisition`` of all candidates, shape ``(N,)``, ``ran``.
        For both: ``outcome``, ``unit``, ``runs``, ``measured``, ``error`` (0 where not known), ``points``
        (parameters of the runs), ``loo_mean``, ``loo_std`` (each from the others, noise included; the
        hyper-parameters saw them all), ``best_run``, ``calibration``, ``skill``.

    Raises:
        NotSupported: The policy has no surrogate, or there is not enough to fit one yet.
        BadParameters: A name that is no number of the space.
    """
    fitter = getattr(policy, "fitter", None)
    if not isinstance(fitter, Fitter):
        words = f"The task {evidence.task!r} is not steered by a surrogate, so there is no belief to show."
        raise NotSupported(words)
    known = fitter.belief(evidence)
    if known is None:
        words = (
            f"The surrogate begins with {LEAST} outcomes, and there are {len(evidence.data)}. Run some more."
        )
        raise NotSupported(words)
    domain = fitter.domain
    if isinstance(domain, Box):
        shown = _slice(known, domain, x, y, n=min(max(2, resolution), _FINEST), at=at)
    else:
        assert isinstance(domain, Candidates)
        shown = _everywhere(known, domain)
    return {**shown, **_at_runs(known)}


def _at_runs(known: Belief) -> Arrays:
    sign, left = known.objective.sign, known.process.leave_one_out()
    return {
        "outcome": known.objective.outcome,
        "unit": known.objective.unit,
        "runs": [d.run for d in known.data],
        "points": [d.parameters for d in known.data],
        "measured": known.y,
        "error": known.error,
        "loo_mean": sign * left.mean,
        "loo_std": left.std,
        "best_run": known.best_run,
        "calibration": known.calibration.to_json(),
        "skill": known.skill.to_json() if known.skill else None,
    }


def _predicted(known: Belief, x: NDArray[np.float64], score: Score) -> dict[str, NDArray[np.float64]]:
    mean, std = known.process.predict(x)
    scores = score(known, mean, std)
    return {"mean": known.objective.sign * mean, "std": std, "acquisition": scores.exploit + scores.explore}


def _everywhere(known: Belief, domain: Candidates) -> Arrays:
    ran = np.zeros(len(domain), dtype=bool)
    ran[domain.rows([d.parameters for d in known.data])] = True
    return {"keys": domain.keys, "ran": ran, **_predicted(known, domain.matrix, optimism)}


def _slice(known: Belief, domain: Box, x: str | None, y: str | None, *, n: int, at: Json) -> Arrays:
    space = domain.space
    first = x if x is not None else _first_number(space)
    names = [first] if y is None else [first, y]
    for name in (*names, *at):
        if name not in space.parameters:
            raise BadParameters(
                f"There is no parameter {name!r}.{did_you_mean(name, space.names)}", name=name
            )
    best = next(d for d in known.data if d.run == known.best_run).parameters
    base = {name: at.get(name, best[name]) for name in space.names}
    axes = [_axis(space, name, n) for name in names]
    grid = [{**base, names[0]: a} for a in axes[0]]
    if y is not None:
        grid = [{**point, y: b} for b in axes[1] for point in grid]
    shape = tuple(len(axis) for axis in reversed(axes))
    shown = _predicted(known, domain.encode(grid), improvement)
    outside = np.array([not space.feasible(point) for point in grid])
    arrays: Arrays = {
        name: np.where(outside, np.nan, values).reshape(shape) for name, values in shown.items()
    }
    arrays["x"] = np.array(axes[0])
    if y is not None:
        arrays["y"] = np.array(axes[1])
    return {**arrays, "at": {k: v for k, v in base.items() if k not in names}, "names": names}


def _first_number(space: Space) -> str:
    for name, parameter in space.parameters.items():
        if not isinstance(parameter, Choice):
            return name
    return space.names[0]


def _axis(space: Space, name: str, n: int) -> list[Any]:
    parameter = space.parameters[name]
    if isinstance(parameter, Choice):
        return list(parameter.options)
    values = [parameter.from_unit(u) for u in np.linspace(0.0, 1.0, n).tolist()]
    return sorted(set(values)) if isinstance(parameter, Int) else values
