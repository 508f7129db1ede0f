"""Whatever is commanded in whatever order: the stored, paged, reopened state is the plain fold, and the laws hold."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aisteer.errors import LeaseLost, Refused, StaleRevision, UnknownName
from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal import folded, folding, pages
from aisteer.journal.state import State, apply
from aisteer.journal.store import Journal, Receipt
from tests.journal.scenes import ADA, AI, DRIVER, define, draft

NUMBERS = st.integers(1, 30)
COUNTS = st.sampled_from(["used", "estimated", "charged"])
EDITS = {"tasks": {"main": {"counterfactual": 0.5}}}
POINTS = st.sampled_from([0.5, 1.0, 1.5, 2.0])


class Campaign(RuleBasedStateMachine):
    """Two handles on one journal, and beside them the fold as it is defined."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(pages, "PAGE", 4)
        self.patch.setattr(pages, "DECODED", 2)
        self.patch.setattr(folding, "SETTLE_AT", 5)
        self.patch.setattr(folded, "SNAPSHOT_EVERY", 9)
        self.home = Path(tempfile.mkdtemp(prefix="aisteer-laws-"))
        self.folder = self.home / "campaign"
        self.plain = State()
        self.live: dict[str, int] = {}
        self.given: list[tuple[c.Command, tuple[ev.Record, ...]]] = []

    @initialize(budget=st.none() | st.floats(1, 12), counts=COUNTS)
    def begin(self, budget: float | None, counts: str) -> None:
        limit = None if budget is None else {"amount": budget, "unit": "node-hours", "counts": counts}
        self.one = Journal.create(self.folder, define(budget=limit, definition=EDITS))
        self.two = Journal.open(self.folder)
        self.epoch = self.one.take_lease({}, DRIVER)
        self.one.submit(c.Start(actor=ADA))
        self.watch(self.one.records())

    def teardown(self) -> None:
        for journal in (getattr(self, "one", None), getattr(self, "two", None)):
            if journal is not None:
                journal.close()
        shutil.rmtree(self.home)
        self.patch.undo()

    def watch(self, records: Any) -> None:
        """Fold what was appended, and hold each event to the laws."""
        for record in records:
            assert record.position == self.plain.position + 1
            event = record.event
            if isinstance(event, ev.AttemptLaunched):
                assert event.epoch == self.plain.epoch
                assert event.run not in self.live, "two live attempts of one run"
                proposal = self.plain.proposals[event.proposal]
                assert proposal.decision is not None
                assert proposal.decision.verdict == "accepted", "a launch without an accepting decision"
                assert proposal.state == ("accepted" if event.attempt == 1 else "launched")
                self.live[event.run] = event.attempt
            if isinstance(event, ev.AttemptEnded):
                assert self.live.pop(event.run) == event.attempt
            before = self.plain.remaining
            apply(self.plain, record)
            if (
                isinstance(event, ev.ProposalAccepted)
                and self.plain.proposals[event.proposal].action != "stop"
            ):
                assert before >= self.plain.proposals[event.proposal].cost - 1e-9, (
                    "accepted beyond the budget"
                )

    def submit(self, journal: Journal, command: c.Command) -> Receipt | None:
        try:
            receipt = journal.submit(command)
        except (Refused, UnknownName):
            return None
        self.watch(receipt.events)
        self.given.append((command, receipt.events))
        return receipt

    def seen(self, journal: Journal, number: int) -> tuple[str, int]:
        """A proposal as this notebook sees it, perhaps stale."""
        name = f"P{1 + number % max(1, len(journal.state.proposals))}"
        proposal = journal.state.proposals.get(name)
        return name, proposal.revision if proposal else 0

    def notebook(self, which: bool) -> Journal:
        return self.one if which else self.two

    @rule(
        which=st.booleans(),
        points=st.lists(POINTS, min_size=1, max_size=4),
        accept=st.booleans(),
        repeat=st.booleans(),
    )
    def propose(self, which: bool, points: list[float], accept: bool, repeat: bool) -> None:
        drafts = [draft(x, cost=x) for x in points]
        self.submit(self.notebook(which), c.Propose(actor=ADA, drafts=drafts, accept=accept, repeat=repeat))

    @rule(points=st.lists(POINTS, min_size=1, max_size=4))
    def the_ai_proposes(self, points: list[float]) -> None:
        drafts = [draft(x, cost=x, origin="ai") for x in points]
        self.submit(self.one, c.Propose(actor=AI, drafts=drafts, epoch=self.epoch))

    @rule(
        which=st.booleans(),
        number=NUMBERS,
        verdict=st.sampled_from(["accept", "reject", "edit", "undo"]),
        x=POINTS,
    )
    def decide(self, which: bool, number: int, verdict: str, x: float) -> None:
        journal = self.notebook(which)
        name, revision = self.seen(journal, number)
        now = self.plain.proposals.get(name)
        command: c.Command
        if verdict == "accept":
            command = c.Accept(actor=ADA, proposal=name, revision=revision)
        elif verdict == "reject":
            command = c.Reject(actor=ADA, proposal=name, revision=revision)
        elif verdict == "edit":
            command = c.Edit(actor=ADA, proposal=name, revision=revision, parameters={"x": x}, cost=x)
        else:
            command = c.Undo(actor=ADA, proposal=name, revision=revision)
        if now is not None and now.revision != revision:
            with pytest.raises(StaleRevision):
                journal.submit(command)
        else:
            self.submit(journal, command)

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=4))
    def withdraw(self, numbers: list[int]) -> None:
        names = [self.seen(self.one, number)[0] for number in dict.fromkeys(numbers)]
        self.submit(self.one, c.Withdraw(actor=AI, proposals=list(dict.fromkeys(names)), reason="stale"))

    @rule(which=st.booleans(), number=NUMBERS, again=st.booleans())
    def launch(self, which: bool, number: int, again: bool) -> None:
        self.one.refresh()
        proposals = [*self.one.state.accepted, self.seen(self.one, number)[0]]
        wishes = [
            c.LaunchRequest(uuid=uuid.uuid4().hex, endpoint="local", seed=1, proposal=name)
            for name in proposals[:5]
        ]
        if again:
            wishes += [
                c.LaunchRequest(uuid=uuid.uuid4().hex, endpoint="local", seed=1, run=name)
                for name in self.plain.runs
            ]
        self.submit(self.notebook(which), c.Launch(actor=DRIVER, epoch=self.epoch, launches=wishes))

    @precondition(lambda self: bool(self.live))
    @rule(
        number=NUMBERS,
        end=st.sampled_from(["", "done", "failed", "paused", "preempted", "withdrawn"]),
        used=st.floats(0, 1),
    )
    def report(self, number: int, end: Any, used: float) -> None:
        run = list(self.live)[number % len(self.live)]
        attempt = self.live[run]
        made: list[ev.Event] = [ev.AttemptMoved(run=run, attempt=attempt, state="running")]
        if end:
            final = end not in {"paused", "preempted"}
            made = [
                ev.AttemptEnded(
                    run=run, attempt=attempt, end=end, final=final, used=used, outcome={"y": [used]}
                )
            ]
        late = ev.AttemptMoved(run=run, attempt=attempt + 1, state="running")
        self.submit(self.one, c.Report(actor=DRIVER, epoch=self.epoch, events=[late, *made]))

    @precondition(lambda self: bool(self.plain.runs))
    @rule(
        which=st.booleans(),
        number=NUMBERS,
        what=st.sampled_from(["stop", "pause", "resume", "mark", "answer"]),
    )
    def control(self, which: bool, number: int, what: str) -> None:
        run = f"R{1 + number % len(self.plain.runs)}"
        command: c.Command
        if what in {"stop", "pause"}:
            command = c.Request(actor=ADA, run=run, verb=what)
        elif what == "resume":
            command = c.Resume(actor=ADA, run=run)
        elif what == "mark":
            command = c.Mark(actor=ADA, run=run, bad=not self.plain.runs[run].bad)
        else:
            answers = [
                ev.ControlAcknowledged(run=run, control=asked.id, answer="done")
                for asked in self.plain.runs[run].controls
            ]
            command = c.Report(actor=DRIVER, epoch=self.epoch, events=answers)
        self.submit(self.notebook(which), command)

    @rule(amount=st.floats(0, 20), unit=st.sampled_from(["node-hours", "runs"]), counts=COUNTS)
    def budget(self, amount: float, unit: str, counts: str) -> None:
        limit = {"amount": amount, "unit": unit, "counts": counts}
        self.submit(self.two, c.SetBudget(actor=ADA, budget=limit))

    @rule(
        which=st.booleans(),
        change=st.dictionaries(
            st.sampled_from(["batch", "exploration", "pinned", "forbidden"]),
            st.none() | st.integers(1, 3),
            max_size=2,
        ),
        back=st.none() | NUMBERS,
    )
    def steer(self, which: bool, change: dict[str, Any], back: int | None) -> None:
        command: c.Command = c.Steer(actor=ADA, task="main", change=change)
        if back is not None:
            said = [what["position"] for what in self.plain.steered.get("main", {}).values()]
            command = c.Unsteer(actor=ADA, task="main", position=said[back % len(said)] if said else back)
        self.submit(self.notebook(which), command)

    @rule(
        which=st.booleans(),
        rows=st.lists(POINTS, min_size=1, max_size=3),
        source=st.sampled_from(["a", "b"]),
        mark=st.none() | st.booleans(),
    )
    def data_from_elsewhere(self, which: bool, rows: list[float], source: str, mark: bool | None) -> None:
        command: c.Command = c.AddData(
            actor=ADA, task="main", source=source, parameters={"x": [*rows]}, outcomes={"y": [*rows]}
        )
        if mark is not None:
            place = None if len(rows) == 1 else [len(rows) - 2]
            command = c.MarkData(actor=ADA, data=f"D{len(rows)}", bad=mark, rows=place)
        self.submit(self.notebook(which), command)

    @rule()
    def another_driver_takes_over(self) -> None:
        self.one.release_lease(self.epoch)
        old, self.epoch = self.epoch, self.two.take_lease({}, DRIVER)
        self.watch(self.two.records(self.plain.position))
        with pytest.raises(LeaseLost):
            self.one.submit(c.Launch(actor=DRIVER, epoch=old, launches=[]))

    @precondition(lambda self: bool(self.given))
    @rule(which=st.booleans(), number=NUMBERS)
    def repeat(self, which: bool, number: int) -> None:
        command, first = self.given[-1 - number % len(self.given)]
        if first:
            receipt = self.notebook(which).submit(command)
            assert receipt.repeated
            assert receipt.events == first

    @rule(which=st.booleans())
    def look(self, which: bool) -> None:
        self.notebook(which).refresh()

    @rule()
    def restart(self) -> None:
        self.two.close()
        self.two = Journal.open(self.folder)

    @rule()
    def rebuild(self) -> None:
        self.two.rebuild()

    @invariant()
    def the_state_is_the_fold(self) -> None:
        if self.plain.position:
            self.one.refresh()
            assert self.one.state == self.plain
            if self.two.position == self.plain.position:
                assert self.two.state == self.plain

    @invariant()
    def the_indexes_agree(self) -> None:
        state = self.plain
        for index, name in ((state.waiting, "waiting"), (state.accepted, "accepted")):
            stop = {p.id for p in state.proposals.values() if p.action == "stop"}
            assert set(index) - stop == {p.id for p in state.proposals.values() if p.state == name} - stop
        assert set(state.live) == {run.id for run in state.runs.values() if run.live}
        held = sum(
            p.decision.reserved
            for p in state.proposals.values()
            if p.decision is not None
            and (p.state == "accepted" or (p.launched is not None and not state.runs[p.launched].end))
        )
        assert state.totals.reserved == pytest.approx(held, abs=1e-6)
        estimated = sum(
            p.cost
            for p in state.proposals.values()
            if p.action != "stop" and p.state in {"accepted", "launched"}
        )
        assert state.totals.estimated == pytest.approx(estimated, abs=1e-6)


TestCampaign = Campaign.TestCase
TestCampaign.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=30)
