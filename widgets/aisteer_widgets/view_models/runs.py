"""The board of runs: what each one does, since when, and what can be asked of it."""

from __future__ import annotations

from typing import Any

from aisteer.journal.state import Run, State
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models import points
from aisteer_widgets.view_models.controls import STUCK, asked, can_follow, controls
from aisteer_widgets.view_models.origin import aside, origin_of_run
from aisteer_widgets.view_models.run_pages import PAGE, in_order, page_of
from aisteer_widgets.view_models.run_value import besides, value_of
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import Objective, Parameter, Task, baselines, task_of
from aisteer_widgets.view_models.trace import PROGRESS, Trace

__all__ = ["row", "runs"]

Json = dict[str, Any]
SPARK = 60

_WORDS = {
    "accepted": "to be submitted",
    "submitted": "submitted",
    "waiting": "waiting for a worker",
    "claimed": "starting",
    "running": "running",
    "pausing": "pausing",
    "paused": "paused",
}
_TONES = {"running": "run", "claimed": "run", "pausing": "wait", "paused": "wait"}
_ENDS = {
    "done": ("done", "done"),
    "partial": ("stopped, partial", "part"),
    "failed": ("failed", "bad"),
    "lost": ("lost", "bad"),
    "withdrawn": ("withdrawn", "dim"),
}


