"""A campaign in full swing, as a board shows it: every kind of thing that can stand on it stands there."""

from __future__ import annotations

import random
from typing import Any

from stories import HUMAN, Story, truth

from aisteer.journal import commands as cmd
from aisteer.journal import events as ev

_NEAR: list[dict[str, Any]] = [
    {"run": "R12", "distance": 0.031, "value": 3.8, "standard_error": 0.11},
    {"run": "R33", "distance": 0.052, "value": 4.02, "standard_error": 0.14},
]


def melting(finished: int = 41) -> Story:
    """Finished runs, a random arm, live runs, proposals, a failure, a held one."""
    story = Story().start()
    _ended(story, finished)
    story.append(ev.SurrogateFitted(task="main", model=9, runs=finished))
    _failed(story)
    _under_way(story)
    names = _proposed(story)
    _edited(story, names[1])
    story.accept(names[3], hold=3.0)
    return story


def _ended(story: Story, finished: int) -> None:
    """Runs that ended; each third one is of the random arm."""
    rng = random.Random(7)
    for i in range(finished):
        point = {
            "temperature": round(rng.uniform(350, 1950), 1),
            "density": round(rng.uniform(7.05, 8.95), 3),
        }
        value = truth(point["temperature"], point["density"])
        spread = 0.9 / (1 + 0.1 * i)
        guess = {"diffusion": [value + rng.gauss(0, spread), spread]}
        error = round(rng.uniform(0.05, 0.15), 3)
        story.run(
            point,
            value + rng.gauss(0, 0.1),
            error,
            predicted={} if i % 3 == 2 else guess,
            task="random arm" if i % 3 == 2 else "main",
        )


def _failed(story: Story) -> None:
    """A run whose simulation failed, with what it said."""
    (bad,) = story.propose({"temperature": 1890.0, "density": 7.02})
    story.accept(bad)
    run = story.launch(bad)
    story.move(run, "running")
    words = (
        "SCF did not converge at step 41. Nothing else is affected; try a smaller step, or reject the region."
    )
    story.end(run, end="failed", message=words)


def _under_way(story: Story) -> None:
    """Three live runs, one of which is asked to stop, and one that waits for a worker."""
    story.now += 30
    story.live({"temperature": 1310.0, "density": 7.85}, 128)
    story.now += 120
    story.live({"temperature": 1510.0, "density": 8.1}, 62, level=0.93)
    asked = story.live({"temperature": 980.0, "density": 8.3}, 40, level=1.06)
    (waits,) = story.propose({"temperature": 1105.0, "density": 7.6})
    story.accept(waits)
    story.move(story.launch(waits), "waiting")
    story.now += 118
    story.submit(cmd.Request(actor=HUMAN, run=asked, verb="stop"))


def _acquisition(value: float, exploit: float, explore: float) -> dict[str, Any]:
    parts = {"value": value, "exploit": exploit, "explore": explore}
    return {"kind": "acquisition", "name": "expected improvement", **parts}


def _proposed(story: Story) -> list[str]:
    """Four proposals, one of them far from any run."""
    reasons = [_acquisition(0.21, 0.08, 0.13), {"kind": "nearest", "runs": _NEAR}]
    far = [
        _acquisition(0.18, -0.02, 0.2),
        {"kind": "distance", "run": "R2", "correlation": 0.07, "far": True, "length_scales": 2.3},
    ]
    return story.propose(
        {"temperature": 1385.0, "density": 7.92},
        {"temperature": 1640.0, "density": 8.4},
        {"temperature": 1910.0, "density": 7.05},
        {"temperature": 1180.0, "density": 8.02},
        predicted=[
            {"diffusion": [4.21, 0.38]},
            {"diffusion": [3.61, 0.74]},
            {"diffusion": [3.1, 1.4]},
            {"diffusion": [3.9, 0.3]},
        ],
        acquisition=[-0.41, -0.62, -0.9, -1.1],
        reasons=[reasons, reasons, far, reasons],
    )


def _edited(story: Story, name: str) -> None:
    """A human's edit of a proposal, with its prediction."""
    made = story.submit(
        cmd.Edit(
            actor=HUMAN,
            proposal=name,
            revision=story.state.proposals[name].revision,
            parameters={"temperature": 1200.0, "density": 8.4},
            reason="below melting at this density",
        )
    )
    child = next(e.proposal for e in made if isinstance(e, ev.ProposalMade))
    story.append(
        ev.ProposalPredicted(
            proposal=child,
            predicted={"diffusion": [2.95, 0.21]},
            model=9,
            reasons=[{"kind": "nearest", "runs": _NEAR[:1]}],
        )
    )
