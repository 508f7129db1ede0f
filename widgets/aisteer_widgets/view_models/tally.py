"""What the finished runs add up to, kept up to date without looking at all of them again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aisteer.journal.state import Run, State
from aisteer_widgets.view_models.counted import aside
from aisteer_widgets.view_models.tasks import Objective, task_of

__all__ = ["Z90", "Measured", "Tally"]

Json = dict[str, Any]

Z90 = 1.6448536269514722
"""Half the width of the central 90 % interval of a normal distribution, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run that counts: done, not marked bad, with a value of the objective.

    ``predicted`` is the mean and std that was predicted before it ran, ``None`` where it went on from another, which
    is no test; ``aside``, why it cannot be the best, and empty where it can.
    """

    run: str
    task: str
    origin: str
    value: float
    error: float
    ended: float
    predicted: tuple[float, float] | None
    aside: str = ""

    @property
    def allowed(self) -> bool:
        """Whether it can be the best, or on the front."""
        return not self.aside

    @property
    def inside(self) -> bool:
        """Whether the value lies in its predicted 90 % interval; the measurement's own error counts."""
        if self.predicted is None:
            return False
        mean, std = self.predicted
        return abs(self.value - mean) <= Z90 * math.hypot(std, self.error)


@dataclass(slots=True)
class _Sum:
    """What the runs of one task add up to; ``judged`` and ``inside`` count tested predictions."""

    objective: Objective
    has_best: bool = True
    runs: list[Measured] = field(default_factory=list)
    best: Measured | None = None
    judged: int = 0
    inside: int = 0

    def add(self, measured: Measured) -> None:
        self.runs.append(measured)
        better = self.objective.merit
        first = self.best is None or better(measured.value) > better(self.best.value)
        if measured.allowed and first:
            self.best = measured
        if measured.predicted is not None:
            self.judged += 1
            self.inside += measured.inside


@dataclass(slots=True)
class Tally:
    """An index over ended runs. ``refresh`` looks at new, open and touched runs only.

    Attributes:
        failed: Failed and lost runs, latest last.
        open: Runs that have not ended.
        version: Moves when what ``of`` and ``best`` answer does.
        behind: Runs not looked at yet. It catches up in steps, so that the first picture need not wait;
            until then it answers nothing rather than half of it.
    """

    failed: dict[str, None] = field(default_factory=dict)
    open: dict[str, None] = field(default_factory=dict)
    version: int = 0
    behind: int = 0
    _revision: int = -1
    _next: int = 1
    _sums: dict[str, _Sum] = field(default_factory=dict)
    _goals: Json | None = None

    def refresh(self, state: State, touched: Iterable[str] = (), at_most: int = 1_000_000_000) -> bool:
        """Take in what has changed; say whether anything did.

        Args:
            state: The campaign now.
            touched: Runs that something happened to after they had ended (a mark).
            at_most: How many new runs are looked at now.
        """
        again = [name for name in touched if int(name[1:]) < self._next]
        if state.position == self._revision and not self.behind and not again:
            return False
        self._revision = state.position
        if (goals := _goals(state)) != self._goals:
            again = self._start_anew(goals)
        if again:
            self._forget(set(again))
        upto = min(state.next_run, self._next + at_most)
        news = [f"R{i}" for i in range(self._next, upto)]
        caught_up = bool(self.behind) and upto == state.next_run
        self._next, self.behind = max(self._next, upto), max(0, state.next_run - upto)
        ended = self._ended(state, [*self.open, *news, *again])
        for run in sorted(ended, key=lambda r: r.since):
            self._take(state, run)
        if caught_up or again:
            self._sort()
        return bool(ended or news or again)

    def _start_anew(self, goals: Json) -> list[str]:
        """What is sought was redefined: another run may be the best, and others may count."""
        if self._goals is not None:
            self.failed.clear()
            self.open.clear()
            self._sums.clear()
            self._next, self.behind = 1, 0
            self.version += 1
        self._goals = goals
        return []

    def _ended(self, state: State, names: list[str]) -> list[Run]:
        ended: list[Run] = []
        for name in names:
            run = state.runs.get(name)
            if run is None:
                continue
            if run.state == "ended":
                self.open.pop(name, None)
                ended.append(run)
            else:
                self.open[name] = None
        return ended

    def best(self, task: str) -> Measured | None:
        """The best run of a task so far."""
        found = self._sums.get(task)
        return found.best if found and found.has_best and not self.behind else None

    def best_of_arms(self, tasks: Iterable[str], objective: Objective) -> Measured | None:
        """The best run of several tasks that seek the same."""
        found = [best for task in tasks if (best := self.best(task)) is not None]
        return max(found, key=lambda m: objective.merit(m.value), default=None)

    def of(self, task: str) -> list[Measured]:
        """The runs of a task that count, in the order in which they ended."""
        found = self._sums.get(task)
        return found.runs if found and not self.behind else []

    def coverage(self, task: str) -> tuple[int, int]:
        """How many values lie in the 90 % interval that was predicted before they ran, and of how many."""
        found = self._sums.get(task)
        return (found.inside, found.judged) if found and not self.behind else (0, 0)

    def _forget(self, names: set[str]) -> None:
        for task, old in list(self._sums.items()):
            if any(m.run in names for m in old.runs):
                self._sum_up(task, old, [m for m in old.runs if m.run not in names])

    def _sort(self) -> None:
        """In steps and after a mark, runs are taken in out of the order in which they ended."""
        for task, old in list(self._sums.items()):
            self._sum_up(task, old, sorted(old.runs, key=lambda m: m.ended))

    def _sum_up(self, task: str, old: _Sum, runs: list[Measured]) -> None:
        self._sums[task] = made = _Sum(old.objective, old.has_best)
        for measured in runs:
            made.add(measured)
        self.version += 1

    def _take(self, state: State, run: Run) -> None:
        if run.end in {"failed", "lost"}:
            self.failed[run.id] = None
        task = task_of(state, run.task)
        measured = _measured(state, run, task.objective)
        if measured is None or task.objective is None:
            return
        self._sums.setdefault(run.task, _Sum(task.objective, task.has_best)).add(measured)
        self.version += 1


def _goals(state: State) -> Json:
    """What is sought in each task, and what outcomes have to meet."""
    tasks = state.definition.get("tasks", {})
    return {name: [data.get(key) for key in _SOUGHT] for name, data in tasks.items()}


_SOUGHT = ("objective", "objectives", "feasible", "fidelity")


def _measured(state: State, run: Run, objective: Objective | None) -> Measured | None:
    if objective is None or run.bad or run.end != "done" or objective.outcome not in run.outcome:
        return None
    value, error = run.outcome[objective.outcome]
    proposal = state.proposals.get(run.proposal)
    guess = proposal.predicted.get(objective.outcome) if proposal is not None else None
    predicted = (float(guess[0]), float(guess[1])) if guess and len(guess) > 1 and not run.parent else None
    return Measured(run.id, run.task, run.origin, value, error, run.since, predicted, aside(state, run))
