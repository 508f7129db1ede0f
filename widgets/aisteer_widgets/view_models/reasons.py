"""A proposal's reasons in words. They are made of the model's terms; nothing is added here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.steps import step_in_words
from aisteer_widgets.view_models.tasks import Task

__all__ = ["Words", "words_of"]

Json = dict[str, Any]
NEGLIGIBLE = 1e-6
"""Of the standard deviation of a prediction: a gain below that is none."""


def _nowhere(run: str) -> str:
    del run
    return ""


@dataclass(slots=True)
class Words:
    """Reasons, sorted by where they stand on the card.

    Attributes:
        split: How much of the acquisition comes from the predicted mean and how much from the uncertainty:
            ``exploit`` (a share), ``text``, and ``title`` with the numbers and what the parts are.
        acquisition: The acquisition's value with its name.
        nearest: The nearest runs with their outcomes.
        warnings: What a human should look at twice.
        risks: The probability that each constraint on outcomes is met: ``term``, ``text``, ``bad``.
        slopes: What a step of one length scale in each parameter would change, the largest first.
        next: What would come if it were rejected: the reason itself; nothing where it is not known.
        others: Everything else that has words.
        where: A run's point in words.
        scale: Standard deviation of the prediction, in the objective's unit; 0 where there is none.
    """

    split: Json | None = None
    acquisition: str = ""
    nearest: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    risks: list[Json] = field(default_factory=list)
    slopes: list[str] = field(default_factory=list)
    next: Json | None = None
    others: list[str] = field(default_factory=list)
    where: Callable[[str], str] = _nowhere
    scale: float = 0.0

    def beside(self, value: float, unit: str) -> str:
        """A measured value, to the digits in which it differs from what is predicted."""
        return fmt.moving(value, (0.0, self.scale), unit)


def words_of(
    reasons: Iterable[Json], task: Task, where: Callable[[str], str] = _nowhere, scale: float = 0.0
) -> Words:
    """Each reason by its kind; one of an unknown kind is shown by its own words, or not at all.

    Args:
        reasons: As a policy gave them.
        task: The task.
        where: A run's point in words, where there is room for it.
        scale: Standard deviation of the objective as predicted: what is next to nothing beside it is none.
    """
    words = Words(where=where, scale=scale)
    for reason in reasons:
        _KINDS.get(str(reason.get("kind", "")), _other)(words, reason, task)
    words.nearest = words.nearest[:3]
    words.warnings = words.warnings[:4]
    words.others = words.others[:4]
    return words


def _acquisition(words: Words, reason: Json, task: Task) -> None:
    value, exploit, explore = (_number(reason.get(n)) for n in ("value", "exploit", "explore"))
    name = fmt.clip(reason.get("name") or "acquisition", 90)
    unit = _unit(reason, task)
    sizes = [abs(n) for n in (value, exploit, explore) if n is not None]
    if value is not None and reason.get("unit") in {None, unit} and max(sizes) < NEGLIGIBLE * words.scale:
        words.acquisition = f"{name}: nothing to gain any more"
        return
    if value is not None:
        words.acquisition = f"{name} {fmt.quantity(value, unit, 2)}"
    if exploit is None or explore is None or not explore > 0:
        return
    # A mean below the best takes away from the acquisition: then all of it comes from the uncertainty.
    share = max(exploit, 0.0) / (max(exploit, 0.0) + explore)
    parts = fmt.quantity(exploit, unit, 2), fmt.quantity(explore, unit, 2)
    words.split = {
        "exploit": round(share, 2),
        "text": _split(share),
        "parts": [fmt.number(exploit, 2), fmt.number(explore, 2)],
        "title": (
            f"The acquisition ({name}) ranks candidates. It is the sum of two parts: {parts[0]} from the predicted "
            f"mean (exploit: what the model expects here) and {parts[1]} from the prediction's uncertainty "
            "(explore: what it does not know here)."
        ),
    }


def _unit(reason: Json, task: Task) -> str:
    """The acquisition's own unit, where it says one; a factor stands in the head, once."""
    given = reason.get("unit")
    if not isinstance(given, str):
        return task.objective.shown_unit if task.objective else ""
    return "" if given[:1].isdigit() else fmt.clip(given, 24)


def _split(share: float) -> str:
    """Which part of the acquisition comes from where; never a percentage of nothing."""
    percent = round(100 * share)
    if percent == 0:
        return f"{'nearly ' if share else ''}all of the acquisition from the uncertainty (explore)"
    if percent == 100:
        return "nearly all of the acquisition from the predicted mean (exploit)"
    return (
        f"{percent}{fmt.NARROW}% of the acquisition from the predicted mean (exploit), "
        f"{100 - percent}{fmt.NARROW}% from the uncertainty (explore)"
    )


def _initial(words: Words, reason: Json, task: Task) -> None:
    del task
    of = _number(reason.get("of"))
    among = f"one of {of:.0f} first points" if of else "a first point"
    words.others.append(f"{among}, spread out so that there is something to learn from, whatever its rank")


