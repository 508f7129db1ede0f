"""The reasons of a proposal, one kind each: numbers that the model has, and words made of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.constraints import Linear
from aisteer.steering.criteria.feasibility import asked, probabilities
from aisteer.steering.criteria.hypervolume import reference_of
from aisteer.steering.criteria.improvement import Improvement
from aisteer.steering.criteria.protocol import Scores
from aisteer.steering.domains import Box, Domain
from aisteer.steering.fitting import Belief
from aisteer.steering.ledger import measured
from aisteer.steering.protocols import Datum, Json

__all__ = [
    "acquisition",
    "distance",
    "feasibility",
    "improvement",
    "model",
    "nearest",
    "outcomes",
    "reference",
    "region",
]

Array = NDArray[np.float64]

_NEAREST = 3
_FAR_BELOW = 0.5
_EDGE = 0.02
_ON = 1e-6


def acquisition(scores: Scores) -> list[list[Json]]:
    """Of each input, the policy's acquisition in its two terms."""
    return [
        [
            {
                "kind": "acquisition",
                "name": scores.name,
                "value": value,
                "exploit": exploit,
                "explore": explore,
                "unit": scores.unit,
            }
        ]
        for value, exploit, explore in zip(
            scores.value.tolist(), scores.exploit.tolist(), scores.explore.tolist(), strict=True
        )
    ]


def improvement(belief: Belief, x: Array, spread: Array, instead: Sequence[float | None]) -> list[list[Json]]:
    """Of each input, the expected improvement over the best run, or what counts ``instead``; where there is a best."""
    if not (belief.goals.has_best and belief.feasible and belief.attained):
        return [[] for _ in x]
    gains = Improvement().scores(belief, x, spread).value.tolist()
    best: Json = {"best": float(belief.first.sign * belief.best), "best_run": belief.best_run}
    return [
        [{"kind": "improvement", "value": float(gain if other is None else other), **best}]
        for gain, other in zip(gains, instead, strict=True)
    ]


def outcomes(belief: Belief, predicted: Json) -> list[Json]:
    """What is expected of each outcome, where there are several."""
    if len(predicted) < 2:
        return []
    rows = [
        {"outcome": name, "mean": mean, "std": std, "unit": belief.known[name].unit}
        for name, (mean, std) in predicted.items()
    ]
    return [{"kind": "outcomes", "outcomes": rows}]


def feasibility(belief: Belief, x: Array) -> list[list[Json]]:
    """Of each input, the risk that each constraint on outcomes is not met; one that is written as a chain is one."""
    constraints = asked(belief)
    if not constraints:
        return [[] for _ in x]
    return [[_feasibility(belief, chances, constraints)] for chances in probabilities(belief, x)]


def _feasibility(belief: Belief, chances: Array, constraints: Sequence[Linear]) -> Json:
    by_text: dict[str, float] = {}
    for constraint, chance in zip(constraints, chances.tolist(), strict=True):
        by_text[constraint.text] = by_text.get(constraint.text, 1.0) * chance
    total = float(np.prod(list(by_text.values())))
    words = f"All that is asked of outcomes is met with a probability of {total:.0%}."
    if not belief.feasible:
        words += " No run meets it yet, so proposals go where that is most likely, whatever the objective."
    listed = [{"text": text, "probability": chance} for text, chance in by_text.items()]
    return {"kind": "feasibility", "probability": total, "constraints": listed, "words": words}


def reference(belief: Belief) -> list[Json]:
    """What runs have to exceed to count, where the data had to give it."""
    if not belief.goals.several:
        return []
    reference = reference_of(belief)
    if not reference.derived and not reference.relaxed:
        return []
    objectives = [one for one in belief.goals.objectives if one.outcome in belief.known]
    values = {one.outcome: float(v) for one, v in zip(objectives, reference.values, strict=True)}
    shown = values if reference.relaxed else {name: values[name] for name in reference.derived}
    named = ", ".join(f"{n} {v:.4g} {belief.known[n].unit}".rstrip() for n, v in shown.items())
    why = "No run exceeds the reference yet" if reference.relaxed else "No reference was given"
    words = f"{why}, so what counts is what the data suggest: better than {named}."
    derived = list(reference.derived)
    return [{"kind": "reference", "values": values, "derived": derived, "words": words}]


