"""What the finished runs add up to, kept up to date without looking at all of them again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from aisteer.journal.state import Run, State
from aisteer_widgets.view_models.tasks import Objective, task_of

__all__ = ["Measured", "Tally"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A run that counts: done, not marked bad, with a value of the objective."""

    run: str
    task: str
    origin: str
    value: float
    error: float
    ended: float
    predicted: tuple[float, float] | None


@dataclass(slots=True)
class Tally:
    """An index over ended runs. ``refresh`` looks at new, open and touched runs only.

    Attributes:
        measured: In the order in which they ended.
        ended: How many ended how.
        failed: Failed and lost runs, latest last.
    """

    measured: list[Measured] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    failed: dict[str, None] = field(default_factory=dict)
    revision: int = -1
    _next: int = 1
    open: dict[str, None] = field(default_factory=dict)
    _bad: dict[str, None] = field(default_factory=dict)
    _best: dict[str, Measured] = field(default_factory=dict)
    _counted: dict[str, int] = field(default_factory=dict)

    def refresh(self, state: State, touched: Iterable[str] = ()) -> bool:
        """Take in what has changed; say whether anything did.

        Args:
            state: The campaign now.
            touched: Ended runs that something happened to since (a mark).
        """
        if state.position == self.revision:
            return False
        again = [name for name in touched if name in self._counted or name in self._bad]
        if again:
            self._forget(again)
        news = [f"R{i}" for i in range(self._next, state.next_run)]
        self._next = max(self._next, state.next_run)
        self.revision = state.position
        ended: list[Run] = []
        for name in [*self.open, *news, *again]:
            run = state.runs.get(name)
            if run is None:
                continue
            if run.state == "ended":
                self.open.pop(name, None)
                ended.append(run)
            else:
                self.open[name] = None
        for run in sorted(ended, key=lambda r: r.since):
            self._take(state, run)
        return bool(ended or news or again)

    def best(self, task: str) -> Measured | None:
        """The best run of a task so far."""
        return self._best.get(task)

    def of(self, task: str) -> list[Measured]:
        """The runs of a task that count, in the order in which they ended."""
        return [m for m in self.measured if m.task == task]

    def _forget(self, names: list[str]) -> None:
        gone = set(names)
        self.measured = [m for m in self.measured if m.run not in gone]
        self._best.clear()
        for name in gone:
            self._bad.pop(name, None)
            self._counted.pop(name, None)
        for measured in self.measured:
            self._rank(measured, self._signs.get(measured.task, 1))

    _signs: dict[str, int] = field(default_factory=dict)

    def _take(self, state: State, run: Run) -> None:
        if run.bad:
            self._bad[run.id] = None
        if run.id not in self._counted:
            self.ended[run.end] = self.ended.get(run.end, 0) + 1
        self._counted[run.id] = 1
        if run.end in {"failed", "lost"}:
            self.failed[run.id] = None
        objective = task_of(state, run.task).objective
        measured = _measured(state, run, objective)
        if measured is None or objective is None:
            return
        self._signs[run.task] = objective.sign
        self.measured.append(measured)
        self._rank(measured, objective.sign)

    def _rank(self, measured: Measured, sign: int) -> None:
        best = self._best.get(measured.task)
        if best is None or sign * measured.value > sign * best.value:
            self._best[measured.task] = measured


def _measured(state: State, run: Run, objective: Objective | None) -> Measured | None:
    if objective is None or run.bad or run.end != "done" or objective.outcome not in run.outcome:
        return None
    value, error = run.outcome[objective.outcome]
    proposal = state.proposals.get(run.proposal)
    guess = proposal.predicted.get(objective.outcome) if proposal is not None else None
    predicted = (float(guess[0]), float(guess[1])) if guess and len(guess) > 1 else None
    return Measured(run.id, run.task, run.origin, value, error, run.since, predicted)
