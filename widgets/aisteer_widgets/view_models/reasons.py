"""A proposal's reasons in words. They are made of the model's terms; nothing is added here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aisteer.journal.state import State
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.tasks import Task

__all__ = ["Words", "words_of"]

Json = dict[str, Any]


@dataclass(slots=True)
class Words:
    """Reasons, sorted by where they stand on the card."""

    split: Json | None = None
    nearest: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    acquisition: str = "acquisition"


def words_of(reasons: Iterable[Json], state: State, task: Task) -> Words:
    """Each reason by its kind; one of an unknown kind is shown by its own text, or not at all."""
    words = Words()
    for reason in reasons:
        _sort(words, reason, state, task)
    words.nearest = words.nearest[:3]
    words.warnings = words.warnings[:3]
    words.others = words.others[:4]
    return words


def _sort(words: Words, reason: Json, state: State, task: Task) -> None:
    kind = str(reason.get("kind", ""))
    if kind in {"split", "exploit_explore", "tradeoff"}:
        words.split = _split(reason)
    elif kind in {"nearest", "neighbour", "neighbours"}:
        runs = reason.get("runs") or reason.get("neighbours") or [reason]
        words.nearest.extend(_near(r, state, task) for r in runs if isinstance(r, dict))
    elif kind in {"warning", "far", "outside"}:
        words.warnings.append(_text(reason))
    elif text := _text(reason):
        words.others.append(text)


def _text(reason: Json) -> str:
    return fmt.clip(reason.get("text") or reason.get("words") or reason.get("message") or "", 160)


def _split(reason: Json) -> Json | None:
    exploit = reason.get("exploit")
    if not isinstance(exploit, int | float) or not 0 <= exploit <= 1:
        return None
    share = round(100 * exploit)
    return {"exploit": share / 100, "text": f"{share} % promising, {100 - share} % unknown"}


def _near(found: Json, state: State, task: Task) -> str:
    name = str(found.get("run", ""))
    distance = found.get("distance")
    away = ""
    if isinstance(distance, int | float):
        away = f", {fmt.percent(distance)} away" if distance <= 1 else f", {fmt.number(distance, 2)} away"
    similarity = found.get("similarity")
    if isinstance(similarity, int | float):
        away = f", {fmt.percent(similarity)} similar"
    run = state.runs.get(name)
    objective = task.objective
    value = ""
    if run is not None and objective is not None and objective.outcome in run.outcome:
        value = f": {fmt.estimate(*run.outcome[objective.outcome])}"
    return f"{fmt.clip(name, 12)}{away}{value}"