def nearest(belief: Belief, domain: Domain, point: Array) -> Json:
    """The runs nearest to an input, shape ``(d,)``: how near, and what came out."""
    measure, values = domain.nearness(point, belief.x.copy())
    order = np.argsort(-values if measure == "similarity" else values, kind="stable")[:_NEAREST]
    runs = [
        {
            "run": belief.data[i].run,
            measure: float(values[i]),
            "value": float(belief.y[i]),
            **_others(belief, belief.data[i]),
            "standard_error": float(belief.error[i]) or None,
            **({"estimated": True} if belief.data[i].estimated else {}),
            "parameters": {name: belief.data[i].parameters.get(name) for name in domain.names},
        }
        for i in order
    ]
    return {"kind": "nearest", "measure": measure, "runs": runs, "outcome": belief.objective.outcome}


def _others(belief: Belief, datum: Datum) -> Json:
    """What came out of a run besides the first outcome, and whether that is what is asked of it."""
    if len(belief.known) < 2:
        return {}
    values = measured(datum)
    found: Json = {"outcomes": {name: values[name] for name in belief.known if name in values}}
    return {**found, "feasible": belief.goals.met(values)} if belief.goals.feasible else found


def distance(belief: Belief, x: Array) -> list[list[Json]]:
    """Of each input, the nearest run in the kernel's own sense."""
    return [[_distance(belief, *one)] for one in zip(x, belief.process.correlation(x), strict=True)]


def _distance(belief: Belief, point: Array, correlation: Array) -> Json:
    """``length_scales`` for kernels that have them."""
    place = int(np.argmax(correlation))
    reason: Json = {
        "kind": "distance",
        "run": belief.data[place].run,
        "correlation": float(correlation[place]),
        "far": bool(correlation[place] < _FAR_BELOW),
    }
    scales = belief.process.length_scales()
    if scales is not None and len(scales) == len(point):
        reason["length_scales"] = float(np.sqrt((((belief.x[place] - point) / scales) ** 2).sum()))
    return reason


def model(belief: Belief) -> list[Json]:
    """What there is to say of the surrogate itself: its noise, how its predictions held, what is unusual."""
    reasons: list[Json] = []
    if np.any(belief.error == 0):
        reasons.append({"kind": "noise", "std": belief.process.noise, "learned": True})
    known = belief.calibration
    reasons.append({"kind": "calibration", "trusted": known.trusted, "words": known.words})
    if belief.skill is not None and belief.skill.explained <= 0:
        reasons.append({"kind": "fit", "words": belief.skill.words})
    for name, one in belief.known.items():
        if one.words:
            whose = f"{name}: " if len(belief.known) > 1 else ""
            reasons.append({"kind": "fit", "words": whose + one.words})
    if len(belief.known) > 1:
        each = {
            name: {"trusted": one.calibration.trusted, "words": one.calibration.words}
            for name, one in belief.known.items()
        }
        reasons.append({"kind": "calibrations", "outcomes": each})
    return reasons


def region(domain: Domain, point: Json, x: Array) -> list[Json]:
    """Which bounds of a box it lies at, or close to: within 2 % of their width."""
    if not isinstance(domain, Box):
        return []
    edges, said = dict[str, str](), list[str]()
    for i, (name, u) in enumerate(zip(domain.names, x.tolist(), strict=True)):
        if i in domain.categorical or _EDGE <= u <= 1 - _EDGE:
            continue
        edges[name] = side = "lower" if u < _EDGE else "upper"
        where = "at" if min(u, 1 - u) < _ON else "close to"
        said.append(f"{name} = {_shown(domain, name, point[name])} is {where} its {side} bound")
    return [{"kind": "region", "edges": edges, "words": ", ".join(said)}] if edges else []


def _shown(domain: Box, name: str, value: object) -> str:
    """A value in words, with its unit; one of an ordered choice may be text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:.6g} {getattr(domain.space.parameters[name], 'unit', '')}".rstrip()
