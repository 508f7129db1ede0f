"""What the surrogate believes: the panel, whichever of its views is shown."""

from __future__ import annotations

from typing import Any

from aisteer.steering.rolling import ROLLING
from aisteer.steering.widening import in_words
from aisteer.surrogates.calibration import NEEDED, off_at_half, wilson
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.asked import Question
from aisteer_widgets.view_models.belief_drives import drives
from aisteer_widgets.view_models.belief_pool import ranked
from aisteer_widgets.view_models.belief_space import held, map_of, outcomes_of, slices_of, told_of
from aisteer_widgets.view_models.belief_tested import calibration, half_inside, tested
from aisteer_widgets.view_models.front import front
from aisteer_widgets.view_models.questions import axes_of, place_of, view_of, views_of
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import Task, task_of

__all__ = ["belief"]

Json = dict[str, Any]
OF_THE_JOURNAL = {"calibration", "front"}
"""Views that the journal alone can show."""


def belief(scene: Scene, wishes: Wishes) -> Json:
    """The chosen view of the surrogate, and which others there are."""
    task = task_of(scene.state, wishes.task)
    if task.objective is None:
        return {"views": [], "view": "", "sub": "", "empty": "This task has no objective.", "chart": None}
    counted = scene.tally.coverage(task.name)
    view = view_of(scene.state, wishes, tested=counted[1] > 0)
    fitted = scene.state.models.get(task.name)
    question = _question(task, wishes, view)
    known = scene.beliefs.get(question)
    asks = view not in OF_THE_JOURNAL
    stale = asks and known is None
    known = known if known is not None else scene.beliefs.near(question)
    refused = str((known or {}).get("refused", ""))
    chart = None if refused else _chart(view, scene, known, task, wishes)
    measured = scene.tally.best(task.name)
    best = measured.run if measured is not None else ""
    return {
        "views": views_of(scene.state, task, tested=counted[1] > 0),
        "view": view,
        "sub": _subs(scene, task, counted, fitted.summary if fitted else {}),
        "warning": _warning(task, fitted.summary if fitted else {}),
        "note": _widened(fitted.summary if fitted else {}),
        "chart": chart,
        "empty": refused or ("" if chart else _empty(scene, wishes.task, view)),
        "busy": _busy(scene, question, stale=stale) if chart is not None else None,
        "axes": _axes(task, wishes) if view == "map" else None,
        "outcomes": outcomes_of(task, known, wishes) if chart is not None else None,
        "held": held(task, wishes, known, axes_of(task, wishes) if view == "map" else (), best)
        if view in {"map", "slices"}
        else None,
    }


def _question(task: Task, wishes: Wishes, view: str) -> Question:
    if view == "map":
        names = axes_of(task, wishes)
        return Question(task.name, "map", names, place_of(task, wishes, names))
    if view == "slices":
        return Question(task.name, "slices", (), place_of(task, wishes))
    return Question(task.name, view)


def _chart(view: str, scene: Scene, known: Json | None, task: Task, wishes: Wishes) -> Json | None:
    if view == "calibration":
        return calibration(scene, task)
    if view == "front":
        return front(scene, task)
    if view == "tested":
        return tested(scene, task, known)
    if known is None:
        return None
    if view in {"map", "slices"}:
        shown = map_of if view == "map" else slices_of
        return shown(scene, task, told_of(known, wishes.belief_outcome), wishes.belief_outcome)
    made = {"drives": drives, "pool": ranked}.get(view)
    return made(scene, task, known) if made is not None else None


def _axes(task: Task, wishes: Wishes) -> Json:
    """What may be chosen for a map's axes."""
    x, y = axes_of(task, wishes)
    options = [{"name": n, "label": fmt.label(n, p.unit)} for n, p in task.parameters.items()]
    return {"x": x, "y": y, "options": options}


def _busy(scene: Scene, question: Question, *, stale: bool) -> Json | None:
    """That a newer picture is on its way, and how far it is."""
    asked = scene.beliefs.asked == question
    if not asked and not stale:
        return None
    share = scene.beliefs.share if asked else 0.0
    words = "Computing" if asked else "Waiting for the surrogate"
    return {"share": round(share, 2), "words": words, "stale": stale}


