"""Where the AI may go: regions it keeps out of or prefers, parameters that are pinned, and what can be said of them."""

from __future__ import annotations

from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Parameter, Task

__all__ = ["box_in_words", "pins", "regions", "sides"]

Json = dict[str, Any]
SIDES = 200
"""Parameters, or columns of a pool, by which a region can be said."""


def sides(scene: Scene, task: Task, definition: Json) -> dict[str, Parameter]:
    """What bounds a region: the parameters; in a pool the columns, parameters or not."""
    if not task.pool:
        return task.parameters
    return {p.name: p for p in scene.columns(definition.get("space") or {})[:SIDES]}


def regions(
    scene: Scene, named: dict[str, Parameter], task: Task, definition: Json, settings: Json
) -> list[Json]:
    """Each region that is set, in words; of a pool with how many candidates lie in it."""
    found = []
    for kind in ("forbidden", "favoured"):
        for place, box in enumerate(settings.get(kind) or ()):
            inside = scene.inside(definition.get("space") or {}, box) if task.pool else None
            many = "" if inside is None else f" ({fmt.count(inside, 'candidate')})"
            words = f"{fmt.clip(box_in_words(named, box), 160)}{many}"
            found.append({"kind": kind, "place": place, "words": words, "box": box})
    return found


def box_in_words(named: dict[str, Parameter], box: Json) -> str:
    """A region in words: every side that it has."""
    said = []
    for name, given in box.items():
        parameter = named.get(name) or Parameter(name, "text")
        interval = len(given) == 2 and all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in given
        )
        if parameter.kind == "choice" or not interval:
            words = " or ".join(fmt.clip(option, 30) for option in given)
        elif given[0] == given[1]:
            words = parameter.show(given[0])
        else:
            words = f"{fmt.number(parameter.at_bound(given[0]))} to {parameter.show(given[1])}"
        said.append(f"{fmt.label(name)} {words}")
    return " and ".join(said)


def pins(named: dict[str, Parameter], definition: Json, settings: Json) -> list[Json]:
    """What the AI leaves where it is: pinned here, or fixed by the policy's own options, which is no setting."""
    fixed = ((definition.get("policy") or {}).get("options") or {}).get("fixed") or {}
    pinned = settings.get("pinned") or {}
    return [
        {
            "name": n,
            "label": fmt.label(n),
            "value": (named.get(n) or Parameter(n, "text")).show(v),
            "fixed": n not in pinned,
        }
        for n, v in {**fixed, **pinned}.items()
    ]
