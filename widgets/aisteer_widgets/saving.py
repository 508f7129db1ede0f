"""Figures saved from the board: what ``campaign.figure(…).save(…)`` does, into the campaign's folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aisteer.errors import Refused
from aisteer_widgets.view_models.tasks import task_names, task_of

__all__ = ["FORMATS", "Wanted", "save_figure", "wanted"]

Json = dict[str, Any]
FORMATS = ("pdf", "svg")
_FITTED = {"surrogate", "slices", "sensitivity", "predictions"}
Progress = Callable[[int, int, str], None]
"""Called with the step that begins, how many there are, and what is done in it."""


class Wanted:
    """A figure that the board asks for: its kind, the options of ``campaign.figure``, and its file's name.

    Attributes:
        kind: As in ``campaign.figure``.
        options: Its options.
        stem: The file's name without revision and ending.
    """

    def __init__(self, kind: str, options: Json, parts: tuple[str, ...]) -> None:
        self.kind = kind
        self.options = options
        said = [part for part in (kind, *parts) if part]
        plain = [_plain(part) for part in said]
        if plain != said:  # two names may look alike once they are plain; they must not share a file
            told = json.dumps([kind, options], sort_keys=True, default=str)
            plain.append(hashlib.sha256(told.encode()).hexdigest()[:6])
        self.stem = "-".join(plain)

    @property
    def call(self) -> str:
        """The same as a cell would write it."""
        given = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"campaign.figure({self.kind!r}{given})"


def wanted(state: Any, order: Mapping[str, Any]) -> Wanted:
    """What the board shows in a panel, as a figure.

    Args:
        state: The campaign's state.
        order: ``figure`` (the panel), ``task``, and what the panel shows: ``view`` of the belief, with ``x``, ``y`` and
            ``at`` where it has them; ``runs``, ``quantity``, ``clock``, ``relative`` and ``series`` of the live plot.

    Raises:
        Refused: There is no figure of that panel.
    """
    panel, task = str(order.get("figure", "")), str(order.get("task", ""))
    several = len(task_names(state)) > 1
    options: Json = {"task": task} if several and task else {}
    where = task if several else ""
    if panel == "convergence":
        return Wanted("convergence", options, (where,))
    if panel == "belief" and (believed := _believed(state, task, order)) is not None:
        kind, more, said = believed
        return Wanted(kind, options | more, (where, *said))
    if panel == "live" and (observed := _observed(order)) is not None:
        given, names = observed
        return Wanted("observations", options | given, (where, *names))
    raise Refused("There is nothing in this panel to save yet. It can be saved once it shows a picture.")


def _observed(order: Mapping[str, Any]) -> tuple[Json, tuple[str, ...]] | None:
    """The options of what the live plot shows, and what its name says; none where it shows nothing."""
    runs = [str(name) for name in list(order.get("runs") or ())[:16]]
    quantity, clock = str(order.get("quantity", "")), str(order.get("clock", "") or "observation")
    if not runs or not quantity:
        return None
    options: Json = {"runs": runs, "x": clock, "y": quantity}
    if order.get("relative"):
        options["relative"] = True
    series = [n for n in list(order.get("series") or ()) if isinstance(n, int)]
    if len(series) == len(runs) and series != list(range(1, len(runs) + 1)):
        options["series"] = series
    shown = runs if len(runs) <= 4 else [f"{len(runs)} runs from {runs[0]}"]
    more = ("" if clock == "observation" else clock, "relative" if order.get("relative") else "")
    return options, (quantity, *shown, *more)


_KINDS = {
    "slices": "slices",
    "drives": "sensitivity",
    "tested": "predictions",
    "calibration": "calibration",
    "front": "pareto",
    "pool": "surrogate",
}
"""The views of the belief, less the map, as kinds of figures."""


def _believed(state: Any, task: str, order: Mapping[str, Any]) -> tuple[str, Json, tuple[str, ...]] | None:
    """The kind of figure, its options and what its name says, of a view of the belief; none where there is none."""
    view, known = str(order.get("view", "")), task_of(state, task).parameters
    given = order.get("at")
    at = {str(n): v for n, v in given.items() if n in known} if isinstance(given, Mapping) else {}
    said = hashlib.sha256(json.dumps(at, sort_keys=True, default=str).encode()).hexdigest()[:6] if at else ""
    goal, outcome = task_of(state, task).objective, str(order.get("outcome", ""))
    of = {"outcome": outcome} if outcome and goal is not None and outcome != goal.outcome else {}
    if view == "map":
        x, y = str(order.get("x", "")), str(order.get("y", ""))
        if x not in known or y not in known:
            return None
        return "surrogate", {"x": x, "y": y} | ({"at": at} if at else {}) | of, (x, y, said, *of.values())
    if view not in _KINDS:
        return None
    held = ({"at": at} if at else {}) | of if view == "slices" else {}
    return _KINDS[view], held, (said, *of.values()) if held else ()


def save_figure(campaign: Any, order: Mapping[str, Any], progress: Progress) -> tuple[str, Path]:
    """Save what a panel shows as PDF and SVG, with data and provenance beside them.

    Args:
        campaign: The campaign.
        order: See ``wanted``.
        progress: Told of each step as it begins.

    Returns:
        What was written, in words, and the folder that it is in.

    Raises:
        AisteerError: It cannot be drawn.
        OSError: It cannot be written there.
    """
    figure = wanted(campaign.state, order)
    steps = 1 + len(FORMATS)
    progress(1, steps, "fitting and collecting" if figure.kind in _FITTED else "collecting")
    made = campaign.figure(figure.kind, **figure.options)
    stem = f"{figure.stem}-r{made.provenance['campaign']['revision']}"
    folder = Path(campaign.folder) / "figures"
    for step, ending in enumerate(FORMATS, 2):
        progress(step, steps, f"writing {ending.upper()}")
        try:
            made.save(folder / f"{stem}.{ending}")
        except OSError as error:
            raise OSError(
                f"{stem}.{ending} could not be written to {_shown(folder)} ({error.strerror or error}). Nothing of "
                f"the campaign is touched. Save it elsewhere in a cell: {figure.call}.save({f'{stem}.{ending}'!r})"
            ) from error
    words = f"Saved {_shown(folder)}{os.sep}{stem}.pdf and .svg, with data and provenance beside them"
    return words, folder.resolve()


def _shown(folder: Path) -> str:
    """As seen from the notebook's folder where it is inside; whole otherwise."""
    whole = folder.resolve()
    here = Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


def _plain(text: str) -> str:
    """Part of a file's name that is safe everywhere."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:40] or "x"
