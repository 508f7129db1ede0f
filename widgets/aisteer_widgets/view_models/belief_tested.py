"""How predictions held: before runs ended, from the other runs, and over time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from aisteer.steering.rolling import ROLLING
from aisteer.surrogates.calibration import LEVEL, NOT_AGAIN, off_at_half, wilson
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.belief_space import Z95
from aisteer_widgets.view_models.marks import MOST, Marks, letter
from aisteer_widgets.view_models.rates import rate
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tally import Measured
from aisteer_widgets.view_models.tasks import Task

__all__ = ["calibration", "half_inside", "tested"]

Json = dict[str, Any]
WINDOW = 20
"""Outcomes over which the rolling share is taken."""
KEPT = 2000
LEVELS = [round(0.05 * k, 2) for k in range(1, 20)]
WHOSE = {
    "ai": "chosen by the AI",
    "human": "own candidates",
    "random": "drawn at random (audit)",
}


def tested(scene: Scene, task: Task, known: Json | None) -> Json | None:
    """Measured against predicted: as it was predicted before each run, and by the present fit from the other runs."""
    assert task.objective is not None
    before = _before(scene, task)
    others = _from_others(scene, task, known) if known is not None and "runs" in known else None
    if before is None and others is None:
        return None
    return {
        "kind": "tested",
        "panels": [p for p in (before, others) if p is not None],
        "waits": others is None and task.name in scene.state.models,
        "y_label": fmt.label(f"measured {fmt.label(task.objective.outcome)}", task.objective.unit),
    }


def _before(scene: Scene, task: Task) -> Json | None:
    judged = [m for m in scene.tally.of(task.name)[-2 * MOST :] if m.predicted is not None][-MOST:]
    if not judged:
        return None
    noise = _noise(scene, task)
    marks = Marks()
    for m in judged:
        mean, std = m.predicted or (0.0, 0.0)
        wide = math.hypot(std, m.error or noise)
        _put(marks, m.run, m.origin, mean=mean, std=wide, value=m.value, error=m.error)
    return {
        "name": "before",
        "title": "Before it ran",
        "note": f"what the journal says was predicted before each run; {_inside_words(marks)}",
        "x_label": fmt.label("predicted before it ran", task.objective.unit if task.objective else ""),
        "marks": marks.json(),
    }


def _from_others(scene: Scene, task: Task, known: Json) -> Json:
    origin = {m.run: m.origin for m in scene.tally.of(task.name)}
    marks = Marks()
    rows = zip(
        known["runs"], known["loo_mean"], known["loo_std"], known["measured"], known["error"], strict=True
    )
    for run, *numbers in list(rows)[-MOST:]:
        mean, std, value, error = (float(v) for v in numbers)
        _put(marks, run, origin.get(run, "ai"), mean=mean, std=std, value=value, error=error)
    skill = known.get("skill") or {}
    return {
        "name": "others",
        "title": "From the other runs",
        "note": f"leave-one-out: {_left_out(known)}.{_explained(skill)} {_inside_words(marks)}",
        "x_label": fmt.label("predicted from the other runs", task.objective.unit if task.objective else ""),
        "marks": marks.json(),
    }


def _left_out(known: Json) -> str:
    """How each run was left out; a process keeps its hyper-parameters, which have seen it."""
    how = str(known.get("held_out") or NOT_AGAIN)
    if how == NOT_AGAIN:
        words = "they were not refitted, so this flatters a little"
        return f"each run from all the others, with the hyper-parameters of all ({words})"
    return fmt.clip(how, 120)


def _explained(skill: Json) -> str:
    share = skill.get("explained")
    if not isinstance(share, int | float):
        return ""
    if share <= 0:
        return " It does no better than the mean of the others;"
    return f" It explains {fmt.percent(share)} of the variance;"


def _put(marks: Marks, run: str, origin: str, *, mean: float, std: float, value: float, error: float) -> None:
    """``std`` is of the measurement: what is inside is judged with its error counted."""
    half = Z95 * std
    inside = float(abs(value - mean) <= half)
    marks.put(run, letter("run", origin), x=mean, ex=half, y=value, ey=Z95 * error, inside=inside)


def _inside_words(marks: Marks) -> str:
    inside, n = int(sum(marks.columns["inside"])), len(marks.names)
    return f"{inside:,} of {n:,} in their 95{fmt.NARROW}% intervals."


def _noise(scene: Scene, task: Task) -> float:
    """The learned noise of outcomes whose error is not known."""
    fitted = scene.state.models.get(task.name)
    value = (fitted.summary if fitted else {}).get("noise")
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def calibration(scene: Scene, task: Task) -> Json | None:
    """How often outcomes fell where they were said to fall before they were known: by level, and over time."""
    judged = [m for m in scene.tally.of(task.name) if m.predicted is not None][-KEPT:]
    if not judged:
        return None
    claimed = _claimed(judged, _noise(scene, task))
    n = len(claimed)
    inside = [int((claimed <= level).sum()) for level in LEVELS]
    ends = [wilson(k, n) for k in inside]
    hit = claimed <= LEVEL
    density = _surprise(judged, _noise(scene, task))
    return {
        "kind": "calibration",
        "levels": LEVELS,
        "share": [k / n for k in inside],
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
        "recent": _recent(claimed),
        "rolling": _rolling(hit),
        "level": LEVEL,
        "n": n,
        "groups": _groups(judged, hit, density),
        "words": _words(hit, claimed),
        "density": _density(float(density.mean()), task),
    }


def half_inside(scene: Scene, task: Task, latest: int) -> int | None:
    """How many of the latest outcomes fell inside their 50 % intervals; nothing where there are not as many."""
    judged = [m for m in scene.tally.of(task.name)[-KEPT:] if m.predicted is not None][-latest:]
    if not latest or len(judged) < latest:
        return None
    return int((_claimed(judged, _noise(scene, task)) <= 0.5).sum())


def _recent(claimed: np.ndarray[Any, Any]) -> Json | None:
    """The shares of the latest outcomes alone, once these are few among all."""
    if len(claimed) < 2 * ROLLING:
        return None
    return {"n": ROLLING, "share": [float((claimed[-ROLLING:] <= level).mean()) for level in LEVELS]}


def _surprise(judged: list[Measured], noise: float) -> np.ndarray[Any, Any]:
    """The negative log density of each outcome under what was predicted of it."""
    found = []
    for m in judged:
        mean, std = m.predicted or (0.0, 0.0)
        wide = max(math.hypot(std, m.error or noise), 1e-300)
        found.append(0.5 * ((m.value - mean) / wide) ** 2 + math.log(wide) + 0.5 * math.log(2.0 * math.pi))
    return np.array(found)


def _density(mean: float, task: Task) -> str:
    """What predictions are compared by: coverage alone would praise intervals that are far too wide."""
    unit = (
        f", of outcomes in {task.objective.unit}"
        if task.objective is not None and task.objective.unit
        else ""
    )
    return f"mean negative log density {fmt.number(mean, 3)} (less is better{unit})"


def _claimed(judged: list[Measured], noise: float) -> np.ndarray[Any, Any]:
    """The level of the narrowest central interval that holds each outcome."""
    found = []
    for m in judged:
        mean, std = m.predicted or (0.0, 0.0)
        wide = max(math.hypot(std, m.error or noise), 1e-300)
        found.append(math.erf(abs(m.value - mean) / wide / math.sqrt(2.0)))
    return np.array(found)


def _rolling(hit: np.ndarray[Any, Any]) -> Json | None:
    """The share inside of the last outcomes, after each one; from half a window on, once there is a curve."""
    if len(hit) < WINDOW // 2 + 5:
        return None
    total = np.concatenate([[0], np.cumsum(hit)])
    last = np.arange(WINDOW // 2, len(hit) + 1)
    if len(last) > MOST:
        last = last[np.linspace(0, len(last) - 1, MOST).astype(int)]
    first = np.maximum(0, last - WINDOW)
    inside, of = (total[last] - total[first]).tolist(), (last - first).tolist()
    ends = [wilson(k, n) for k, n in zip(inside, of, strict=True)]
    return {
        "x": last.tolist(),
        "share": [round(k / n, 4) for k, n in zip(inside, of, strict=True)],
        "low": [round(low, 4) for low, _ in ends],
        "high": [round(high, 4) for _, high in ends],
        "window": WINDOW,
    }


def _groups(judged: list[Measured], hit: np.ndarray[Any, Any], density: np.ndarray[Any, Any]) -> list[Json]:
    """By whose idea the run was: points that were sought out are not like points that were drawn."""
    found = []
    for origin, words in WHOSE.items():
        these = np.array([(m.origin if m.origin in WHOSE else "ai") == origin for m in judged])
        mine = hit[these].tolist()
        if mine:
            ends = wilson(sum(mine), len(mine))
            said = "over-confident" if ends[1] < LEVEL else "too cautious" if ends[0] > LEVEL else ""
            found.append(
                rate(words, sum(mine), len(mine), ends, LEVEL)
                | {"more": "; ".join(filter(None, [_less(density[these]), said]))}
            )
    return found if len(found) > 1 else []


def _less(density: np.ndarray[Any, Any]) -> str:
    return f"−log density {fmt.number(float(density.mean()), 3)}"


def _coverage(inside: int, n: int) -> str:
    low, high = wilson(inside, n)
    return f"{inside:,} of {n:,} ({round(100 * low)} to {round(100 * high)}{fmt.NARROW}%)"


def _words(hit: np.ndarray[Any, Any], claimed: np.ndarray[Any, Any]) -> str:
    """The count with its interval, and what it means; and where the last ones are unlike the earlier ones, that."""
    n, inside = len(hit), int(hit.sum())
    half = int((claimed <= 0.5).sum())
    said = f"90{fmt.NARROW}% intervals held {_coverage(inside, n)}, 50{fmt.NARROW}% ones {half:,}"
    if off := off_at_half(half, n):
        said += ": too narrow" if off == "narrow" else ": wider than they need be"
    if n < 2 * WINDOW:
        return said
    late, early = hit[-WINDOW:], hit[:-WINDOW]
    low, high = wilson(int(late.sum()), len(late))
    before = wilson(int(early.sum()), len(early))
    if high < before[0]:
        return f"{said}; of the last {WINDOW} only {int(late.sum())}: they drift, trust them less than before"
    if low > before[1]:
        return f"{said}; of the last {WINDOW} {int(late.sum())}: better than before"
    return f"{said}; the last {WINDOW} are like the earlier ones"
