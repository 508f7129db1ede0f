"""The proposals that wait for a human, as cards, and the decisions that can still be undone."""

from __future__ import annotations

from typing import Any

from aisteer.journal.events import STARTS
from aisteer.journal.state import Proposal, State
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.batch import last_batch
from aisteer_widgets.view_models.ending import ending, held_back
from aisteer_widgets.view_models.expected import expected
from aisteer_widgets.view_models.idle import nothing_to_review
from aisteer_widgets.view_models.origin import RANKED, rank_of, whose
from aisteer_widgets.view_models.points import change, named
from aisteer_widgets.view_models.reasons import Words, words_of
from aisteer_widgets.view_models.scene import Scene
from aisteer_widgets.view_models.stopping import stopping
from aisteer_widgets.view_models.tasks import Task, task_names, task_of
from aisteer_widgets.view_models.undoable import held, recent

__all__ = ["CARDS", "card", "fields", "review"]

Json = dict[str, Any]
CARDS = 24
"""Cards that travel to the browser; the rest is counted."""


def review(scene: Scene) -> Json:
    """All that stands in the review panel."""
    state = scene.state
    waiting = list(state.waiting)
    waiting.sort(key=lambda name: _place(state, name))
    waiting = _best_first(state, waiting)
    cards = [card(scene, state.proposals[name]) for name in waiting[:CARDS]]
    return {
        "heading": _heading(len(waiting)),
        "sub": _after(scene, waiting),
        "sub_title": RANKED,
        "waiting": len(waiting),
        "cards": cards,
        "more": _more(len(waiting) - len(cards)),
        "held": held(scene),
        "recent": recent(scene),
        "last": last_batch(state),
        "empty": None if waiting else nothing_to_review(scene),
        "blocked": fmt.clip(scene.read_only, 300),
    }


def _place(state: State, name: str) -> int:
    """Whether it is to end comes first; an edit stands where the proposal stood that it edits."""
    proposal = state.proposals[name]
    if proposal.action == "finish":
        return 0
    while proposal.parent is not None and proposal.parent in state.proposals:
        proposal = state.proposals[proposal.parent]
    return int(proposal.id[1:])


def _heading(waiting: int) -> str:
    if not waiting:
        return "No proposal waits for you"
    return f"{fmt.count(waiting, 'proposal')} {'waits' if waiting == 1 else 'wait'} for you"


def _ranked(state: State, name: str) -> bool:
    """Whether it is the AI's own and stands somewhere among its candidates."""
    p = state.proposals[name]
    return p.origin == "ai" and p.action == "start" and p.parent is None and p.rank is not None


def _best_first(state: State, waiting: list[str]) -> list[str]:
    """With the AI's own proposals of a task in the order of their ranks, in the places that they hold together.

    They come in the order in which they were chosen, one after the other, each given those before it; by itself a
    later one may stand higher, and ranks move as results arrive.
    """
    found = list(waiting)
    for task in {state.proposals[n].task for n in waiting}:
        places = [i for i, n in enumerate(waiting) if state.proposals[n].task == task and _ranked(state, n)]
        mine = [waiting[i] for i in places]
        for i, name in zip(places, sorted(mine, key=lambda n: _standing(state, n)), strict=True):
            found[i] = name
    return found


def _standing(state: State, name: str) -> tuple[int, float]:
    proposal = state.proposals[name]
    return proposal.rank or 0, -(proposal.acquisition or 0.0)


def _after(scene: Scene, waiting: list[str]) -> str:
    ended = sum(scene.state.totals.ended.values())
    ordered = sum(_ranked(scene.state, name) for name in waiting) > 1
    told = [f"after {fmt.count(ended, 'run')}" if ended else "", "best rank first" if ordered else ""]
    return ", ".join(filter(None, told))


def _more(n: int) -> str:
    return f"{fmt.count(n, 'more proposal')}; they move up as you decide" if n > 0 else ""


