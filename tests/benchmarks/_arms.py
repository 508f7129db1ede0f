"""Our default policy on the problems of ``_problems``, and the peers' processes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import aisteer as ai
from aisteer.steering.box_search import feasible_sobol
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence
from tests.benchmarks._problems import Parameter, Point, Problem, late
from tests.benchmarks._report import PEERS

__all__ = ["Ours", "first_points", "peers", "space"]


def _parameter(parameter: Parameter) -> Any:
    if parameter.options:
        return ai.Choice(list(parameter.options), ordered=parameter.kind == "ordered")
    if parameter.kind == "int":
        return ai.Int(int(parameter.low), int(parameter.high))
    return ai.Float(parameter.low, parameter.high, log=parameter.kind == "log")


def space(problem: Problem) -> ai.Space:
    """The problem's box in our words."""
    return ai.Space(constraints=problem.texts(), **{p.name: _parameter(p) for p in problem.parameters})


def first_points(problem: Problem, seed: int) -> list[Point]:
    """The first design that everybody is given: scrambled Sobol points within the constraints."""
    return feasible_sobol(space(problem), problem.first, 1000 + seed)


class Ours:
    """A task with the default policy; what it knows is handed to it as the campaign's driver does."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem = problem
        self.definition = {
            "space": space(problem).to_json(),
            "objective": {"kind": "minimize", "outcome": "y", "unit": ""},
            "policy": {"name": "bayesian"},
            "slots": 2,
            "batch": 4,
            "seed": seed,
        }
        self.ai: Any = policy(self.definition, space(problem))
        self.data: list[Datum] = []
        self.pending: list[tuple[Point, dict[str, list[float]]]] = []

    def given(self, points: list[Point], values: list[float]) -> None:
        for point, value in zip(points, values, strict=True):
            self._remember(point, value, {})

    def _remember(self, point: Point, value: float, predicted: dict[str, list[float]]) -> None:
        self.data.append(Datum(f"R{len(self.data)}", point, {"y": (value, 0.0)}, predicted=predicted))

    def ask(self, n: int) -> list[Point]:
        pending = tuple(point for point, _ in self.pending)
        evidence = Evidence("main", self.definition, data=tuple(self.data), pending=pending)
        drafts = self.ai.propose(evidence, n).drafts
        self.pending += [(draft.parameters, draft.predicted) for draft in drafts]
        return [draft.parameters for draft in drafts]

    def tell(self, point: Point, value: float) -> None:
        place = next(i for i, (known, _) in enumerate(self.pending) if known == point)
        self._remember(point, value, self.pending.pop(place)[1])

    def inside(self) -> tuple[int, int]:
        """Of the last outcomes those inside the 90 % interval predicted before they were known, and of how many.

        Noise that was learned belongs to the interval, as on the board.
        """
        evidence = Evidence("main", self.definition, data=tuple(self.data))
        told = self.ai.fitter.belief(evidence).calibration
        return told.inside, told.of

    def run(self, q: int, rounds: int, seed: int) -> dict[str, Any]:
        """A campaign after its first design: as the peers', see ``peers/optimisers.py``."""
        points = first_points(self.problem, seed)
        values = [self.problem(point) for point in points]
        began = time.process_time()
        self.given(points, values)
        waiting: list[tuple[Point, float]] = []
        for turn in range(rounds):
            told = [(point, self.problem(point)) for point in self.ask(q)]
            values += [value for _, value in told]
            held = [told.pop(late(seed, turn))] if q > 1 else []
            for point, value in [*waiting, *told]:
                self.tell(point, value)
            waiting = held
        seconds = time.process_time() - began
        return {"values": values, "seconds": seconds, "inside": self.inside()}


def peers(what: str, peer: str, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """What ``peers/optimisers.py`` says of the jobs, run by the interpreter of the peers' own environment.

    Raises:
        RuntimeError: There is no such environment, or it ended with an error.
    """
    python = os.environ.get("AISTEER_PEERS", "")
    if not Path(python).is_file():
        raise RuntimeError("There is no environment for peers; run it with make bench.")
    done = subprocess.run(
        [python, PEERS / "optimisers.py", what, peer],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=False,
        cwd=PEERS,
    )
    if done.returncode:
        raise RuntimeError(f"{peer}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
