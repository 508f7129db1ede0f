"""How the AI itself is steered: each setting as it stands, who set it, when and why, and what can be set."""

from __future__ import annotations

from typing import Any

from aisteer.errors import AisteerError
from aisteer.journal.state import State
from aisteer.problem.goals import Goals
from aisteer.problem.surrogate_names import named_surrogate, surrogates_of
from aisteer.steering.thought import BATCH, still_to_propose
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.mind import mind, proper, since
from aisteer_widgets.view_models.oversight import oversight, rule
from aisteer_widgets.view_models.problem import asked_of, problem
from aisteer_widgets.view_models.regions import box_in_words, pins, regions, sides
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import Parameter, Task, task_of

__all__ = ["steer"]

Json = dict[str, Any]
HEADS = 6
"""Parameters that an example of a table's first line names."""
MARKED = 24
"""Results marked bad that are listed."""
SETTINGS = (
    "batch",
    "exploration",
    "acquisition",
    "weights",
    "trust_region",
    "surrogate",
    "pinned",
    "forbidden",
    "favoured",
)
_ACQUISITIONS = {
    "improvement": "expected improvement",
    "ucb": "upper confidence bound",
    "thompson": "Thompson sampling",
    "hypervolume": "hypervolume improvement",
    "straddle": "straddle the level",
    "level": "less doubt about the sides of the level",
    "learning": "variance reduction everywhere",
    "variance": "largest uncertainty",
}


def steer(scene: Scene, wishes: Wishes) -> Json:
    """The panel that steers the AI of the task that is shown."""
    state, task = scene.state, task_of(scene.state, wishes.task)
    definition: Json = state.definition.get("tasks", {}).get(task.name, {})
    settings = state.steering.get(task.name, {})
    said = state.steered.get(task.name, {})
    named, whose = sides(scene, task, definition), mind(scene, task, definition)
    swapped = [f"proposed by {whose['now']}"] if whose["said"] else []
    told = [
        _told(scene, named, name, settings[name], said.get(name, {})) for name in SETTINGS if name in settings
    ]
    batch = int(settings.get("batch") or definition.get("batch") or BATCH)
    return {
        "task": task.name,
        "blocked": _blocked(scene, task, definition),
        "set": told,
        "sub": "; ".join([*swapped, *(one["words"] for one in told)]) or "nothing is set: it goes by itself",
        "undo": max((int(one.get("position") or 0) for one in said.values()), default=0),
        "batch": batch,
        "batch_note": _limited(state, task, definition, batch),
        "exploration": float(settings.get("exploration", 1.0)),
        "acquisition": str(settings.get("acquisition") or ""),
        "acquisitions": _acquisitions(definition),
        "surrogates": _surrogates(definition, settings),
        "trust": _trust(task, definition, settings),
        "weights": _weights(task, definition, settings),
        "mind": whose,
        "parameters": [p.field() for p in named.values()],
        "pool": task.pool,
        "regions": regions(scene, named, task, definition, settings),
        "pins": pins(named, definition, settings),
        "table": _table(task),
        "bad": _bad(scene, task),
        "data": _data(state, task),
        "problem": problem(task, definition),
        "asked": asked_of(task, definition) | {"said": since(scene, state.asked.get(task.name, {}))},
        "rule": rule(scene, task),
        "oversight": oversight(scene, task, definition),
    }


def _blocked(scene: Scene, task: Task, definition: Json) -> str:
    if scene.read_only:
        return fmt.clip(scene.read_only, 300)
    if str((definition.get("policy") or {}).get("name")) == "manual":
        return f"Nothing proposes for {fmt.label(task.name)}: all of its points are somebody's own."
    return ""


def _limited(state: State, task: Task, definition: Json, batch: int) -> str:
    """Why fewer proposals may wait at once: the task's own limit of runs. Looks at runs only when it may be near."""
    limit = definition.get("runs")
    if limit is None or state.next_run + len(state.accepted) + len(state.waiting) + batch <= int(limit):
        return ""
    left = still_to_propose(state, task.name) or 0
    waiting = sum(state.proposals[name].task == task.name for name in state.waiting)
    return (
        "" if waiting + left >= batch else f"its limit of {fmt.count(int(limit), 'run')} leaves {left:,} more"
    )


def _told(scene: Scene, named: dict[str, Parameter], name: str, value: Any, said: Json) -> Json:
    """A setting in words, with who set it, when and why."""
    when = fmt.moment(float(said["time"]), scene.now) if said.get("time") else ""
    by = " ".join(
        filter(
            None, [f"by {fmt.clip(said['by'], 40)}" if said.get("by") else "", f"at {when}" if when else ""]
        )
    )
    return {
        "name": name,
        "words": fmt.clip(_words(named, name, value), 160),
        "said": f"set {by}".strip() if by else "",
        "reason": fmt.clip(said.get("reason") or "", 200),
    }


