"""What a proposal says of itself, made of the model's own terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisteer.steering.criteria.feasibility import asked, probabilities
from aisteer.steering.criteria.hypervolume import reference_of
from aisteer.steering.criteria.improvement import Improvement
from aisteer.steering.criteria.protocol import Criterion
from aisteer.steering.domains import Box, Domain
from aisteer.steering.failure_risk import Risk
from aisteer.steering.fitting import Belief
from aisteer.steering.ledger import measured
from aisteer.steering.protocols import Datum, Json
from aisteer.steering.slopes import around

__all__ = ["Standing", "explain"]

Array = NDArray[np.float64]

_NEAREST = 3
_FAR_BELOW = 0.5
_EDGE = 0.02
_ON = 1e-6


@dataclass(frozen=True, slots=True)
class Standing:
    """Where others stand: ``Scores.order`` of the candidates that a point is ranked among."""

    values: Array

    @property
    def of(self) -> int:
        """How many there are."""
        return len(self.values)

    def rank(self, value: float) -> int:
        """1 where none is better; ties do not push down."""
        return 1 + int(np.sum(self.values > value + 1e-9))


def explain(
    belief: Belief,
    domain: Domain,
    points: list[Json],
    *,
    criterion: Criterion,
    spread: Array,
    standing: Standing,
    besides: int = 0,
    weighed: Sequence[Json] | None = None,
    risk: Risk | None = None,
) -> list[Json]:
    """``predicted``, ``acquisition``, ``rank``, ``of`` and ``reasons`` of each point.

    Args:
        belief: The surrogates.
        domain: The space that they were fitted in.
        points: What is asked about.
        criterion: Of the policy.
        spread: Inputs all over the space, shape ``(M, d)``.
        standing: What they are ranked among.
        besides: 1 where the points are not among the candidates of ``standing`` themselves.
        weighed: Of each point what weighing its cost adds: ``reasons``, ``cost``, and the ``gain`` at the truth where
            a run of it is none itself (``aisteer.steering.weighing``).
        risk: Of failing, which the ranks take into account; ``None`` where no run has failed.

    The reasons: ``acquisition`` (the policy's, with its two terms, see ``aisteer.steering.criteria``),
    ``improvement`` (expected, over the best run; where there is a best), ``outcomes`` (mean and standard deviation of
    each, where there are several), ``feasibility`` (the probability that each constraint on outcomes holds),
    ``reference`` (where the data had to give it), ``nearest`` (runs, how near, what came out), ``distance`` (in length
    scales of the kernel and as its correlation with the nearest run; ``far`` where that is below 0.5),
    ``sensitivity`` (see ``aisteer.steering.slopes``), ``noise`` (learned, where errors are not known),
    ``calibration`` and ``fit`` (words), ``calibrations`` (of each outcome, where there are several),
    ``region`` (edges), ``failure_risk`` (how likely the run is to fail, and how the nearest ended).
    """
    x = domain.encode(points)
    scores = criterion.scores(belief, x, spread)
    has_best = belief.goals.has_best and belief.feasible and belief.attained
    gain = Improvement().scores(belief, x, spread) if has_best else None
    weighed = [{}] * len(points) if weighed is None else weighed
    told = {name: known.predict(x) for name, known in belief.known.items()}
    order = scores.order if risk is None else scores.order + risk.log_success(x)
    chances = probabilities(belief, x)
    correlation = belief.process.correlation(x)
    slopes = around(belief, domain, points)
    shared = [*_model(belief), *_reference(belief)]
    found: list[Json] = []
    for i, point in enumerate(points):
        reasons: list[Json] = [
            {
                "kind": "acquisition",
                "name": scores.name,
                "value": float(scores.value[i]),
                "exploit": float(scores.exploit[i]),
                "explore": float(scores.explore[i]),
                "unit": scores.unit,
            }
        ]
        if gain is not None:
            reasons.append(
                {
                    "kind": "improvement",
                    "value": float(weighed[i].get("gain", gain.value[i])),
                    "best": float(belief.first.sign * belief.best),
                    "best_run": belief.best_run,
                }
            )
        predicted = {name: [float(mean[i]), float(std[i])] for name, (mean, std) in told.items()}
        reasons += [
            *weighed[i].get("reasons", ()),
            *_outcomes(belief, predicted),
            *_feasibility(belief, chances[i]),
            *([] if risk is None else [risk.reason(x[i])]),
            _nearest(belief, domain, x[i]),
            _distance(belief, x[i], correlation[i]),
            *slopes[i],
            *shared,
            *_region(domain, point, x[i]),
        ]
        found.append(
            {
                "predicted": predicted,
                "acquisition": float(scores.value[i]),
                "rank": standing.rank(float(order[i])),
                "of": standing.of + besides,
                "reasons": reasons,
                **({"cost": weighed[i]["cost"]} if "cost" in weighed[i] else {}),
            }
        )
    return found


def _outcomes(belief: Belief, predicted: Json) -> list[Json]:
    if len(predicted) < 2:
        return []
    rows = [
        {"outcome": name, "mean": mean, "std": std, "unit": belief.known[name].unit}
        for name, (mean, std) in predicted.items()
    ]
    return [{"kind": "outcomes", "outcomes": rows}]


def _feasibility(belief: Belief, chances: Array) -> list[Json]:
    """The risk that each constraint on outcomes is not met; one that is written as a chain is one."""
    constraints = asked(belief)
    if not constraints:
        return []
    by_text: dict[str, float] = {}
    for constraint, chance in zip(constraints, chances.tolist(), strict=True):
        by_text[constraint.text] = by_text.get(constraint.text, 1.0) * chance
    total = float(np.prod(list(by_text.values())))
    words = f"All that is asked of outcomes is met with a probability of {total:.0%}."
    if not belief.feasible:
        words += " No run meets it yet, so proposals go where that is most likely, whatever the objective."
    listed = [{"text": text, "probability": chance} for text, chance in by_text.items()]
    return [{"kind": "feasibility", "probability": total, "constraints": listed, "words": words}]


def _reference(belief: Belief) -> list[Json]:
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


def _nearest(belief: Belief, domain: Domain, point: Array) -> Json:
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


def _distance(belief: Belief, point: Array, correlation: Array) -> Json:
    """The nearest run in the kernel's own sense; ``length_scales`` for kernels that have them."""
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


def _model(belief: Belief) -> list[Json]:
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


def _region(domain: Domain, point: Json, x: Array) -> list[Json]:
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
