"""Everything that is known of a campaign at one position of its journal."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from aisteer.journal import events as ev
from aisteer.journal.events import Actor, Json
from aisteer.journal.state.proposal import Proposal
from aisteer.journal.state.run import Run

__all__ = ["Searchable", "State", "Totals"]


@runtime_checkable
class Searchable(Protocol):
    """Proposals with an index of their points."""

    def alike(self, keys: Iterable[str]) -> Iterable[Proposal]:
        """The proposals whose point may have one of ``keys`` (``commands.point_key``)."""
        ...


@dataclass(slots=True)
class Totals:
    """Cost in the budget's unit, and counts."""

    reserved: float = 0.0
    estimated: float = 0.0
    used: float = 0.0
    charged: float = 0.0
    ended: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """Everything that is known of a campaign at ``position``.

    ``waiting``, ``accepted`` and ``live`` are ordered indexes (dict keys) of proposals that wait
    for a decision, accepted proposals not yet launched, and runs that have not ended; ``bad`` of runs
    that a human took out of the fit. ``unit`` is what costs are counted in: the last budget's unit, also when
    that budget was taken away. ``steering`` is what the AI of each task is told: setting to value; ``steered`` who set
    it (``by``, ``time``, ``reason``), at which ``position``, and what stood ``before``. ``minds`` says the
    same of the policy of each task for which it was redefined, and which others it ``had``, the latest last; ``asked``
    of its goal and space: what of them stood ``before`` the last redefinition that changed any. ``added``
    are outcomes measured elsewhere, by name: fields as in ``events.DataAdded``, how many ``rows``, and which are
    ``bad``. ``finishing`` is the last proposal to end each task, and ``finished`` that which was accepted.
    """

    position: int = 0
    time: float = 0.0
    name: str = ""
    uuid: str = ""
    nonce: str = ""
    definition: Json = field(default_factory=dict)
    active: bool = False
    pause_reason: str = ""
    autonomy: Json = field(default_factory=dict)
    steering: dict[str, Json] = field(default_factory=dict)
    steered: dict[str, dict[str, Json]] = field(default_factory=dict)
    minds: dict[str, Json] = field(default_factory=dict)
    asked: dict[str, Json] = field(default_factory=dict)
    added: dict[str, Json] = field(default_factory=dict)
    finishing: dict[str, str] = field(default_factory=dict)
    finished: dict[str, str] = field(default_factory=dict)
    budget: Json | None = None
    unit: str = "node-hours"
    epoch: int = 0
    holder: Json = field(default_factory=dict)
    proposals: MutableMapping[str, Proposal] = field(default_factory=dict)
    runs: MutableMapping[str, Run] = field(default_factory=dict)
    waiting: dict[str, None] = field(default_factory=dict)
    accepted: dict[str, None] = field(default_factory=dict)
    live: dict[str, None] = field(default_factory=dict)
    bad: dict[str, None] = field(default_factory=dict)
    next_proposal: int = 1
    next_run: int = 1
    totals: Totals = field(default_factory=Totals)
    models: dict[str, ev.SurrogateFitted] = field(default_factory=dict)
    troubles: dict[str, ev.TroubleNoted] = field(default_factory=dict)
    notes: list[tuple[float, Actor, ev.NoteWritten]] = field(default_factory=list)

    @property
    def spent(self) -> float:
        """What counts against the budget so far, by the kind of cost that the budget names."""
        kind = (self.budget or {}).get("counts", "used")
        return float(getattr(self.totals, kind))

    @property
    def remaining(self) -> float:
        """What is left of the budget after reservations; infinite without one."""
        if self.budget is None:
            return float("inf")
        return float(self.budget["amount"]) - self.spent - self.reserved

    def rule_for(self, task: str) -> Json:
        """The autonomy rules in force for a task, as data: its own, else the campaign's; empty where there are none."""
        return dict(self.definition.get("tasks", {}).get(task, {}).get("autonomy") or self.autonomy)

    def may_decide(self, proposal: str, *, begins: bool) -> bool:
        """Whether rules may answer a proposal now; what they would say is not looked at.

        Not while the campaign is paused, nor where a human took a decision back, nor on whether to end. They begin no
        run where a task has ended, or while a human is asked whether it does, and stop none that is over.

        Args:
            proposal: Its name.
            begins: Whether they would accept it.
        """
        if not self.active or proposal not in self.waiting:
            return False
        known = self.proposals[proposal]
        if known.undone or known.action == "finish":
            return False
        if not begins:
            return True
        if known.action == "stop":
            return known.run is None or self.runs[known.run].live
        return known.task not in self.finished and not self.ending(known.task)

    def ending(self, task: str) -> str:
        """The proposal to end a task that waits for a human; empty where none does.

        What is run for comparison ends with the last of the others.
        """
        tasks = self.definition.get("tasks", {})
        if not tasks.get(task, {}).get("baseline"):
            name = self.finishing.get(task, "")
            return name if name in self.waiting else ""
        others = [n for n, one in tasks.items() if not one.get("baseline") and n not in self.finished]
        names = [self.ending(name) for name in others]
        return names[0] if names and all(names) else ""

    @property
    def reserved(self) -> float:
        """What accepted runs hold of the budget besides what is spent; estimates hold it from the start."""
        return 0.0 if (self.budget or {}).get("counts") == "estimated" else self.totals.reserved
