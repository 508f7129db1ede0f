"""The proposals that wait for a human, as cards, and the decisions that can still be undone."""

from __future__ import annotations

from typing import Any

from aisteer.journal.events import STARTS
from aisteer.journal.state import Proposal, State
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.batch import last_batch
from aisteer_widgets.view_models.idle import nothing_to_review
from aisteer_widgets.view_models.origin import RANKED, aside, rank_of, whose
from aisteer_widgets.view_models.reasons import Words, words_of
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.tasks import Objective, Task, baselines, task_names, task_of

__all__ = ["CARDS", "card", "fields", "review"]

Json = dict[str, Any]
CARDS = 24
"""Cards that travel to the browser; the rest is counted."""
RECENT = 600.0
"""Seconds for which rejections are offered to be undone on the screen; the latest of them is for as long as it is."""
BACK = 200
"""Proposals that are looked at for them."""


def review(scene: Scene) -> Json:
    """All that stands in the review panel."""
    state = scene.state
    waiting = list(state.waiting)
    waiting.sort(key=lambda name: _place(state, name))
    cards = [card(scene, state.proposals[name]) for name in waiting[:CARDS]]
    return {
        "heading": _heading(len(waiting)),
        "sub": _after(scene),
        "waiting": len(waiting),
        "cards": cards,
        "more": _more(len(waiting) - len(cards)),
        "held": _held(scene),
        "recent": _recent(scene),
        "last": last_batch(state),
        "empty": None if waiting else nothing_to_review(scene),
        "blocked": fmt.clip(scene.read_only, 300),
    }


def _place(state: State, name: str) -> int:
    """An edit stands where the proposal stood that it edits."""
    proposal = state.proposals[name]
    while proposal.parent is not None and proposal.parent in state.proposals:
        proposal = state.proposals[proposal.parent]
    return int(proposal.id[1:])


def _heading(waiting: int) -> str:
    if not waiting:
        return "No proposal waits for you"
    return f"{fmt.count(waiting, 'proposal')} {'waits' if waiting == 1 else 'wait'} for you"


def _after(scene: Scene) -> str:
    ended = sum(scene.state.totals.ended.values())
    return f"after {fmt.count(ended, 'run')}" if ended else ""


def _more(n: int) -> str:
    return f"{fmt.count(n, 'more proposal')}; they move up as you decide" if n > 0 else ""


def card(scene: Scene, proposal: Proposal) -> Json:
    """One proposal, with everything that a decision on it needs."""
    state = scene.state
    task = task_of(state, proposal.task)
    parent = state.proposals.get(proposal.parent or "")
    words = words_of(proposal.reasons, task, lambda run: _molecule_of(state, task, run))
    smiles = _smiles(task, proposal)
    return {
        "id": proposal.id,
        "revision": proposal.revision,
        "task": proposal.task,
        "tone": proposal.origin,
        "who": whose(state, proposal),
        "ranked": RANKED if proposal.rank and proposal.of else "",
        "cost": fmt.cost(proposal.cost, scene.unit) if proposal.cost else "",
        "parameters": _parameters(task, proposal, parent),
        "expected": _expected(scene, task, proposal, parent),
        "why": words.split,
        "acquisition": _acquisition(state, words, proposal),
        "risks": words.risks,
        "slopes": words.slopes,
        "next": _next(scene, task, proposal, words),
        "nearest": words.nearest,
        "warnings": words.warnings,
        "reasons": words.others,
        "note": fmt.clip(proposal.reason, 400) if proposal.reason else "",
        "note_label": "Your reason" if proposal.origin == "human" else "Note",
        "edited": parent.id if parent is not None else "",
        "smiles": smiles,
        "picture": scene.draw(smiles) if smiles else "",
        "editable": proposal.action in STARTS,
    }


def _parameters(task: Task, proposal: Proposal, parent: Proposal | None) -> list[Json]:
    shown = []
    for name, value in list(proposal.parameters.items())[:24]:
        parameter = task.parameter(name)
        old = parent.parameters.get(name) if parent is not None else None
        edited = parent is not None and old != value
        shown.append(
            {
                "name": fmt.label(name),
                "value": parameter.show(value),
                "full": fmt.clip(value, 400),
                "old": parameter.show(old) if edited else "",
                "raw": value if isinstance(value, int | float | str) else fmt.clip(value, 400),
                "key": name,
            }
        )
    return shown


