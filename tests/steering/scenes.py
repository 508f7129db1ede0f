"""A campaign in memory: commands through the real gate, events through the real fold."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor, Record
from aisteer.journal.state import State, apply
from aisteer.problem.parameters import Float
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.evidence import evidence
from aisteer.steering.mind import Mind
from aisteer.steering.protocols import Datum, Evidence
from aisteer.steering.thought import Thought, situation

DRIVER, HUMAN, AI = Actor("driver", "here"), Actor("human", "ada"), Actor("ai", "bayesian")
SQUARE = Space(x=Float(0, 1), y=Float(0, 1))


def task(space: Space | Pool = SQUARE, *, policy: str = "bayesian", **more: Any) -> dict[str, Any]:
    return {
        "space": space.to_json(),
        "objective": {"kind": "maximize", "outcome": "yield", "unit": "g"},
        "policy": {"name": policy},
        "slots": 2,
        "batch": 4,
        "seed": 0,
        **more,
    }


def known(points: list[dict[str, Any]], values: list[float], error: float = 0.0, **more: Any) -> Evidence:
    data = tuple(
        Datum(f"R{i + 1}", point, {"yield": (value, error)})
        for i, (point, value) in enumerate(zip(points, values, strict=True))
    )
    return Evidence("main", task(), data=data, **more)


class Campaign:
    """A campaign whose runs end at once, with what ``measure`` says."""

    def __init__(self, *, autonomy: dict[str, Any] | None = None, **tasks: dict[str, Any]) -> None:
        self.state = State()
        self.records: list[Record] = []
        self.submit(
            cmd.Define(
                actor=HUMAN,
                name="c",
                uuid=uuid.uuid4().hex,
                nonce="n",
                definition={"tasks": tasks or {"main": task()}},
                autonomy=autonomy or {},
            )
        )
        self.submit(cmd.TakeLease(actor=DRIVER, epoch=1, holder={}))
        self.submit(cmd.Start(actor=HUMAN))

    def submit(self, command: cmd.Command) -> list[ev.Event]:
        made = cmd.handle(self.state, command, 1000.0 + len(self.records))
        for event in made:
            stored = ev.decode(event.kind, event.version, ev.encode(event))
            place = len(self.records) + 1
            self.records.append(Record(place, 1000.0 + place, command.actor, command.id, stored))
            apply(self.state, self.records[-1])
        return made

    def again(self) -> State:
        """The same state, folded from nothing, under an identity that nothing is remembered of."""
        state = State()
        for record in self.records:
            apply(state, record)
        state.uuid = ""
        return state

    def propose(self, name: str = "main", origin: str = "human", **parameters: Any) -> str:
        draft = cmd.Draft(task=name, parameters=parameters, origin=origin)  # type: ignore[arg-type]
        made = self.submit(cmd.Propose(actor=HUMAN, drafts=[draft], repeat=True))
        return made[0].proposal  # type: ignore[attr-defined]

    def accept(self, proposal: str) -> None:
        revision = self.state.proposals[proposal].revision
        self.submit(cmd.Accept(actor=HUMAN, proposal=proposal, revision=revision))

    def reject(self, proposal: str) -> None:
        revision = self.state.proposals[proposal].revision
        self.submit(cmd.Reject(actor=HUMAN, proposal=proposal, revision=revision))

    def launch(self) -> list[str]:
        wishes = [
            cmd.LaunchRequest(uuid=uuid.uuid4().hex, endpoint="e", seed=0, proposal=p)
            for p in self.state.accepted
        ]
        made = self.submit(cmd.Launch(actor=DRIVER, epoch=1, launches=wishes))
        return [event.run for event in made if isinstance(event, ev.AttemptLaunched)]

    def end(self, run: str, value: float | None = None, *, how: str = "done", error: float = 0.0) -> None:
        self.finish(run, {} if value is None else {"yield": [value, error] if error else [value]}, how)

    def finish(self, run: str, outcome: dict[str, list[float]], how: str = "done") -> None:
        ended = ev.AttemptEnded(run=run, attempt=1, end=how, outcome=outcome, seconds=36.0)  # type: ignore[arg-type]
        self.submit(cmd.Report(actor=DRIVER, epoch=1, events=[ended]))

    def run(
        self, value: float | None = None, name: str = "main", how: str = "done", **parameters: Any
    ) -> str:
        self.accept(self.propose(name, **parameters))
        (run,) = self.launch()
        self.end(run, value, how=how)
        return run

    def think(self, mind: Mind, name: str = "main") -> Thought:
        """Think, and write what came of it, in the driver's order."""
        thought = mind.think(evidence(self.state, name), situation(self.state, name))
        if thought.fit is not None:
            self.submit(cmd.Fitted(actor=AI, epoch=1, fit=thought.fit))
        for reason, names in thought.withdrawals.items():
            self.submit(cmd.Withdraw(actor=AI, epoch=1, proposals=names, reason=reason))
        if thought.predictions:
            self.submit(cmd.Predict(actor=AI, epoch=1, predictions=thought.predictions))
        if thought.drafts:
            self.submit(cmd.Propose(actor=AI, epoch=1, drafts=thought.drafts))
        return thought

    def turn(
        self, folder: Path, measure: Callable[[dict[str, Any]], float], mind: Mind | None = None
    ) -> Thought:
        """Think, accept all that waits, and run it."""
        thought = self.think(mind or Mind(folder))
        for proposal in list(self.state.waiting):
            self.accept(proposal)
        for run in self.launch():
            self.end(run, measure(self.state.runs[run].parameters))
        return thought
