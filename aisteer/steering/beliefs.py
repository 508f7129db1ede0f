"""What the surrogate believes, as arrays for figures and views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisteer.errors import BadParameters, NotSupported
from aisteer.problem.naming import did_you_mean
from aisteer.problem.parameters import Choice, Int
from aisteer.problem.space import Space
from aisteer.steering.criteria.feasibility import asked, log_feasible
from aisteer.steering.criteria.protocol import Scores
from aisteer.steering.domains import Box, Candidates
from aisteer.steering.fitting import Belief, Fitter
from aisteer.steering.predictors import LEAST
from aisteer.steering.protocols import Evidence, Json, Policy

__all__ = ["Arrays", "Progress", "at_runs", "belief", "believed", "slices"]

Arrays = dict[str, Any]
Progress = Callable[[float], None]
"""Told of the share that is done, 0 to 1, while something long is computed."""
_FINEST = 201
_ROWS = 512
"""Points that are predicted between two words about the progress."""


def _silent(_share: float) -> None:
    """Progress that nobody looks at."""


def believed(policy: Policy, evidence: Evidence) -> tuple[Belief, Box | Candidates]:
    """The fitted surrogate of a task, and its inputs.

    Raises:
        NotSupported: The policy has no surrogate, or there is not enough to fit one yet.
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
    assert isinstance(domain, Box | Candidates)
    return known, domain


def belief(
    policy: Policy,
    evidence: Evidence,
    *,
    x: str | None,
    y: str | None,
    resolution: int,
    at: Json,
    progress: Progress = _silent,
) -> Arrays:
    """Mean and standard deviation of the noise-free objective, in its own sense and unit.

    Args:
        policy: A policy with a surrogate.
        evidence: What it is fitted on.
        x: The parameter along the slice; the first number where not given.
        y: A second one makes it a grid. Pools have neither.
        resolution: Points along each axis, at most 201.
        at: Values of the other parameters; those of the best run where not given.
        progress: Told of the share that is done.

    Returns:
        For a box: ``x`` (values, shape ``(n,)``; options where it is a choice), ``y`` (shape ``(m,)``, grids only),
        ``mean``, ``std``, ``acquisition`` (shape ``(n,)`` or ``(m, n)``; nan outside the constraints), ``at``,
        ``names``.
        For a pool: ``keys``, ``mean``, ``std``, ``acquisition`` of all candidates, shape ``(N,)``, ``ran``.
        For both, what ``at_runs`` says.

    Raises:
        NotSupported: The policy has no surrogate, or there is not enough to fit one yet.
        BadParameters: A name that is no parameter of the space, or the same one twice.
    """
    known, domain = believed(policy, evidence)
    if isinstance(domain, Candidates):
        shown = _everywhere(known, domain, _judge(policy, evidence))
    else:
        names = [x if x is not None else _first_number(domain.space), *([y] if y is not None else [])]
        if len(set(names)) < len(names):
            raise BadParameters(f"A map needs two different parameters, not {names[0]!r} twice.", name=x)
        shown = _grid(
            known,
            domain,
            _judge(policy, evidence),
            names,
            n=min(max(2, resolution), _FINEST),
            at=at,
            progress=progress,
        )
    return {**shown, **at_runs(policy, evidence)}


def slices(
    policy: Policy, evidence: Evidence, *, resolution: int, at: Json, progress: Progress = _silent
) -> list[Arrays]:
    """The belief along each parameter of a box, all through the same point.

    Args:
        policy: A policy with a surrogate of a box.
        evidence: What it is fitted on.
        resolution: Points along each, at most 201.
        at: The point; where a parameter is not given, the best run's.
        progress: Told of the share that is done.

    Returns:
        For each parameter, in the space's order: ``x``, ``mean``, ``std`` (shape ``(n,)``), ``names`` (the one),
        ``at`` (all the others).

    Raises:
        NotSupported: As ``belief``; or the space is a pool.
        BadParameters: A name that is no parameter of the space.
    """
    known, domain = believed(policy, evidence)
    if isinstance(domain, Candidates):
        raise NotSupported("Candidates of a pool have features, not parameters that one could slice along.")
    n = min(max(2, resolution), _FINEST)
    found, judge = [], _judge(policy, evidence)
    for place, name in enumerate(domain.names):
        found.append(_grid(known, domain, judge, [name], n=n, at=at, progress=_silent))
        progress((place + 1) / len(domain.names))
    return found


