"""The runs of a task as early stopping looks at them: those that can be compared, and those that could be stopped."""

from __future__ import annotations

from aisteer.journal.state import Proposal, Run, State
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
        self._asked: set[str] = set()
        self._known: dict[str, bool] = {}

    def look(self, state: State, evidence: Evidence) -> Watched | None:
        """How the runs stand; ``None`` where there is nothing to stop, or nothing to learn from."""
        stops = [p for p in (state.proposals[name] for name in state.waiting) if self._is_stop(p)]
        waiting = {p.run: p.id for p in stops if p.run is not None}
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
        self._look_for_stops(state)
        fit = state.models.get(self.task)
        best = fit.summary.get("best") if fit else None
        return Watched(
            task=self.task,
            data=evidence.data,
            ended=ended if len(ended) >= NEEDED else (),
            underway=underway,
            stops=waiting,
            asked=frozenset(self._asked),
            gone=gone,
            best=float(best) if isinstance(best, int | float) else None,
            best_run=str(fit.summary.get("best_run") or "") if fit else "",
        )

    def _look_for_stops(self, state: State) -> None:
        """Proposals are named by number; those made since the last look are looked at."""
        for number in range(self._looked + 1, state.next_proposal):
            proposal = state.proposals.get(f"P{number}")
            if proposal is not None and proposal.run is not None and self._is_stop(proposal):
                self._asked.add(proposal.run)
        self._looked = state.next_proposal - 1

    def _is_stop(self, proposal: Proposal) -> bool:
        return proposal.action == "stop" and proposal.origin == "ai" and proposal.task == self.task

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

    def _ended(self, state: State, evidence: Evidence) -> tuple[Ended, ...]:
        found: list[Ended] = []
        # What has ended does not change, and to look at it again takes time.
        known, self._known = self._known, {}
        for place in range(len(evidence.data) - 1, max(-1, len(evidence.data) - _FAR_BACK), -1):
            datum = evidence.data[place]
            suits = known.get(datum.run)
            if suits is None:
                run = state.runs.get(datum.run)
                suits = run is not None and _plain(run) and run.attempt.observations >= FEWEST
            self._known[datum.run] = suits
            if suits:
                found.append(Ended(datum, place))
                if len(found) == _LATEST:
                    break
        return tuple(reversed(found))


def _plain(run: Run) -> bool:
    """Whether its observations tell one story from the start: no restart, no parent, nothing changed on the way."""
    changed = any(control.verb == "set" and control.answer != "refused" for control in run.controls)
    return len(run.attempts) == 1 and run.parent is None and not changed