def _expected(scene: Scene, task: Task, proposal: Proposal, parent: Proposal | None) -> Json | None:
    objective = task.objective
    if objective is None or proposal.action == "finish":
        return None
    guess = proposal.predicted.get(objective.outcome)
    if not guess:
        return {"text": _no_prediction(scene, proposal, task), "pending": True}
    mean, std = float(guess[0]), float(guess[1]) if len(guess) > 1 else 0.0
    best = scene.tally.best(proposal.task)
    unit = objective.shown_unit
    return {
        "text": fmt.estimate(mean, std, unit),
        "band": fmt.band95(mean, std),
        "mean": mean,
        "half": fmt.Z95 * std,
        "others": _others(task, proposal),
        "best": best.value if best else None,
        "best_text": _best_so_far(scene, proposal.task, unit),
        "parent": _parent(objective, parent),
        "pending": False,
        **_axis(mean, std, best.value if best else None, _guess(objective, parent)),
    }


def _others(task: Task, proposal: Proposal) -> list[Json]:
    """What is predicted of the other outcomes, each with its 95 % band."""
    assert task.objective is not None
    found = []
    for name, guess in list(proposal.predicted.items())[:8]:
        if name == task.objective.outcome or len(guess) < 2:
            continue
        goal = next((g for g in task.objectives if g.outcome == name), None)
        unit = goal.shown_unit if goal else fmt.clip(task.unit_of(name), 24)
        mean, std = float(guess[0]), float(guess[1])
        found.append(
            {"term": fmt.label(name), "text": fmt.estimate(mean, std, unit), "band": fmt.band95(mean, std)}
        )
    return found


def _next(scene: Scene, task: Task, proposal: Proposal, words: Words) -> str:
    """What would be proposed if this one were rejected, as the policy itself says; empty where nobody has asked it."""
    known = list(scene.beliefs.answers.items())
    asked = (
        a for q, a in reversed(known) if q.view == "next" and q.about[:1] == (proposal.id,) and "reason" in a
    )
    reason = next((a["reason"] for a in asked), words.next)
    if reason is None:
        return ""
    point = reason.get("parameters")
    if not point:
        return fmt.clip(reason.get("words") or "nothing: no other point is left to propose", 160)
    guess = (reason.get("predicted") or {}).get(task.objective.outcome) if task.objective else None
    expected = (
        f": {fmt.estimate(float(guess[0]), float(guess[1]), task.objective.shown_unit)}"
        if guess and task.objective
        else ""
    )
    return f"{_point(task, point)}{expected}"


def _point(task: Task, parameters: Json) -> str:
    """A point on one line."""
    if task.structure and task.structure in parameters:
        return fmt.clip(parameters[task.structure], 40)
    shown = [f"{fmt.label(n)} {task.parameter(n).show(v)}" for n, v in list(parameters.items())[:6]]
    return fmt.clip(", ".join(shown), 120)


def _best_so_far(scene: Scene, task: str, unit: str) -> str:
    best = scene.tally.best(task)
    if best is None:
        return ""
    where = ", ".join([best.run, *filter(None, [aside(scene, task)])])
    return f"best so far {fmt.quantity(best.value, unit)} ({where})"


def _no_prediction(scene: Scene, proposal: Proposal, task: Task) -> str:
    """Why there is none, and whether one will come."""
    if task.policy == "random":
        return "the random policy predicts nothing"
    if proposal.task not in scene.state.models:
        return (
            f"no prediction yet: the surrogate is fitted when three runs have ended{_so_few(scene, proposal)}"
        )
    return "prediction on its way…" if scene.driver else "no prediction yet: the campaign has no driver"


