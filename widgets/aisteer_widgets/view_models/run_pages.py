"""Which runs stand on a page of the board, and in which order."""

from __future__ import annotations

from aisteer.journal.state import Run
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import task_of

__all__ = ["PAGE", "in_order", "page_of"]

PAGE = 8
"""Runs on a page."""


def page_of(scene: Scene, wishes: Wishes) -> tuple[list[str], int]:
    """The names of the runs on the wished page, and how many there are; those that are held stay where they are."""
    names, total = in_order(scene, wishes)
    held = [n for n in wishes.runs_held if n in scene.state.runs]
    more = [n for n in names if n not in held]
    return [*held, *more[: max(0, len(names) - len(held))]], total


def in_order(scene: Scene, wishes: Wishes) -> tuple[list[str], int]:
    """The names of the runs on the wished page, and how many there are.

    Live ones come first, then paused ones, then the rest from the latest back; a filter picks one kind, and
    ``best`` puts the ended runs of the wished task in the order of their outcomes.
    """
    state = scene.state
    wanted = wishes.runs_filter
    if wanted == "failed":
        names = list(reversed(scene.tally.failed))
        return _slice(names, wishes.runs_page), len(names)
    if wanted == "best":
        names = _best_first(scene, wishes)
        return _slice(names, wishes.runs_page), len(names)
    live = list(state.live)
    paused = [n for n in scene.tally.open if n not in state.live]
    first = [*live, *paused]
    total = state.next_run - 1
    if wanted == "live":
        return _slice(first, wishes.runs_page), len(first)
    fresh = [n for n in reversed(list(scene.tally.failed)[-3:]) if _fresh(scene, state.runs.get(n))]
    first = [*fresh, *first]
    start, chosen = wishes.runs_page * PAGE, set(first)
    names = first[start : start + PAGE]
    skip = max(0, start - len(first))
    for number in range(total, 0, -1):
        if len(names) >= PAGE:
            break
        name = f"R{number}"
        if name in chosen:
            continue
        if skip:
            skip -= 1
            continue
        names.append(name)
    return names, total


def _best_first(scene: Scene, wishes: Wishes) -> list[str]:
    objective = task_of(scene.state, wishes.task).objective
    if objective is None:
        return []
    return [m.run for m in sorted(scene.tally.of(wishes.task), key=lambda m: -objective.merit(m.value))]


def _slice(names: list[str], page: int) -> list[str]:
    return names[page * PAGE : (page + 1) * PAGE]


def _fresh(scene: Scene, run: Run | None) -> bool:
    """A failure stands first for ten minutes, then takes its place among the others."""
    return run is not None and scene.now - run.since < 600 and not run.bad
