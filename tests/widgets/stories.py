"""Campaigns told as commands through the real gate and the real fold, for view models to show."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np

from aisteer.execution.endpoint import Health
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor, Record
from aisteer.journal.state import State, apply
from aisteer_widgets.view_models.asked import Beliefs, Question
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tally import Tally
from aisteer_widgets.view_models.trace import Trace

HUMAN = Actor("human", "ada")
AI = Actor("ai", "bayesian")
DRIVER = Actor("driver", "host:1")

MELT: dict[str, Any] = {
    "tasks": {
        "main": {
            "simulation": {
                "kind": "function",
                "name": "melt",
                "generator": True,
                "checkpoint": True,
                "controls": ["steps"],
            },
            "space": {
                "kind": "box",
                "parameters": {
                    "temperature": {"kind": "float", "low": 300.0, "high": 2000.0, "unit": "K"},
                    "density": {"kind": "float", "low": 7.0, "high": 9.0, "unit": "g/cm³"},
                },
            },
            "objective": {"kind": "maximize", "outcome": "diffusion", "unit": "10⁻⁹ m²/s"},
            "endpoint": "local",
            "slots": 4,
            "batch": 4,
            "cost": 0.8,
        }
    },
    "hold": 3.0,
}
MELT["tasks"]["random arm"] = {**MELT["tasks"]["main"], "baseline": True}

MOLECULES: dict[str, Any] = {
    "tasks": {
        "main": {
            "simulation": {
                "kind": "function",
                "name": "ionise",
                "generator": True,
                "checkpoint": False,
                "controls": [],
            },
            "space": {
                "kind": "pool",
                "pool": "ab",
                "key": "smiles",
                "parameters": ["smiles"],
                "size": 1800,
                "name": "",
            },
            "objective": {"kind": "minimize", "outcome": "ionisation_energy", "unit": "eV"},
            "endpoint": "local",
            "slots": 2,
            "batch": 4,
            "cost": 1e-4,
        }
    },
    "hold": 3.0,
}


class Story:
    """A campaign in memory: commands go through the gate, records through the fold."""

    def __init__(
        self, definition: dict[str, Any] = MELT, name: str = "copper-melt", budget: float | None = 50.0
    ) -> None:
        self.state = State()
        self.now = 1_800_000_000.0
        self.records: list[Record] = []
        self.tally = Tally()
        self.traces: dict[str, Trace] = {}
        money = None if budget is None else {"amount": budget, "unit": "node-hours", "counts": "used"}
        self.submit(
            cmd.Define(actor=HUMAN, name=name, uuid="u", nonce="n", definition=definition, budget=money)
        )

    def submit(self, command: cmd.Command) -> list[ev.Event]:
        made = cmd.handle(self.state, command, self.now)
        for event in made:
            self.append(event, command.actor, command.id)
        return made

    def append(self, event: ev.Event, actor: Actor = DRIVER, command: str | None = None) -> None:
        record = Record(self.state.position + 1, self.now, actor, command, event)
        apply(self.state, record)
        self.records.append(record)

    # --- what people and machines do ---

    def start(self) -> Story:
        self.submit(cmd.Start(actor=HUMAN))
        self.submit(
            cmd.TakeLease(actor=DRIVER, epoch=self.state.epoch + 1, holder={"host": "host", "pid": 1})
        )
        return self

    def propose(
        self, *points: dict[str, Any], origin: Any = "ai", task: str = "main", **more: Any
    ) -> list[str]:
        drafts = [
            cmd.Draft(
                task=task,
                parameters=p,
                origin=origin,
                cost=0.8,
                rank=i + 1,
                of=512,
                **{k: (v[i] if isinstance(v, list) else v) for k, v in more.items()},
            )
            for i, p in enumerate(points)
        ]
        made = self.submit(cmd.Propose(actor=HUMAN if origin == "human" else AI, drafts=drafts, repeat=True))
        return [e.proposal for e in made if isinstance(e, ev.ProposalMade)]

    def accept(self, name: str, hold: float = 0.0) -> None:
        revision = self.state.proposals[name].revision
        self.submit(cmd.Accept(actor=HUMAN, proposal=name, revision=revision, hold=hold))

    def launch(self, name: str) -> str:
        wish = cmd.LaunchRequest(uuid=f"u{name}", endpoint="local", seed=1, proposal=name)
        made = self.submit(cmd.Launch(actor=DRIVER, epoch=self.state.epoch, launches=[wish]))
        return next(e.run for e in made if isinstance(e, ev.AttemptLaunched))

    def move(self, run: str, state: str) -> None:
        number = self.state.runs[run].attempt.number
        self.append(ev.AttemptMoved(run=run, attempt=number, state=state))

    def end(
        self, run: str, value: float | None = None, error: float = 0.0, *, end: Any = "done", **more: Any
    ) -> None:
        outcome = {} if value is None else {self.outcome: [value, error]}
        number = self.state.runs[run].attempt.number
        more.setdefault("seconds", 95.0)
        self.append(ev.AttemptEnded(run=run, attempt=number, end=end, outcome=outcome, used=0.4, **more))

    def run(self, point: dict[str, Any], value: float, error: float = 0.0, **more: Any) -> str:
        """A whole run, from proposal to outcome."""
        (name,) = self.propose(point, **more)
        self.accept(name)
        run = self.launch(name)
        self.move(run, "running")
        self.now += 60
        self.end(run, value, error)
        return run

    def live(self, point: dict[str, Any], observations: int, goal: int = 200, level: float = 1.0) -> str:
        (name,) = self.propose(point)
        self.accept(name)
        run = self.launch(name)
        self.move(run, "running")
        wave = random.Random(run)
        trace, y = Trace(), -3.4 * level
        for step in range(observations):
            y += wave.gauss(0.0004 * math.cos(step / 9), 0.004)
            trace.feed([{"step": step, "energy": y, "msd": 0.01 * step * level + abs(wave.gauss(0, 0.05))}])
        self.traces[run] = trace
        return run

    @property
    def outcome(self) -> str:
        return str(self.state.definition["tasks"]["main"]["objective"]["outcome"])

    def scene(self, **more: Any) -> Scene:
        self.tally.refresh(self.state)
        more.setdefault("driver", "Driven by this kernel" if self.state.epoch else "")
        health = Health("online", workers=4, busy=len(self.state.live), detail="4 warm workers")
        more.setdefault("health", {"main": health} if self.state.epoch else {})
        return Scene(state=self.state, now=self.now, tally=self.tally, traces=self.traces, **more)


def truth(t: float, d: float) -> float:
    x, y = (t - 300) / 1700, (d - 7) / 2
    return 4.2 * math.exp(-((x - 0.62) ** 2 / 0.05 + (y - 0.45) ** 2 / 0.08)) + 0.4


def believed() -> Beliefs:
    """What a surrogate could answer, in the shape in which a mind answers."""
    xs = np.array([300 + 1700 * i / 29 for i in range(30)])
    ys = np.array([7 + 2 * j / 24 for j in range(25)])
    mean = np.array([[truth(x, y) for x in xs] for y in ys])
    std = np.array([[0.2 + 0.6 * abs(math.sin(x / 210) * math.cos(3 * y)) for x in xs] for y in ys])
    line = np.array([0.15 + 0.3 * abs(math.sin(x / 300)) for x in xs])
    names = ("temperature", "density")
    plane = {"x": xs, "y": ys, "mean": mean, "std": std, "at": {}, "names": list(names), "best_run": "R3"}
    along = [
        {"x": xs, "mean": np.array([truth(x, 7.9) for x in xs]), "std": line, "names": ["temperature"]},
        {"x": ys, "mean": np.array([truth(1300, y) for y in ys]), "std": line[:25], "names": ["density"]},
    ]
    point = {"temperature": 1300.0, "density": 7.9}
    return Beliefs(
        {
            Question("main", "map", names): {"model": 9, **plane},
            Question("main", "slices"): {"model": 9, "slices": along, "at": point, "best_run": "R3"},
        }
    )


def shown(story: Story, **wishes: Any) -> dict[str, Any]:
    from aisteer_widgets.view_models.screen import parts

    beliefs = believed() if "main" in story.state.models else Beliefs()
    return parts(story.scene(beliefs=beliefs), Wishes(task="main", **wishes))