def _subs(scene: Scene, task: Task, counted: tuple[int, int], summary: Json) -> str:
    """Calibration in words; of several outcomes each by its name."""
    of = int((summary.get("calibration") or {}).get("of") or 0) or counted[1]
    said = _sub(counted, summary, half_inside(scene, task, of))
    others = {n: o for n, o in (summary.get("outcomes") or {}).items() if n != _first(task)}
    if not said or not others:
        return said
    told = [(name, _sub((0, 0), other)) for name, other in others.items()]
    return "; ".join(f"{fmt.label(n)} {words}" for n, words in [(_first(task), said), *told] if words)


def _first(task: Task) -> str:
    return task.objective.outcome if task.objective is not None else ""


def _sub(counted: tuple[int, int], summary: Json, half: int | None = None) -> str:
    """Calibration in words, by a count that is given: the fit's own where it has one.

    It is said to be off where 90 % is outside the count's own 95 % interval, or half of the outcomes outside the 99 %
    interval of those in their 50 % intervals, ``half``: one level alone would praise what is far off at the others.
    """
    known = summary.get("calibration") or {}
    if known.get("of"):
        inside, n = int(known["inside"]), int(known["of"])
        low, high = float(known["low"]), float(known["high"])
    else:
        inside, n = counted
        low, high = wilson(inside, n)
    if n < 5:
        return f"calibration not known yet: {fmt.count(n, 'prediction')} tested" if n else ""
    word = (
        "well calibrated" if low <= 0.9 <= high else "over-confident" if inside / n < 0.9 else "too cautious"
    )
    inner = ""
    if word == "well calibrated" and half is not None and (off := off_at_half(half, n)):
        word = "over-confident" if off == "narrow" else "too cautious"
        inner = f", {half:,} in their 50{fmt.NARROW}% ones"
    if word == "well calibrated" and (known.get("drift") or {}).get("found"):
        word = "no longer as calibrated as before"
    of = f"the last {n}" if known.get("of") and n >= ROLLING else f"{n:,}"
    return f"{word}: {inside:,} of {of} outcomes in their 90{fmt.NARROW}% intervals{inner}"


def _widened(summary: Json) -> str:
    """That intervals are wider than the surrogate's own, which is a correction and no doubt."""
    each = summary.get("outcomes") or {"": summary}
    said = [(n, in_words(float(o.get("widened") or 1.0))) for n, o in each.items()]
    return " ".join(f"{fmt.label(n)}: {w}" if len(each) > 1 else w for n, w in said if w)


def _warning(task: Task, summary: Json) -> str:
    """When the surrogate should not be trusted, in the fit's own words; empty where nothing speaks against it."""
    said = _doubts(summary)
    first = _first(task)
    for name, other in (summary.get("outcomes") or {}).items():
        if name != first:
            said += [f"{fmt.label(name)}: {words}" for words in _doubts(other)]
    return fmt.clip(" ".join(said), 700)


def _doubts(summary: Json) -> list[str]:
    """What speaks against the surrogate of one outcome."""
    said = []
    known = summary.get("calibration") or {}
    if int(known.get("of") or 0) >= NEEDED and not known.get("trusted"):
        said.append(str(known.get("words") or ""))
    skill = summary.get("skill") or {}
    if skill and float(skill.get("explained", 1.0)) <= 0:
        said.append(str(skill.get("words") or ""))
    widened = in_words(float(summary.get("widened") or 1.0))
    besides = str(summary.get("words") or "").replace(widened, "").strip()
    return [words for words in [*said, besides] if words]


def _empty(scene: Scene, task: str, view: str) -> str:
    if scene.tally.behind:
        return f"Reading {scene.tally.behind:,} earlier runs…"
    if view == "front":
        return "The trade-off appears with the first run that has all of its outcomes."
    if scene.state.models.get(task) is None:
        return "No surrogate yet: it is fitted when three runs of this task have ended (a random arm does not count)."
    if view == "calibration":
        return "Predictions are tested as runs end; the picture appears with the first one."
    return _whom_to_ask(scene)


def _whom_to_ask(scene: Scene) -> str:
    if not scene.driver:
        return "The surrogate lives with the driver, and there is none: it shows once the campaign is driven from here."
    if not scene.health:
        return "The surrogate lives in the process that drives the campaign; it can be seen there."
    return "Asking the surrogate…"
