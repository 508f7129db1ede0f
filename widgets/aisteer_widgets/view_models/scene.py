"""Everything that a picture of the campaign is made of, at one moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aisteer.execution.endpoint import Health
from aisteer.journal.state import State
from aisteer_widgets.view_models.asked import Beliefs
from aisteer_widgets.view_models.tally import Tally
from aisteer_widgets.view_models.tasks import Parameter
from aisteer_widgets.view_models.trace import Trace

__all__ = ["Scene", "Wishes"]


@dataclass(slots=True)
class Wishes:
    """What a viewer asked to see. Views of one campaign may differ in it.

    Attributes:
        task: The task that plots show.
        selected: Runs.
        quantity: What live curves show.
        belief: The view of the surrogate.
        belief_x: Along a map's first axis.
        belief_y: Along the second.
        belief_outcome: Which outcome, where the surrogate speaks of several.
        belief_at: Where the other parameters are put, by name.
        own: What is typed of an own candidate so far, by name.
        own_task: Its task.
        looked: The proposal that is looked at.
        hindsight: What decisions brought, which takes the whole ledger to say.
        runs_held: Runs that stay where they stand, as somebody points at them.
    """

    task: str = ""
    selected: tuple[str, ...] = ()
    quantity: str = ""
    belief: str = ""
    belief_x: str = ""
    belief_y: str = ""
    belief_outcome: str = ""
    belief_at: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    own_task: str = ""
    looked: str = ""
    hindsight: bool = False
    ledger_page: int = 0
    runs_page: int = 0
    runs_filter: str = ""
    runs_held: tuple[str, ...] = ()


def _no_picture(smiles: str) -> str:
    del smiles
    return ""


def _no_columns(space: Mapping[str, Any]) -> tuple[Parameter, ...]:
    del space
    return ()


def _not_counted(space: Mapping[str, Any], box: Mapping[str, Any]) -> int | None:
    del space, box
    return None


@dataclass(frozen=True, slots=True)
class Scene:
    """The campaign at ``now`` (Unix seconds).

    Attributes:
        health: By the endpoint's name in the definition.
        traces: By run; only those that are shown.
        driver: Who drives, in words; empty when nobody does.
        read_only: Why nothing can be decided here; empty when it can.
        beliefs: What the mind answered; nothing where it is not in this process.
        again: The line of code that shows the campaign in a fresh kernel.
        draw: A molecule's SMILES to a picture's address; empty where it cannot be drawn.
        columns: A pool (the ``space`` of a definition) to the columns by which a region of it can be said.
        inside: A pool and a region to how many candidates lie in it; ``None`` where nobody can count them.
    """

    state: State
    now: float
    tally: Tally
    health: Mapping[str, Health] = field(default_factory=dict)
    traces: Mapping[str, Trace] = field(default_factory=dict)
    driver: str = ""
    read_only: str = ""
    beliefs: Beliefs = field(default_factory=Beliefs)
    again: str = ""
    draw: Callable[[str], str] = _no_picture
    columns: Callable[[Mapping[str, Any]], tuple[Parameter, ...]] = _no_columns
    inside: Callable[[Mapping[str, Any], Mapping[str, Any]], int | None] = _not_counted

    @property
    def unit(self) -> str:
        """The budget's unit."""
        return self.state.unit
