"""Who proposes: whose mind it is, since when and why, and who else could."""

from __future__ import annotations

from typing import Any

from aisteer.journal.state import State
from aisteer.problem.surrogate_names import is_reference, named_surrogate
from aisteer_widgets.minds import LIBRARIES, MANUAL, identity, installed
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Task

__all__ = ["in_words", "mind", "proper", "since"]

Json = dict[str, Any]
_OURS = {
    "bayesian": "Bayesian optimisation, ours",
    "random": "chance: points drawn at random",
    MANUAL: "nobody: all points are somebody’s own",
}
_EXTREME = {"maximize", "minimize"}


def mind(scene: Scene, task: Task, definition: Json) -> Json:
    """The part of the panel that swaps the mind."""
    policy: Json = definition.get("policy") or {}
    changed: Json = scene.state.minds.get(task.name, {})
    return {
        "now": in_words(policy),
        "said": since(scene, changed),
        "before": in_words(changed["before"]) if changed else "",
        "choices": _choices(scene.state, task, policy),
        "not_told": _not_told(task),
        "blocked": fmt.clip(scene.read_only, 300),
    }


def in_words(policy: Json) -> str:
    """A policy as a human reads it, with the options that are said in a word."""
    options: Json = policy.get("options") or {}
    given = options.get("mind")
    if isinstance(given, dict):
        package = " ".join(filter(None, [given.get("package"), given.get("version")]))
        where = f" of {fmt.clip(package, 40)}" if package else ""
        own = ", a function of your own" if given.get("speaks") in {"function", "factory"} else ""
        return f"{fmt.clip(given.get('name') or 'a mind', 60)}{where}{own}{_with(given.get('options') or {})}"
    name = str(policy.get("name") or "bayesian")
    surrogate = named_surrogate({"policy": policy})
    words = (
        f"with your {fmt.clip(surrogate, 60)}" if is_reference(surrogate) else f"with a {proper(surrogate)}"
    )
    believes = f", {words}" if name == "bayesian" else ""
    told = _with({n: v for n, v in options.items() if n != "surrogate"})
    return f"{_OURS.get(name, fmt.label(name))}{believes}{told}"


def proper(surrogate: str) -> str:
    """A surrogate's name as it is written: after whom it is called with a capital."""
    return surrogate.replace("gaussian", "Gaussian")


def _with(options: Json) -> str:
    plain = [
        f"{fmt.label(n)} {fmt.number(v)}" for n, v in options.items() if isinstance(v, int | float | str)
    ]
    return f" ({fmt.clip(', '.join(plain), 120)})" if plain else ""


def since(scene: Scene, changed: Json) -> str:
    """Since when something stands as it does, by whom and why; empty where nobody changed it."""
    if not changed:
        return ""
    when = fmt.moment(float(changed["time"]), scene.now)
    why = f": {fmt.clip(changed['reason'], 200)}" if changed.get("reason") else ""
    return f"since {when}, by {fmt.clip(changed['by'], 40)}{why}"


def _choices(state: State, task: Task, policy: Json) -> list[Json]:
    """Who else could propose: ours, those that it had, and what is installed."""
    now = str(policy.get("name") or "bayesian")
    found = [{"id": name, "label": words} for name, words in _OURS.items() if name != now]
    mine = {identity(policy)}
    for had in reversed((state.minds.get(task.name) or {}).get("had") or []):
        if identity(had) not in mine and isinstance((had.get("options") or {}).get("mind"), dict):
            mine.add(identity(had))
            found.append({"id": f"had:{identity(had)}", "label": f"{in_words(had)} (as before)"})
    if not _not_told(task):
        found += [{"id": place, "label": LIBRARIES[place]} for place in installed()]
    found.append({"id": "named", "label": "a function or class of yours, by its name…"})
    return found


def _not_told(task: Task) -> str:
    """Why minds of libraries are not offered; empty where they are."""
    goals = {goal.kind for goal in task.objectives}
    if goals <= _EXTREME:
        return ""
    return "Minds of other libraries maximise or minimise; only a function of your own can go for this goal."
