"""What a policy may know of a task: the part of the state that is evidence, as plain data.

``evidence`` is a pure function of the state. It is asked after each batch of events of campaigns with
tens of thousands of ended runs, so what has settled is kept from one call to the next and only what is
new or open is looked at again; the answer is the same as without that memory.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import Lock

from aisteer.journal.events import STARTS
from aisteer.journal.state import Proposal, Run, State
from aisteer.steering.datums import belied, node_hours, rows_of
from aisteer.steering.predictors import changes
from aisteer.steering.protocols import Datum, Evidence, Json

__all__ = ["evidence"]

_REMEMBERED = 16

_Place = tuple[float, int]


def evidence(state: State, task: str) -> Evidence:
    """All that a policy may know of ``task`` at ``state``.

    Only runs of that task count, and what was measured elsewhere for it: another arm of the campaign never
    mixes in. ``partial`` outcomes are
    censored, runs that a human marked bad are left out, and a run that was extended is replaced by its
    extension, which contains it.

    Args:
        state: The state, as folded so far.
        task: The task's name.

    Raises:
        KeyError: The campaign has no such task.
    """
    definition = state.definition["tasks"][task]
    with _LOCK:
        memory = _recall(state, task)
        memory.look(state)
        return Evidence(
            task=task,
            definition=definition,
            data=(*memory.prior(state), *memory.data()),
            censored=memory.censored(),
            estimated=memory.estimated(state),
            broken=tuple((name, memory.failed[name]) for _, name in memory.broke if name not in memory.bad),
            failed=tuple(memory.failed[name] for _, name in memory.failures),
            bad=tuple(memory.settled[name].parameters for name in memory.bad if name in memory.settled),
            pending=memory.pending(state),
            waiting=tuple(
                (p.id, p.parameters) for p in _of_task(state, state.waiting, task) if p.action in STARTS
            ),
            rejected=memory.rejected(),
            steering=state.steering.get(task, {}),
            steered={
                name: memory.since(said["position"]) for name, said in state.steered.get(task, {}).items()
            },
            model=state.models[task].model if task in state.models else -1,
            made_by=changes(state.models[task]) if task in state.models else (),
            revision=state.position,
        )


def _of_task(state: State, names: Iterable[str], task: str) -> list[Proposal]:
    return [p for p in (state.proposals[name] for name in names) if p.task == task]


@dataclass(slots=True)
class _Memory:
    """What has settled of one task, up to ``position``."""

    task: str
    position: int = 0
    last_run: tuple[str, str] = ("", "")
    last_proposal: tuple[str, float] = ("", 0.0)
    runs_seen: int = 0
    proposals_seen: int = 0
    open_runs: dict[str, int] = field(default_factory=dict)
    undecided: dict[str, None] = field(default_factory=dict)
    settled: dict[str, Datum] = field(default_factory=dict)
    order: list[tuple[_Place, str]] = field(default_factory=list)
    partial: list[tuple[_Place, str]] = field(default_factory=list)
    failures: list[tuple[_Place, str]] = field(default_factory=list)
    failed: dict[str, Json] = field(default_factory=dict)
    broke: list[tuple[_Place, str]] = field(default_factory=list)
    stops: dict[str, str] = field(default_factory=dict)
    extends: dict[str, str] = field(default_factory=dict)
    bad: dict[str, None] = field(default_factory=dict)
    refused: dict[str, tuple[int, Json]] = field(default_factory=dict)
    decisions: list[int] = field(default_factory=list)
    made: tuple[Datum, ...] | None = None
    made_censored: tuple[Datum, ...] | None = None
    added: dict[str, int] = field(default_factory=dict)
    elsewhere: tuple[Datum, ...] = ()

    def fits(self, state: State) -> bool:
        """Whether ``state`` is a later look at the same journal."""
        run, uuid = self.last_run
        proposal, time = self.last_proposal
        if state.position < self.position:
            return False
        if run and (run not in state.runs or state.runs[run].uuid != uuid):
            return False
        return not proposal or (proposal in state.proposals and state.proposals[proposal].time == time)

    def look(self, state: State) -> None:
        self._look_at_runs(state)
        self._look_at_proposals(state)
        self.position = state.position

    # --- runs ---------------------------------------------------------------------------------

    def _look_at_runs(self, state: State) -> None:
        name = ""
        for name in islice(state.runs, self.runs_seen, None):
            self.runs_seen += 1
            run = state.runs[name]
            if run.task == self.task:
                self.open_runs[name] = self.runs_seen
        if name:
            self.last_run = (name, state.runs[name].uuid)
        for name, number in list(self.open_runs.items()):
            run = state.runs[name]
            if run.state == "ended":
                del self.open_runs[name]
                self._settle(state, run, number)
        if [*self.bad] != [*state.bad]:
            self.bad = dict(state.bad)
            self._changed()

    def _changed(self) -> None:
        self.made = self.made_censored = None

    def _settle(self, state: State, run: Run, number: int) -> None:
        proposal = state.proposals[run.proposal]
        if run.end in {"failed", "lost"}:
            self.failed[run.id] = run.parameters
            insort(self.failures, ((run.since, number), run.id))
            if run.end == "failed":
                insort(self.broke, ((run.since, number), run.id))
            return
        if run.end == "withdrawn":
            self.refused[proposal.id] = (proposal.revision, run.parameters)
            return
        self.settled[run.id] = Datum(
            run=run.id,
            parameters=run.parameters,
            outcomes=run.outcome,
            predicted=proposal.predicted,
            origin=run.origin,
            parent=run.parent,
            model=proposal.model,
            cost=node_hours(run, proposal.resources or state.definition["tasks"][self.task].get("resources")),
        )
        # By the time of its end, which a later mark does not move; the number only breaks ties.
        insort(self.order if run.end == "done" else self.partial, ((run.since, number), run.id))
        if run.end == "done" and proposal.action == "extend" and run.parent is not None:
            self.extends[run.id] = run.parent
        self._changed()

    def data(self) -> tuple[Datum, ...]:
        if self.made is None:
            self.made = self._told(self.order)
        return self.made

    def censored(self) -> tuple[Datum, ...]:
        if self.made_censored is None:
            self.made_censored = self._told(self.partial)
        return self.made_censored

    def estimated(self, state: State) -> tuple[Datum, ...]:
        """Stopped runs with what was foreseen of them when their stop was proposed.

        Not where the AI took that back while they ran: what they showed then belied it.
        """
        found = []
        for datum in self.censored() if self.stops else ():
            stop = state.proposals.get(self.stops.get(datum.run, ""))
            if stop is not None and stop.predicted and not belied(stop, state.runs[datum.run]):
                foreseen = {
                    n: (float(mean), float(std)) for n, (mean, std) in stop.predicted.items() if std > 0
                }
                found.append(replace(datum, outcomes=foreseen, predicted={}, estimated=True))
        return tuple(found)

    def _told(self, order: list[tuple[_Place, str]]) -> tuple[Datum, ...]:
        left_out = self.bad.keys() | {p for child, p in self.extends.items() if child not in self.bad}
        return tuple(self.settled[name] for _, name in order if name not in left_out)

    def pending(self, state: State) -> tuple[Json, ...]:
        found = [state.runs[name].parameters for name in self.open_runs]
        found += [p.parameters for p in _of_task(state, state.accepted, self.task) if p.action in STARTS]
        return tuple(found)

    def prior(self, state: State) -> tuple[Datum, ...]:
        """What was measured elsewhere and is not marked bad, in the order in which it was added."""
        mine = {name: data for name, data in state.added.items() if data["task"] == self.task}
        seen = {name: int(data["revision"]) for name, data in mine.items()}
        if seen != self.added:
            self.added = seen
            self.elsewhere = tuple(datum for name, data in mine.items() for datum in rows_of(name, data))
        return self.elsewhere

    # --- proposals ----------------------------------------------------------------------------

    def _look_at_proposals(self, state: State) -> None:
        name = ""
        for name in islice(state.proposals, self.proposals_seen, None):
            self.proposals_seen += 1
            self.undecided[name] = None
        if name:
            self.last_proposal = (name, state.proposals[name].time)
        for name in (*state.waiting, *state.accepted):
            if name in self.refused:  # The decision was taken back.
                position, _ = self.refused.pop(name)
                if position in self.decisions:
                    self.decisions.remove(position)
                self.undecided[name] = None
        for name in list(self.undecided):
            proposal = state.proposals[name]
            if proposal.action == "stop" and proposal.origin == "ai" and proposal.run is not None:
                self.stops[proposal.run] = name
            if proposal.state in {"waiting", "accepted"}:
                continue
            del self.undecided[name]
            if proposal.task == self.task:
                self._decided(proposal)

    def _decided(self, proposal: Proposal) -> None:
        decision = proposal.decision
        if decision is None or proposal.action not in STARTS:
            return
        by_human = decision.by.kind in {"human", "rule"} and decision.rule is None
        if decision.verdict != "withdrawn":
            insort(self.decisions, decision.position)
        if decision.verdict in {"rejected", "edited"} or (decision.verdict == "withdrawn" and by_human):
            self.refused[proposal.id] = (decision.position, proposal.parameters)

    def since(self, position: int) -> int:
        """How many decisions followed."""
        return len(self.decisions) - bisect_right(self.decisions, position)

    def rejected(self) -> tuple[tuple[Json, int], ...]:
        found: list[tuple[int, Json, int]] = []
        for position, parameters in self.refused.values():
            found.append((position, parameters, self.since(position)))
        found.sort(key=lambda item: item[0])
        return tuple((parameters, since) for _, parameters, since in found)


_LOCK = Lock()
_MEMORIES: OrderedDict[tuple[str, str], _Memory] = OrderedDict()


def _recall(state: State, task: str) -> _Memory:
    key = (state.uuid, task)
    memory = _MEMORIES.get(key)
    if memory is None or not memory.fits(state):
        memory = _Memory(task)
        if state.uuid:
            _MEMORIES[key] = memory
            if len(_MEMORIES) > _REMEMBERED:
                _MEMORIES.popitem(last=False)
    else:
        _MEMORIES.move_to_end(key)
    return memory
