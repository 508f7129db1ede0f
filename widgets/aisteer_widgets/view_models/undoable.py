"""Decisions that can still be undone: what is accepted and not launched yet, and what was rejected."""

from __future__ import annotations

from typing import Any

from aisteer.journal.state import Proposal
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Task, task_of

__all__ = ["held", "recent", "short"]

Json = dict[str, Any]
RECENT = 600.0
"""Seconds for which rejections are offered to be undone on the screen; the latest of them is for as long as it is."""
MOST = 8
"""Acceptances that are offered to be undone on the screen."""
BACK = 200
"""Proposals that are looked at for them."""


def short(task: Task, proposal: Proposal) -> str:
    """A proposal's point on one line, or what else it is about."""
    if proposal.action == "finish":
        return "the end of the campaign"
    if proposal.action == "stop":
        return f"stop of {proposal.run}"
    parts = [f"{fmt.label(n)} {task.parameter(n).show(v)}" for n, v in proposal.parameters.items()]
    if task.structure and task.structure in proposal.parameters:
        parts = [fmt.clip(proposal.parameters[task.structure], 40)]
    return fmt.clip(", ".join(parts[:4]), 70)


def held(scene: Scene) -> list[Json]:
    """Accepted proposals that have not been launched: each can be undone."""
    state = scene.state
    held = []
    accepted = [state.proposals[name] for name in state.accepted]
    # What a human accepted stands there however many a rule did: somebody may want it back.
    shown = sorted(accepted, key=lambda p: bool(p.decision and p.decision.rule))[:MOST]
    for proposal in (p for p in accepted if p in shown):
        name, decision = proposal.id, proposal.decision
        if decision is None:
            continue
        # Nobody counts down where nothing can launch.
        counts = scene.state.active and scene.driver
        left = decision.launch_after - scene.now if counts else 0.0
        held.append(
            {
                "id": name,
                "revision": proposal.revision,
                "what": short(task_of(state, proposal.task), proposal),
                "left": max(0, round(left, 1)) if left > 0 else 0,
                "hold": round(decision.launch_after - decision.time, 1),
                "words": _waits_for(scene, left),
                "by": fmt.clip(decision.rule or "", 80),
            }
        )
    return held


def _waits_for(scene: Scene, left: float) -> str:
    if left > 0:
        return "launching in"
    if not scene.state.active:
        return "launches when the campaign is started"
    if not scene.driver:
        return "launches once the campaign has a driver"
    return "launches when a slot is free"


def recent(scene: Scene) -> list[Json]:
    """The latest rejection by a human, whatever its age, and those of the last minutes."""
    state = scene.state
    found: list[Json] = []
    for number in range(state.next_proposal - 1, max(0, state.next_proposal - BACK), -1):
        proposal = state.proposals.get(f"P{number}")
        decision = proposal.decision if proposal is not None else None
        if proposal is None or decision is None or proposal.state != "rejected" or decision.rule:
            continue
        found.append(
            {
                "id": proposal.id,
                "revision": proposal.revision,
                "what": short(task_of(state, proposal.task), proposal),
                "words": f"rejected: {fmt.clip(decision.reason, 60)}" if decision.reason else "rejected",
                "time": decision.time,
                "fresh": scene.now - decision.time < RECENT,
            }
        )
    found.sort(key=lambda r: -float(r["time"]))
    return [r for i, r in enumerate(found[:3]) if not i or r["fresh"]]
