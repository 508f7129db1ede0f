"""Where runs, runs in flight and proposals stand, in columns: few bytes for many marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aisteer.journal.events import STARTS
from aisteer.journal.state import State
from aisteer_widgets.view_models.packed import pack
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Parameter, Task

__all__ = ["MOST", "Marks", "along", "elsewhere", "letter", "off", "open_points"]

Json = dict[str, Any]
MOST = 400
"""Ended runs that are drawn, the latest."""
OPEN = 100


@dataclass(slots=True)
class Marks:
    """Marks of a picture: a name each, a letter (see ``letter``), places, and what else the picture needs."""

    names: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    columns: dict[str, list[float]] = field(default_factory=dict)

    def put(self, name: str, letter: str, **values: float) -> None:
        """One more; all have the same columns."""
        self.names.append(name)
        self.letters.append(letter)
        for column, value in values.items():
            self.columns.setdefault(column, []).append(value)

    def json(self) -> Json:
        """For the browser."""
        packed = {name: pack(values) for name, values in self.columns.items()}
        return {"names": self.names, "letters": "".join(self.letters), **packed}


def letter(kind: str, origin: str) -> str:
    """What a mark is and whose.

    ``a``, ``h``, ``z``: runs of the AI, of humans, drawn at random; ``f``: a run in flight; ``d``: measured
    elsewhere; capitals: proposals that wait.
    """
    if kind == "flight":
        return "f"
    found = {"human": "h", "random": "z"}.get(origin, "a")
    return found.upper() if kind == "proposal" else found


def along(parameter: Parameter, value: Any) -> float | None:
    """Where a value stands on the parameter's axis: a number itself, an option by its place; else nothing."""
    if parameter.kind == "choice":
        same = (i for i, o in enumerate(parameter.choices) if o == value and type(o) is type(value))
        return next((float(i) for i in same), None)
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known else None


def off(task: Task, point: Json, at: Json) -> float:
    """How far a point is from where others stand: its largest distance in their ranges, 0 to 1."""
    return round(max((task.parameter(n).apart(point.get(n), v) for n, v in at.items()), default=0.0), 3)


def elsewhere(scene: Scene, task: Task) -> Iterator[tuple[str, Json]]:
    """Rows that were measured elsewhere and are in the fit: name and parameters; the latest few hundred."""
    for name, data in scene.state.added.items():
        if data.get("task") != task.name:
            continue
        rows, bad = int(data.get("rows") or 0), set(data.get("bad") or ())
        for row in range(max(0, rows - OPEN), rows):
            if row not in bad:
                yield f"{name}.{row}", {n: values[row] for n, values in data["parameters"].items()}


def open_points(scene: Scene, task: Task) -> Iterator[tuple[str, str, Json]]:
    """Runs in flight and proposals that wait: name, letter, parameters."""
    state: State = scene.state
    for name in list(state.live)[:OPEN]:
        run = state.runs[name]
        if run.task == task.name:
            yield name, letter("flight", run.origin), run.parameters
    for name in list(state.waiting)[:OPEN]:
        proposal = state.proposals[name]
        if proposal.task == task.name and proposal.action in STARTS:
            edited = proposal.parent is not None
            yield name, letter("proposal", "human" if edited else proposal.origin), proposal.parameters