def runs(scene: Scene, wishes: Wishes) -> Json:
    """The table, its head and its pages."""
    state = scene.state
    names, total = page_of(scene, wishes)
    task = task_of(state, wishes.task)
    live = _headed(scene, names, wishes.quantity)
    found = [state.runs[n] for n in names if n in state.runs]
    shared, decimals = task.objective, _decimals(found, task.objective)
    rows = [
        row(scene, run, wishes.quantity, headed=live[0] != "", objective=shared, decimals=decimals)
        for run in found
    ]
    return {
        "sub": _counts(scene),
        "left_out": _left_out(scene, wishes),
        "live_label": f"Live {fmt.label(live[0])}" if live[0] else "Live",
        "live_unit": fmt.clip(live[1], 24),
        "so_far": fmt.label(task.objective.outcome) if task.objective else "So far",
        "so_far_unit": fmt.clip(task.objective.unit, 24) if task.objective else "",
        "rows": rows,
        "point_names": points.names((task_of(state, run.task), run.parameters) for run in found),
        "elsewhere": _elsewhere(scene, wishes, names),
        "total": total,
        "page": wishes.runs_page,
        "pages": max(1, -(-total // PAGE)),
        "filter": wishes.runs_filter,
        "failed": len(scene.tally.failed),
        "empty": None if rows else _empty(wishes),
    }


def _elsewhere(scene: Scene, wishes: Wishes, names: list[str]) -> str:
    """That rows are held where they are, where others would stand there."""
    if not wishes.runs_held:
        return ""
    due, _ = in_order(scene, wishes)
    if due == names:
        return ""
    more = [n for n in due if n not in names]
    first = f"{fmt.some(more, 24)} {'goes' if len(more) == 1 else 'go'} here, too; " if more else ""
    return f"{first}rows are put in order when the pointer leaves them"


def _left_out(scene: Scene, wishes: Wishes) -> str:
    """What a list of the best does not have in it."""
    drawn = sum(len(scene.tally.of(task)) for task in baselines(scene.state))
    if wishes.runs_filter != "best" or not drawn or wishes.task in baselines(scene.state):
        return ""
    return f"without the {fmt.count(drawn, 'run')} of the random arm"


def _decimals(found: list[Run], objective: Objective | None) -> int | None:
    """Digits behind the point that the outcomes without an error have in common."""
    if objective is None:
        return None
    pairs = [run.outcome[objective.outcome] for run in found if objective.outcome in run.outcome]
    return fmt.decimals(value for value, error in pairs if not error)


def _quantity(trace: Trace | None, wished: str) -> str:
    """The quantity that a run's sparkline shows: the wished one where it has it, else its first."""
    if trace is None or not trace.curves:
        return ""
    return wished if wished in trace.curves else next(iter(trace.curves))


def _headed(scene: Scene, names: list[str], wished: str) -> tuple[str, str]:
    """Quantity and unit of the live column, where all of its rows show the same; else each row says its own."""
    state = scene.state
    shown = {
        (q, task_of(state, state.runs[n].task).unit_of(q))
        for n in names
        if n in state.runs and (q := _quantity(scene.traces.get(n), wished))
    }
    return shown.pop() if len(shown) == 1 else ("", "")


def _empty(wishes: Wishes) -> str:
    if wishes.runs_filter == "failed":
        return "No run has failed."
    if wishes.runs_filter == "best":
        return "No run of this task has ended with an outcome yet."
    if wishes.runs_filter == "live":
        return "No run is live. Accept a proposal and it launches."
    return "No run yet. Accept a proposal: it launches a few seconds later and shows here, live."


def _counts(scene: Scene) -> str:
    state = scene.state
    states = [state.runs[n].state for n in list(state.live) if n in state.runs]
    if states and not scene.driver:
        return ", ".join([f"{len(states):,} live when last heard of", *_ended(state)])
    running = sum(s in {"running", "claimed", "pausing"} for s in states)
    parts = []
    if running:
        parts.append(f"{running:,} running")
    if len(states) > running:
        parts.append(f"{len(states) - running:,} waiting")
    paused = len(scene.tally.open) - sum(n in state.live for n in scene.tally.open)
    if paused > 0:
        parts.append(f"{paused:,} paused")
    return ", ".join([*parts, *_ended(state)])


def _ended(state: State) -> list[str]:
    ended = state.totals.ended
    return [f"{ended[e]:,} {e}" for e in ("done", "partial", "failed", "lost") if ended.get(e)]


def row(
    scene: Scene,
    run: Run,
    quantity: str = "",
    *,
    headed: bool = False,
    objective: Objective | None = None,
    decimals: int | None = None,
) -> Json:
    """One run as a row.

    Args:
        scene: The campaign.
        run: The run.
        quantity: The observation that its sparkline shows; its first one where it has no such.
        headed: Whether the table's head says which observation that is, and its unit.
        objective: What the head of the outcome's column speaks of; a value of another one says its own name.
        decimals: Digits behind the point of outcomes without an error, so that they stand under each other.
    """
    task = task_of(scene.state, run.task)
    trace = scene.traces.get(run.id)
    waits_for = asked(run)
    words, tone, since = _stands(scene, run)
    return {
        "id": run.id,
        "revision": run.revision,
        "task": run.task,
        "what": points.values(task, run.parameters, 60),
        "point": points.named(task, run.parameters),
        "parameters": dict(list(run.parameters.items())[:24]),
        "extends": [Parameter(name, "float").field() for name in task.controls],
        "words": waits_for or words,
        "since": since if not waits_for else "",
        "tone": "wait" if waits_for else tone,
        "progress": _progress(run, trace) if scene.driver else None,
        "spark": _spark(trace, _quantity(trace, quantity)),
        "latest": _latest(task, trace),
        "latest_short": _latest_short(task, trace, _quantity(trace, quantity), headed=headed),
        "value": value_of(task, run, trace, objective, decimals),
        "besides": besides(scene, task, run),
        "message": _message(run),
        "live": run.live,
        "observations": trace.seen if trace else 0,
        "origin": origin_of_run(scene.state, run),
        "best": _best(scene, run),
        "attempt": f"attempt {run.attempt.number}" if len(run.attempts) > 1 else "",
        "bad": run.bad,
        "controls": controls(scene, task, run, trace) if run.state != "ended" or can_follow(run) else [],
    }


def _best(scene: Scene, run: Run) -> str:
    """Said of the best run so far, less the random arm where that has a better one, and of the arm's own best."""
    best = scene.tally.best(run.task)
    if best is None or best.run != run.id:
        return ""
    if run.task in baselines(scene.state):
        return "best of the random arm"
    return ", ".join(["best so far", *filter(None, [aside(scene, run.task)])])


def _stands(scene: Scene, run: Run) -> tuple[str, str, str]:
    """Its state in words, their tone, and since when; where nobody drives, what was last known, and no clock."""
    words, tone = _state(run)
    if scene.driver or not run.live:
        return words, tone, _since(run, scene.now)
    return f"last known: {words}", "dim", f"since {fmt.moment(run.since, scene.now)}; nobody drives"


def _state(run: Run) -> tuple[str, str]:
    if run.state == "ended":
        return _ENDS.get(run.end, (run.end, "dim"))
    return _WORDS.get(run.state, run.state), _TONES.get(run.state, "queue")


def _since(run: Run, now: float) -> str:
    if run.state == "ended":
        return fmt.duration(run.attempt.seconds) if run.attempt.seconds >= 1 else ""
    return fmt.duration(now - run.since)


def _progress(run: Run, trace: Trace | None) -> float | None:
    """How far it is, where the run itself yields ``progress``; nothing else knows what its steps are a part of."""
    if run.state not in {"running", "pausing"} or trace is None:
        return None
    said = trace.latest.get(PROGRESS, -1.0)
    return round(said, 3) if 0 <= said <= 1 else None


def _spark(trace: Trace | None, quantity: str) -> list[list[float]]:
    if trace is None or not quantity:
        return []
    return [[round(x, 6), float(f"{y:.6g}")] for x, y in trace.curves[quantity].points(SPARK)]


def _latest(task: Task, trace: Trace | None) -> str:
    if trace is None or not trace.curves:
        return ""
    shown = [n for n in list(trace.curves)[:4] if n in trace.latest]
    told = []
    for name in shown:
        seen = [y for _, y in trace.curves[name].points(SPARK)]
        told.append(f"{fmt.label(name)} {fmt.moving(trace.latest[name], seen, task.unit_of(name))}")
    return "  ".join(told)


def _latest_short(task: Task, trace: Trace | None, quantity: str, *, headed: bool) -> str:
    """The latest value of the quantity that the sparkline shows."""
    if trace is None or quantity not in trace.latest:
        return ""
    value = trace.latest[quantity]
    seen = [y for _, y in trace.curves[quantity].points(SPARK)]
    if headed:
        return fmt.moving(value, seen)
    return f"{fmt.label(quantity)} {fmt.moving(value, seen, task.unit_of(quantity))}"


def _message(run: Run) -> str:
    if run.state == "ended" and run.end in STUCK:
        return fmt.clip(run.message, 260) or "It gave no reason. Look at campaign.runs[…].log()."
    refused = next((c for c in reversed(run.controls) if c.answer == "refused"), None)
    if refused is not None and run.live:
        return fmt.clip(f"{refused.verb} refused: {refused.detail}", 200)
    return fmt.clip(run.message, 120) if run.live and run.message else ""