def _so_few(scene: Scene, proposal: Proposal) -> str:
    """How many have, where more runs are done than count."""
    counted = len(scene.tally.of(proposal.task))
    drawn = sum(len(scene.tally.of(task)) for task in baselines(scene.state) if task != proposal.task)
    if not drawn:
        return ""
    have = "none has" if not counted else f"{counted} {'has' if counted == 1 else 'have'}"
    arm = f"the {fmt.count(drawn, 'run')} of the random arm {'does' if drawn == 1 else 'do'} not count"
    return f"; {have} so far, as {arm}"


def _guess(objective: Objective, parent: Proposal | None) -> tuple[float, float] | None:
    guess = parent.predicted.get(objective.outcome) if parent is not None else None
    return (float(guess[0]), float(guess[1])) if guess and len(guess) > 1 else None


def _parent(objective: Objective, parent: Proposal | None) -> str:
    guess = _guess(objective, parent)
    whose = "the AI's point" if parent is not None and parent.origin == "ai" else "before the edit"
    return f"{whose} {fmt.estimate(*guess)}" if guess else ""


def _axis(mean: float, std: float, best: float | None, parent: tuple[float, float] | None) -> Json:
    """Where the small picture of the 95 % band begins and ends."""
    ends = [mean - fmt.Z95 * std, mean + fmt.Z95 * std]
    ends += [best] if best is not None else []
    ends += [parent[0] - parent[1], parent[0] + parent[1]] if parent else []
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or abs(high) * 0.05 or 1.0
    return {"low": low - room, "high": high + room}


def _acquisition(state: State, words: Words, proposal: Proposal) -> str:
    """The acquisition with its name; and the rank by it, where the head of the card does not say it."""
    value = words.acquisition or ("" if proposal.acquisition is None else fmt.number(proposal.acquisition, 3))
    told = proposal.origin == "ai" and proposal.parent is None
    rank = "" if told else rank_of(state, proposal)
    return ", ".join(w for w in (value, rank) if w)


def _smiles(task: Task, proposal: Proposal) -> str:
    value = proposal.parameters.get(task.structure or "")
    return value if isinstance(value, str) and len(value) < 400 else ""


def _molecule_of(state: State, task: Task, run: str) -> str:
    """The molecule of a run; empty where a point is numbers, which its distance speaks of."""
    known = state.runs.get(run)
    value = known.parameters.get(task.structure or "") if known is not None else None
    return fmt.clip(value, 40) if isinstance(value, str) else ""


def _short(task: Task, proposal: Proposal) -> str:
    """A proposal's point on one line."""
    parts = [f"{fmt.label(n)} {task.parameter(n).show(v)}" for n, v in proposal.parameters.items()]
    if task.structure and task.structure in proposal.parameters:
        parts = [fmt.clip(proposal.parameters[task.structure], 40)]
    return fmt.clip(", ".join(parts[:4]), 70)


def _held(scene: Scene) -> list[Json]:
    """Accepted proposals that have not been launched: each can be undone."""
    state = scene.state
    held = []
    for name in list(state.accepted)[:8]:
        proposal = state.proposals[name]
        decision = proposal.decision
        if decision is None:
            continue
        # Nobody counts down where nothing can launch.
        counts = scene.state.active and scene.driver
        left = decision.launch_after - scene.now if counts else 0.0
        held.append(
            {
                "id": name,
                "revision": proposal.revision,
                "what": _short(task_of(state, proposal.task), proposal),
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


def _recent(scene: Scene) -> list[Json]:
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
                "what": _short(task_of(state, proposal.task), proposal),
                "words": f"rejected: {fmt.clip(decision.reason, 60)}" if decision.reason else "rejected",
                "time": decision.time,
            }
        )
    found.sort(key=lambda r: -float(r["time"]))
    return [r for i, r in enumerate(found[:3]) if not i or scene.now - r["time"] < RECENT]


def fields(state: State) -> Json:
    """What the inputs for an edit or an own candidate must know, by task."""
    made: Json = {}
    for name in task_names(state):
        task = task_of(state, name)
        made[name] = {
            "label": fmt.label(name),
            "pool": task.pool,
            "key": task.key,
            "size": f"{task.size:,}" if task.size else "",
            "fields": [p.field() for p in task.parameters.values()],
        }
    return made
