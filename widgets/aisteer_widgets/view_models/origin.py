"""Whose idea a proposal or a run was: in words, and as the shape that stands for it."""

from __future__ import annotations

from typing import Any

from aisteer.journal.state import Proposal, Run, State
from aisteer.steering.rank import ranked
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import baselines, task_names, task_of

__all__ = ["RANKED", "aside", "origin_of_run", "rank_of", "whose"]

Json = dict[str, Any]
RANKED = (
    "Its place by the acquisition, 1st being the best: in a pool among the candidates that have no outcome yet, "
    "in a space among 512 points spread over it and itself. It moves as results arrive. Those of a batch are chosen "
    "one after the other, each given the ones before it, so the one chosen first need not stand first by itself."
)
"""What a rank is, for whoever asks."""


def aside(scene: Scene, task: str) -> str:
    """What is to be said of a best run where one of the random arm is better; else nothing."""
    objective, best = task_of(scene.state, task).objective, scene.tally.best(task)
    if objective is None or best is None:
        return ""
    arm = scene.tally.best_of_arms(baselines(scene.state), objective)
    better = arm is not None and objective.merit(arm.value) > objective.merit(best.value)
    return "the random arm aside" if better else ""


def whose(state: State, proposal: Proposal) -> str:
    """A proposal's origin on its card: ``AI, 3rd of 1,430 candidates``."""
    tasks = len(task_names(state)) > 1
    place = f" · {fmt.label(proposal.task)}" if tasks else ""
    action = {"extend": f", extends {proposal.run}", "branch": f", branches {proposal.run}"}.get(
        proposal.action, ""
    )
    if proposal.action == "stop":
        action = f", asks to stop {proposal.run}"
    if proposal.action == "finish":
        action = ", proposes to end the campaign"
    if proposal.parent is not None:
        return f"your edit of {proposal.parent}{action}{place}"
    if proposal.origin == "human":
        return f"your own{action}{place}"
    if proposal.origin == "random":
        arm = "random arm" if proposal.task in baselines(state) else "drawn at random"
        return f"{arm}{action}{place}"
    first = ", a first point" if any(r.get("kind") == "initial" for r in proposal.reasons) else ""
    rank = rank_of(state, proposal)
    return f"{_mind(proposal)}{first}{f', {rank}' if rank else ''}{action}{place}"


def _mind(proposal: Proposal) -> str:
    """Who proposed: our own AI, or somebody else's mind by its name."""
    minds = (r for r in proposal.reasons if r.get("kind") == "mind" and "instead_of" not in r)
    return fmt.label(str(next(minds, {}).get("name") or "AI"))


def rank_of(state: State, proposal: Proposal) -> str:
    """Its place, and among what: a pool's candidates, or points sampled all over a space."""
    pool = task_of(state, proposal.task).pool
    return ranked(proposal.rank, proposal.of, "candidate" if pool else "sampled candidate")


def origin_of_run(state: State, run: Run) -> Json:
    """``words`` such as ``branch of R3``, and ``mark``: the shape (``ai``, ``human``, ``random``, ``branch``)."""
    proposal = state.proposals.get(run.proposal)
    if run.parent:
        verb = "extension" if proposal is not None and proposal.action == "extend" else "branch"
        return {"mark": "branch", "words": f"{verb} of {run.parent}"}
    if proposal is not None and proposal.parent:
        return {"mark": "human", "words": f"edit of {proposal.parent}"}
    if run.task in baselines(state):
        return {"mark": "random", "words": "random arm"}
    words = {"ai": f"AI proposal {run.proposal}", "human": f"own candidate {run.proposal}"}
    mark = run.origin if run.origin in {"ai", "human", "random"} else ""
    return {
        "mark": mark,
        "words": words.get(run.origin, {"random": "drawn at random"}.get(run.origin, run.origin)),
    }