def _nearest(words: Words, reason: Json, task: Task) -> None:
    unit = task.objective.shown_unit if task.objective else ""
    for run in reason.get("runs") or []:
        if not isinstance(run, dict):
            continue
        value, error = _number(run.get("value")), _number(run.get("standard_error")) or 0.0
        shown = (
            "" if value is None else fmt.estimate(value, error, unit) if error else words.beside(value, unit)
        )
        outcome = f": {shown}" if shown else ""
        name = fmt.clip(run.get("run", ""), 12)
        named = " ".join(filter(None, [name, words.where(name)]))
        foreseen = ", foreseen when it was stopped" if run.get("estimated") else ""
        words.nearest.append(f"{named}{_how_near(run)}{outcome}{foreseen}")


def _how_near(run: Json) -> str:
    similarity, distance = _number(run.get("similarity")), _number(run.get("distance"))
    if similarity is not None:
        return f", {fmt.percent(similarity)} similar"
    if distance is None:
        return ""
    return f", {fmt.percent(distance)} away" if distance <= 1 else f", {fmt.number(distance, 2)} away"


def _sensitivity(words: Words, reason: Json, task: Task) -> None:
    """Slopes of the mean, per length scale; those below a tenth of the largest are left out."""
    known = []
    for slope in reason.get("slopes") or []:
        change, share = _number(slope.get("change")), _number(slope.get("share"))
        if change and share:
            known.append((str(slope.get("name", "")), change, share))
    most = max((abs(change) for _, change, _ in known), default=0.0)
    unit = task.objective.shown_unit if task.objective else ""
    for name, change, share in known[:4]:
        if abs(change) >= 0.1 * most:
            sign = "+" if change > 0 else ""
            step = step_in_words(task.parameter(name), share)
            words.slopes.append(f"{fmt.label(name)} {sign}{fmt.quantity(change, unit, 2)} per {step}")


def _feasibility(words: Words, reason: Json, task: Task) -> None:
    """The risk that what is asked of outcomes is not met, by the model."""
    del task
    for one in (reason.get("constraints") or [])[:6]:
        chance = _number(one.get("probability"))
        if chance is not None:
            text = f"{fmt.clip(one.get('text') or '', 60)}: {fmt.percent(chance)} sure"
            words.risks.append({"term": "Feasible", "text": text, "bad": chance < 0.5})
    if "No run meets it yet" in str(reason.get("words") or ""):
        words.warnings.append("no run meets the constraints yet")


def _failure(words: Words, reason: Json, task: Task) -> None:
    """How likely it is to fail, by the runs that did."""
    del task
    chance, failed, of = (_number(reason.get(n)) for n in ("probability", "failed", "of"))
    if chance is None:
        return
    near = f": {failed:.0f} of the {of:.0f} nearest runs failed" if failed is not None and of else ""
    words.risks.append(
        {"term": "Failure", "text": f"{fmt.percent(chance)} likely{near}", "bad": chance >= 0.5}
    )


def _next(words: Words, reason: Json, task: Task) -> None:
    del task
    words.next = reason


def _distance(words: Words, reason: Json, task: Task) -> None:
    del task
    if not reason.get("far"):
        return
    scales = _number(reason.get("length_scales"))
    how = f" ({fmt.number(scales, 2)} length scales)" if scales is not None else ""
    words.warnings.append(f"far from any run{how}")


def _calibration(words: Words, reason: Json, task: Task) -> None:
    del task
    text = _text(reason, 600)
    if not reason.get("trusted") and "over-confident" in text:
        words.warnings.append("the model is over-confident")
    elif not reason.get("trusted") and "have drifted" in text:
        words.warnings.append("the model's predictions have drifted")


def _calibrations(words: Words, reason: Json, task: Task) -> None:
    """Of several outcomes, those beyond the first whose predictions should not be trusted."""
    first = task.objective.outcome if task.objective else ""
    for name, told in (reason.get("outcomes") or {}).items():
        text = str(told.get("words") or "")
        if name == first or told.get("trusted"):
            continue
        if "over-confident" in text:
            words.warnings.append(f"the model is over-confident of {fmt.label(name)}")
        elif "have drifted" in text:
            words.warnings.append(f"the model's predictions of {fmt.label(name)} have drifted")


def _fit(words: Words, reason: Json, task: Task) -> None:
    """What the fit itself says; where it knows no better than the mean, that is a reason to look twice."""
    if "does no better than their mean" in _text(reason, 400):
        words.warnings.append("the model predicts no better than the mean of the runs")
    else:
        _other(words, reason, task)


def _warning(words: Words, reason: Json, task: Task) -> None:
    del task
    words.warnings.append(_text(reason))


def _silent(words: Words, reason: Json, task: Task) -> None:
    """Said elsewhere on the screen."""


def _other(words: Words, reason: Json, task: Task) -> None:
    del task
    if text := _text(reason):
        words.others.append(text)


def _text(reason: Json, most: int = 160) -> str:
    return fmt.clip(reason.get("words") or reason.get("text") or reason.get("message") or "", most)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


_KINDS = {
    "acquisition": _acquisition,
    "initial": _initial,
    "nearest": _nearest,
    "calibrations": _calibrations,
    "distance": _distance,
    "early_stop": _silent,
    "failure_risk": _failure,
    "feasibility": _feasibility,
    "fit": _fit,
    "outcomes": _silent,
    "next": _next,
    "sensitivity": _sensitivity,
    "calibration": _calibration,
    "noise": _silent,
    "warning": _warning,
}