def card(scene: Scene, proposal: Proposal) -> Json:
    """One proposal, with everything that a decision on it needs."""
    state = scene.state
    task = task_of(state, proposal.task)
    parent = state.proposals.get(proposal.parent or "")
    words = words_of(
        proposal.reasons, task, lambda run: _molecule_of(state, task, run), _spread(task, proposal)
    )
    smiles = _smiles(task, proposal)
    return {
        "id": proposal.id,
        "revision": proposal.revision,
        "task": proposal.task,
        "tone": proposal.origin,
        "who": whose(state, proposal),
        "ranked": RANKED if proposal.rank and proposal.of else "",
        "over": _over(scene, proposal),
        "cost": fmt.cost(proposal.cost, scene.unit) if proposal.cost else "",
        "parameters": _parameters(task, proposal, parent),
        "expected": expected(scene, task, proposal, parent),
        "why": words.split,
        "acquisition": _acquisition(state, words, proposal),
        "risks": words.risks,
        "slopes": words.slopes,
        "next": _next(scene, task, proposal, words),
        "nearest": words.nearest,
        "warnings": words.warnings,
        "reasons": [] if proposal.action == "finish" else [*words.others, *held_back(state, proposal)],
        "ending": ending(scene, task, proposal),
        "stopping": stopping(task, proposal),
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
        old, now = change(task, name, value if parent is None else parent.parameters.get(name), value)
        shown.append(
            {
                "name": fmt.label(name),
                "value": now,
                "full": fmt.clip(value, 400),
                "old": old,
                "raw": value if isinstance(value, int | float | str) else fmt.clip(value, 400),
                "key": name,
            }
        )
    return shown


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
    if same := _same(scene.state, task, proposal, point):
        return same
    guess = (reason.get("predicted") or {}).get(task.objective.outcome) if task.objective else None
    expected = (
        f": {fmt.estimate(float(guess[0]), float(guess[1]), task.objective.shown_unit)}"
        if guess and task.objective
        else ""
    )
    return f"next {_point(task, point)}{expected}"


def _same(state: State, task: Task, proposal: Proposal, point: Json) -> str:
    """That it would come back to what stands here, where what is shown of the two is the same; else nothing."""

    def shown(parameters: Json) -> list[str]:
        return [task.parameter(n).show(parameters[n]) for n in point if n in parameters]

    if shown(proposal.parameters) == shown(point):
        return "next hardly another point: forbid a region (Steer the AI, Where) to keep out of it"
    beside = (p for p in map(state.proposals.__getitem__, state.waiting) if p.task == task.name)
    other = next((p.id for p in beside if shown(p.parameters) == shown(point)), "")
    return f"next hardly another point than {other}" if other else ""


def _point(task: Task, parameters: Json) -> str:
    """A point on one line."""
    if task.structure and task.structure in parameters:
        return fmt.clip(parameters[task.structure], 40)
    return named(task, parameters, 120)


def _acquisition(state: State, words: Words, proposal: Proposal) -> str:
    """The acquisition with its name; and the rank by it, where the head of the card does not say it."""
    value = words.acquisition or ("" if proposal.acquisition is None else fmt.number(proposal.acquisition, 3))
    told = proposal.origin == "ai" and proposal.parent is None
    rank = "" if told else rank_of(state, proposal)
    return ", ".join(w for w in (value, rank) if w)


def _spread(task: Task, proposal: Proposal) -> float:
    """Standard deviation of what is predicted of the objective; 0 where nothing is."""
    guess = proposal.predicted.get(task.objective.outcome) if task.objective else None
    return float(guess[1]) if guess and len(guess) > 1 else 0.0


def _over(scene: Scene, proposal: Proposal) -> str:
    """Why it cannot be accepted now: what it needs is beyond what is left of the budget; else nothing."""
    state = scene.state
    if state.budget is None or proposal.action not in STARTS or proposal.cost <= state.remaining + 1e-9:
        return ""
    needed = left = ""
    for digits in range(3, 18):  # as many as tell the two apart
        needed = fmt.cost(proposal.cost, scene.unit, digits)
        left = fmt.cost(max(state.remaining, 0.0), scene.unit, digits)
        if needed != left:
            break
    return f"It needs {needed}, and {left} {'is' if left.split()[0] == '1' else 'are'} left of the budget."


def _smiles(task: Task, proposal: Proposal) -> str:
    value = proposal.parameters.get(task.structure or "")
    return value if isinstance(value, str) and len(value) < 400 else ""


def _molecule_of(state: State, task: Task, run: str) -> str:
    """The molecule of a run; empty where a point is numbers, which its distance speaks of."""
    known = state.runs.get(run)
    value = known.parameters.get(task.structure or "") if known is not None else None
    return fmt.clip(value, 40) if isinstance(value, str) else ""


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