def at_runs(policy: Policy, evidence: Evidence) -> Arrays:
    """What the surrogate says at the runs that it was fitted on, but for those that were stopped.

    Returns:
        ``outcome``, ``unit``, ``runs``, ``points`` (parameters), ``measured``, ``error`` (0 where not known),
        ``loo_mean``, ``loo_std`` (each from the others, noise included), ``held_out`` (how they were left out),
        ``best_run``, ``calibration``, ``skill``.

    Raises:
        NotSupported: As ``belief``.
    """
    known, _ = believed(policy, evidence)
    sign, left = known.objective.sign, known.process.leave_one_out()
    ran = np.array([not d.estimated for d in known.data])  # what was only foreseen was not measured
    return {
        "outcome": known.objective.outcome,
        "unit": known.objective.unit,
        "runs": [d.run for d in known.data if not d.estimated],
        "points": [d.parameters for d in known.data if not d.estimated],
        "measured": known.y[ran],
        "error": known.error[ran],
        "loo_mean": sign * left.mean[ran],
        "loo_std": left.std[ran],
        "held_out": known.process.held_out,
        "best_run": known.best_run,
        "calibration": known.calibration.to_json(),
        "skill": known.skill.to_json() if known.skill else None,
    }


def _predicted(
    known: Belief, x: NDArray[np.float64], judge: Judge, progress: Progress = _silent
) -> dict[str, NDArray[np.float64]]:
    """What there is to be shown at inputs, shape ``(n, d)``, by name.

    Of the first objective ``mean``, ``std`` and ``acquisition``; of each further outcome ``mean of …`` and
    ``std of …``; and ``feasible``, the probability that all that is asked of outcomes is met, where something is.
    """
    parts: list[dict[str, NDArray[np.float64]]] = []
    for begin in range(0, len(x), _ROWS):
        some = x[begin : begin + _ROWS]
        part: dict[str, NDArray[np.float64]] = {}
        for name, one in known.known.items():
            of = "" if one is known.first else f" of {name}"
            part[f"mean{of}"], part[f"std{of}"] = one.predict(some)
        part["acquisition"] = judge(known, some).value
        if asked(known):
            part["feasible"] = np.exp(log_feasible(known, some))
        parts.append(part)
        progress(min(1.0, (begin + _ROWS) / len(x)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


Judge = Callable[[Belief, NDArray[np.float64]], Scores]
"""The acquisition at inputs, shape ``(n, d)``."""


def _judge(policy: Policy, evidence: Evidence) -> Judge:
    judge: Judge = policy.judge(evidence)  # type: ignore[attr-defined]  # a policy with a Fitter has it
    return judge


def _everywhere(known: Belief, domain: Candidates, judge: Judge) -> Arrays:
    ran = np.zeros(len(domain), dtype=bool)
    ran[domain.rows([d.parameters for d in known.data])] = True
    return {"keys": domain.keys, "ran": ran, **_predicted(known, domain.matrix, judge)}


def _grid(
    known: Belief, domain: Box, judge: Judge, names: list[str], *, n: int, at: Json, progress: Progress
) -> Arrays:
    """The belief along one parameter or over two, the others held."""
    space = domain.space
    for name in (*names, *at):
        if name not in space.parameters:
            raise BadParameters(
                f"There is no parameter {name!r}.{did_you_mean(name, space.names)}", name=name
            )
    base = _base(known, space, at)
    axes = [_axis(space, name, n) for name in names]
    grid = [{**base, names[0]: a} for a in axes[0]]
    if len(names) > 1:
        grid = [{**point, names[1]: b} for b in axes[1] for point in grid]
    shape = tuple(len(axis) for axis in reversed(axes))
    shown = _predicted(known, domain.encode(grid), judge, progress)
    outside = np.array([not space.feasible(point) for point in grid])
    arrays: Arrays = {
        name: np.where(outside, np.nan, values).reshape(shape) for name, values in shown.items()
    }
    arrays |= {which: np.array(axis) for which, axis in zip("xy", axes, strict=False)}
    return {**arrays, "at": {k: v for k, v in base.items() if k not in names}, "names": names}


def _base(known: Belief, space: Space, at: Json) -> Json:
    """Where the parameters stand: as asked, else as in the best run."""
    best = known.data[known.place].parameters
    return {
        name: parameter.validate(name, at[name]) if name in at else best[name]
        for name, parameter in space.parameters.items()
    }


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
