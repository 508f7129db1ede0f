"""The whole screen as named parts, each plain JSON that a view can be remade from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from aisteer_widgets.view_models.belief import belief
from aisteer_widgets.view_models.convergence import convergence
from aisteer_widgets.view_models.header import header
from aisteer_widgets.view_models.hindsight import looked_back, made_of
from aisteer_widgets.view_models.ledger import ledger
from aisteer_widgets.view_models.live import chosen, live
from aisteer_widgets.view_models.own import own
from aisteer_widgets.view_models.review import fields, review
from aisteer_widgets.view_models.run_pages import page_of
from aisteer_widgets.view_models.runs import runs
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.status import footer, troubles
from aisteer_widgets.view_models.steer import steer

__all__ = ["PARTS", "parts", "shown_runs"]

Json = dict[str, Any]


def _header(scene: Scene, wishes: Wishes) -> Json:
    return header(scene, wishes.task)


def _convergence(scene: Scene, wishes: Wishes) -> Json:
    return convergence(scene, wishes.task)


def _whoever(part: Callable[[Scene], Json]) -> Callable[[Scene, Wishes], Json]:
    """A part that looks the same for every viewer."""

    def for_all(scene: Scene, _: Wishes) -> Json:
        return part(scene)

    return for_all


PARTS: dict[str, Callable[[Scene, Wishes], Json]] = {
    "header": _header,
    "fields": _whoever(lambda scene: fields(scene.state)),
    "review": _whoever(review),
    "runs": runs,
    "live": live,
    "convergence": _convergence,
    "belief": belief,
    "own": own,
    "steer": steer,
    "ledger": ledger,
    "hindsight": looked_back,
    "troubles": _whoever(troubles),
    "footer": _whoever(footer),
}


def _as_believed(scene: Scene, wishes: Wishes) -> Hashable:
    """What the picture of the surrogate is made of."""
    seen = (
        wishes.task,
        wishes.belief,
        wishes.belief_x,
        wishes.belief_y,
        wishes.belief_outcome,
        repr(wishes.belief_at),
    )
    known = scene.state.position, scene.beliefs.version, scene.tally.version, scene.tally.behind
    return (*seen, *known, bool(scene.driver), bool(scene.health))


_SAME: dict[str, Callable[[Scene, Wishes], Hashable]] = {
    "convergence": lambda scene, wishes: (
        wishes.task,
        scene.tally.version,
        scene.tally.behind,
        id(scene.state.definition),
    ),
    "belief": _as_believed,
    "hindsight": made_of,
    "fields": lambda scene, _: id(scene.state.definition),
}
"""Parts that are long to make, to what they are made of: as long as that is the same, so are they."""


def parts(
    scene: Scene, wishes: Wishes, names: Iterable[str] = tuple(PARTS), memo: dict[str, Any] | None = None
) -> Json:
    """The parts named, from one scene, so that they agree with each other.

    Args:
        scene: The campaign.
        wishes: What the viewer asked to see.
        names: Which parts.
        memo: What an earlier call for the same viewer left there; kept up to date.
    """
    made: Json = {}
    for name in names:
        key = _SAME[name](scene, wishes) if name in _SAME and memo is not None else None
        if key is not None and memo is not None:
            if memo.get(name, (None,))[0] != key:
                memo[name] = (key, PARTS[name](scene, wishes))
            made[name] = memo[name][1]
        else:
            made[name] = PARTS[name](scene, wishes)
    return made


def shown_runs(scene: Scene, wishes: Wishes) -> list[str]:
    """The runs whose observations are needed for the picture."""
    names, _ = page_of(scene, wishes)
    with_curves = [n for n in names if n in scene.state.runs and scene.state.runs[n].state != "accepted"]
    return list(dict.fromkeys([*with_curves, *chosen(scene, wishes)]))
