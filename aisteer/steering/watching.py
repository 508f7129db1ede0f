"""The runs of a task as early stopping looks at them: those that can be compared, and those that could be stopped."""

from __future__ import annotations

from aisteer.journal.state import Run, State
from aisteer.steering.curves import FEWEST
from aisteer.steering.early_stopping import Ended, Underway, Watched, bound_of
from aisteer.steering.extrapolation import NEEDED
from aisteer.steering.protocols import Evidence

__all__ = ["Watching"]

_LATEST = 150
"""Finished runs whose curves are kept, the latest ones."""
_FAR_BACK = 600
"""Results that are looked at for them."""
_NOT_LIVE = frozenset({"accepted", "submitted", "waiting", "claimed", "pausing", "paused", "ended"})


class Watching:
    """Looks at one task again and again; which stops were proposed is remembered."""

    def __init__(self, task: str) -> None:
        self.task = task
        self._looked = 0
        self._stops: dict[str, str] = {}

    def look(self, state: State, evidence: Evidence) -> Watched | None:
        """How the runs stand; ``None`` where there is nothing to stop, or nothing to learn from."""
        self._look_for_stops(state)
        waiting = {run: name for run, name in self._stops.items() if name in state.waiting}
        if not waiting and not bound_of(evidence.definition):
            return None
        gone: dict[str, list[str]] = {}
        for run, name in waiting.items():
            if not state.runs[run].live:
                gone.setdefault(f"{run} has ended meanwhile ({state.runs[run].end})", []).append(name)
        underway = self._underway(state)
        ended = self._ended(state, evidence) if underway else ()
        if not gone and (not underway or len(ended) < NEEDED):
            return None
        fit = state.models.get(self.task)
        best = fit.summary.get("best") if fit else None
        return Watched(
            task=self.task,
            data=evidence.data,
            ended=ended if len(ended) >= NEEDED else (),
            underway=underway,
            stops=waiting,
            asked=frozenset(self._stops),
            gone=gone,
            best=float(best) if isinstance(best, int | float) else None,
        )

    def _look_for_stops(self, state: State) -> None:
        """Proposals are named by number; those made since the last look are looked at."""
        for number in range(self._looked + 1, state.next_proposal):
            proposal = state.proposals.get(f"P{number}")
            if proposal is None or proposal.action != "stop" or proposal.run is None:
                continue
            if proposal.origin == "ai" and proposal.task == self.task:
                self._stops[proposal.run] = proposal.id
        self._looked = state.next_proposal - 1

    def _underway(self, state: State) -> tuple[Underway, ...]:
        """Live runs that stand where finished ones stood, and that nobody has asked to end."""
        found = []
        for name in state.live:
            run = state.runs[name]
            if run.task != self.task or run.state in _NOT_LIVE or not _plain(run):
                continue
            proposal = state.proposals[run.proposal]
            drawn = proposal.beside is not None or any(r.get("kind") == "audit" for r in proposal.reasons)
            # What chance chose tests predictions: without its end it would test nothing.
            if drawn or any(control.verb in {"stop", "withdraw", "pause"} for control in run.controls):
                continue
            found.append(Underway(run.id, run.parameters, proposal.predicted))
        return tuple(found)

    @staticmethod
    def _ended(state: State, evidence: Evidence) -> tuple[Ended, ...]:
        found: list[Ended] = []
        for place in range(len(evidence.data) - 1, max(-1, len(evidence.data) - _FAR_BACK), -1):
            datum = evidence.data[place]
            run = state.runs.get(datum.run)
            if run is not None and _plain(run) and run.attempt.observations >= FEWEST:
                found.append(Ended(datum, place))
                if len(found) == _LATEST:
                    break
        return tuple(reversed(found))


def _plain(run: Run) -> bool:
    """Whether its observations tell one story from the start: no restart, no parent, nothing changed on the way."""
    changed = any(control.verb == "set" and control.answer != "refused" for control in run.controls)
    return len(run.attempts) == 1 and run.parent is None and not changed