def _words(named: dict[str, Parameter], name: str, value: Any) -> str:
    if name == "pinned":
        shown = {n: (named.get(n) or Parameter(n, "text")).show(v) for n, v in value.items()}
        return "; ".join(f"{fmt.label(n)} pinned to {v}" for n, v in shown.items())
    if name in {"forbidden", "favoured"}:
        return f"{name}: " + "; ".join(box_in_words(named, box) for box in value)
    if name == "weights":
        return "weights " + ", ".join(f"{fmt.label(n)} {fmt.number(w, 3)}" for n, w in value.items())
    plain = {
        "trust_region": f"trust region {'on' if value else 'off'}" if isinstance(value, bool) else None,
        "acquisition": f"acquisition: {_ACQUISITIONS.get(str(value), str(value))}",
        "surrogate": f"surrogate: {proper(str(value))}",
        "batch": f"{value} proposal{'' if value == 1 else 's'} at once",
    }.get(name)
    return plain or f"{name.replace('_', ' ')} {fmt.number(value, 3)}"


def _acquisitions(definition: Json) -> list[Json]:
    """What its goal can be searched by, the usual one first."""
    if str((definition.get("policy") or {}).get("name")) != "bayesian":
        return []
    try:
        names = Goals.of(definition).acquisitions
    except (AisteerError, KeyError):
        return []
    if len(names) < 2:
        return []
    usual = str(((definition.get("policy") or {}).get("options") or {}).get("acquisition") or names[0])
    ordered = [usual, *(n for n in names if n != usual)]
    return [
        {"name": n, "label": _ACQUISITIONS.get(n, n) + (" (usual)" if n == usual else "")} for n in ordered
    ]


def _surrogates(definition: Json, settings: Json) -> Json | None:
    """What may stand for the simulation, and what does; nothing where the policy brings its own."""
    policy = definition.get("policy") or {}
    if str(policy.get("name")) != "bayesian":
        return None
    usual = named_surrogate(definition)
    options = [
        {"name": n, "label": f"{proper(n)} (usual)" if n == usual else proper(n)}
        for n in surrogates_of(definition)
    ]
    return {"now": str(settings.get("surrogate") or usual), "usual": usual, "options": options}


def _trust(task: Task, definition: Json, settings: Json) -> Json | None:
    """The trust region as a choice; nothing where the policy has none."""
    policy = definition.get("policy") or {}
    if task.pool or str(policy.get("name")) != "bayesian":
        return None
    usual = (policy.get("options") or {}).get("trust_region", False)
    now = settings.get("trust_region", usual)
    now = True if now == "adaptive" else now
    values: list[Any] = [False, True, 0.5, 0.2, 0.1]
    values += [] if now in values else [now]
    words = {False: "everywhere (usual)", True: "around the best run, as far as it has earned"}
    sides = {
        v: f"around the best run, {fmt.percent(v)} of each side" for v in values if not isinstance(v, bool)
    }
    return {
        "values": values,
        "labels": [words[v] if isinstance(v, bool) else sides[v] for v in values],
        "now": next(
            i for i, v in enumerate(values) if v == now and isinstance(v, bool) == isinstance(now, bool)
        ),
    }


def _weights(task: Task, definition: Json, settings: Json) -> list[Json]:
    if len(task.objectives) < 2:
        return []
    usual = {one["outcome"]: one.get("weight", 1.0) for one in definition.get("objectives") or ()}
    given = {**usual, **(settings.get("weights") or {})}
    return [
        {"name": g.outcome, "label": fmt.label(g.outcome), "value": float(given.get(g.outcome, 1.0))}
        for g in task.objectives
    ]


def _bad(scene: Scene, task: Task) -> list[Json]:
    """Results that were marked bad, the latest first: they are not in the fit."""
    found: list[Json] = []
    for name in reversed(list(scene.state.bad)):
        run = scene.state.runs.get(name)
        if run is None or run.task != task.name or len(found) >= MARKED:
            continue
        goal = task.objective
        known = run.outcome.get(goal.outcome) if goal is not None else None
        value = fmt.estimate(known[0], known[1], goal.shown_unit) if known and goal is not None else run.end
        who = f"by {fmt.clip(run.bad_by, 40)}" if run.bad_by else ""
        said = ": ".join(filter(None, [who, fmt.clip(run.bad_reason, 200)]))
        found.append({"run": name, "words": f"{name}: {value}", "said": said})
    return found


def _table(task: Task) -> Json:
    """What a table of one's own looks like here: the heads that it can have."""
    named = [task.key] if task.pool else list(task.parameters)
    heads = [_head(n, task.parameter(n).unit) for n in named[:HEADS]]
    outcome = task.objective.outcome if task.objective is not None else "outcome"
    measured = [_head(outcome, task.unit_of(outcome)), f"{fmt.clip(outcome, 24)} error"]
    return {"points": heads, "results": [*heads, *measured]}


def _head(name: str, unit: str) -> str:
    return f"{fmt.clip(name, 24)} ({fmt.clip(unit, 16)})" if unit else fmt.clip(name, 24)


def _data(state: State, task: Task) -> list[Json]:
    """Outcomes that were measured elsewhere."""
    found = []
    for name, data in state.added.items():
        if data.get("task") != task.name:
            continue
        rows, out = int(data.get("rows") or 0), len(data.get("bad") or ())
        words = f"{name}: {fmt.count(rows, 'row')} from {fmt.clip(data.get('source') or 'elsewhere', 60)}"
        found.append(
            {"data": name, "words": words + (f", {out:,} taken out" if out else ""), "out": out >= rows}
        )
    return found
