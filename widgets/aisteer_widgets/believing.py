"""What the surrogate believes, asked of the mind that drives: one question at a time, and never waited for."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any

import numpy as np

from aisteer.errors import AisteerError
from aisteer_widgets.view_models.asked import Beliefs, Question

__all__ = ["Believing"]

Json = dict[str, Any]
KEPT = 24
"""Answers that are kept, so that a viewer who goes back finds the picture."""
REST = 8.0
"""Of the time that an answer took, how long the same picture is let be: fits come first."""
LEAST_REST = 1.0
STEP = 0.05
"""A progress that is worth painting."""
MAP, SLICE = 41, 61
"""Points along an axis."""


@dataclass(slots=True)
class _Open:
    """A question that is being answered."""

    question: Question
    model: int
    standing: str
    answer: Future[Any]
    share: float = 0.0
    told: float = 0.0


class Believing:
    """Asks what somebody looks at, and keeps the latest answers.

    Args:
        campaign: The campaign. Only the driver of this process can be asked.
        wake: Called, from the mind's thread, when an answer is there.
    """

    def __init__(self, campaign: Any, wake: Callable[[], None] = lambda: None) -> None:
        self._campaign = campaign
        self._wake = wake
        self._answers: OrderedDict[Question, Json] = OrderedDict()
        self._open: _Open | None = None
        self._again: dict[tuple[str, str], float] = {}
        self._version = 0

    @property
    def known(self) -> Beliefs:
        """What is known now."""
        busy = self._open
        return Beliefs(
            dict(self._answers), busy.question if busy else None, busy.share if busy else 0.0, self._version
        )

    def look(self, state: Any, wanted: Iterable[Question]) -> bool:
        """Take in an answer and ask for what is missing most; say whether anything new is known.

        Args:
            state: The campaign's state.
            wanted: What somebody looks at, the most urgent first.
        """
        before, order = self._version, list(dict.fromkeys(wanted))
        self._collect()
        driver = self._campaign.opened.driver
        if driver is None or not driver.driving:
            return self._version != before
        if self._open is not None and self._open.question not in order:
            self._open.answer.cancel()  # nobody looks any more; one that is under way comes to its end
            self._collect()
        if self._open is None:
            for question in order:
                if self._is_due(question, state):
                    self._ask(driver, state, question)
                    break
        return self._version != before

    def _is_due(self, question: Question, state: Any) -> bool:
        fitted = state.models.get(question.task)
        known = self._answers.get(question)
        if fitted is None or (known is not None and known["standing"] == _standing(state, question)):
            return False
        # What a viewer has just asked for is answered at once; news of what he sees may wait.
        patient = known is not None or question.view == "next"
        return not patient or time.monotonic() >= self._again.get((question.task, question.view), 0.0)

    def _ask(self, driver: Any, state: Any, question: Question) -> None:
        from aisteer.steering.evidence import evidence

        with self._campaign.journal.lock:
            known = evidence(state, question.task)
            model, standing = state.models[question.task].model, _standing(state, question)

        def progress(share: float) -> None:
            if self._open is not None and self._open.question == question:
                self._open.share = share

        def answer(mind: Any) -> Json:
            begun = time.monotonic()
            try:
                return _ANSWERS[question.view](mind, known, question, progress)
            finally:
                took = time.monotonic() - begun
                self._again[question.task, question.view] = time.monotonic() + max(LEAST_REST, REST * took)

        asked = driver.ask(answer)
        if asked is not None:
            self._open = _Open(question, model, standing, asked)
            self._version += 1
            asked.add_done_callback(lambda _: self._wake())

    def _collect(self) -> None:
        busy = self._open
        if busy is None:
            return
        if not busy.answer.done():
            if busy.share - busy.told >= STEP:
                busy.told = busy.share
                self._version += 1
            return
        self._open = None
        self._version += 1
        try:
            found = busy.answer.result()
        except CancelledError:
            return
        except AisteerError as error:
            found = {"refused": str(error)}
        except Exception as error:  # noqa: BLE001  a policy is anybody's code
            found = {
                "refused": f"The surrogate could not answer ({type(error).__name__}: {error}). Runs go on."
            }
        self._answers[busy.question] = {"model": busy.model, "standing": busy.standing, **found}
        self._answers.move_to_end(busy.question)
        while len(self._answers) > KEPT:
            self._answers.popitem(last=False)


def _standing(state: Any, question: Question) -> str:
    """What an answer holds for: a fit, how the AI is steered, and, where it speaks of proposals, those that wait."""
    fit, settings = state.models[question.task].model, state.steering.get(question.task, {})
    waits = list(state.waiting) if question.view in {"own", "next"} else []
    return f"{fit} {sorted(settings.items())} {waits}"


# --- on the mind's thread -------------------------------------------------------------------------


def _single(arrays: Json, names: Iterable[str]) -> Json:
    """What is shown of an answer, further outcomes too; long arrays in single precision."""
    wanted = [*names, *(n for n in arrays if n.startswith(("mean of ", "std of ")))]
    found = {name: arrays[name] for name in wanted if arrays.get(name) is not None}
    return {
        n: v.astype(np.float32) if isinstance(v, np.ndarray) and v.dtype == float else v
        for n, v in found.items()
    }


_GRID = ("x", "y", "keys", "mean", "std", "feasible", "at", "names", "best_run", "outcome")


def _map(mind: Any, known: Any, question: Question, progress: Callable[[float], None]) -> Json:
    from aisteer.steering.beliefs import belief

    x, y = question.names
    told = belief(
        mind.policy_of(known), known, x=x, y=y, resolution=MAP, at=dict(question.at), progress=progress
    )
    return _single(told, _GRID)


def _slices(mind: Any, known: Any, question: Question, progress: Callable[[float], None]) -> Json:
    from aisteer.steering.beliefs import at_runs, slices

    policy = mind.policy_of(known)
    told = slices(policy, known, resolution=SLICE, at=dict(question.at), progress=progress)
    at = {**told[0]["at"], **(told[1]["at"] if len(told) > 1 else {})}
    best = at_runs(policy, known)["best_run"]
    return {"slices": [_single(one, _GRID) for one in told], "at": at, "best_run": best}


def _pool(mind: Any, known: Any, question: Question, progress: Callable[[float], None]) -> Json:
    from aisteer.steering.beliefs import belief

    del question
    told = belief(mind.policy_of(known), known, x=None, y=None, resolution=2, at={}, progress=progress)
    return _single(told, _GRID)


def _tested(mind: Any, known: Any, question: Question, progress: Callable[[float], None]) -> Json:
    from aisteer.steering.beliefs import at_runs

    del question, progress
    told = at_runs(mind.policy_of(known), known)
    return _single(told, ("runs", "measured", "error", "loo_mean", "loo_std", "held_out", "skill"))


def _drives(mind: Any, known: Any, question: Question, progress: Callable[[float], None]) -> Json:
    from aisteer.steering.influence import influence

    del question
    return influence(mind.policy_of(known), known, progress=progress)


def _own(mind: Any, known: Any, question: Question, progress: Callable[[float], None]) -> Json:
    del progress
    policy = mind.policy_of(known)
    point = _space(policy, known, mind.folder).validate(dict(question.at))
    beside = [p for name, p in known.waiting if name in question.about]
    told = policy.predict(known, [point, *beside])
    return {"point": point, "told": list(told), "about": [n for n, _ in known.waiting if n in question.about]}


def _space(policy: Any, known: Any, folder: Any) -> Any:
    """Where its points are: the one that the policy has read already, where it has one."""
    from aisteer.problem.pool import space_from_json

    for name in ("space", "pool"):
        if (found := getattr(policy, name, None)) is not None:
            return found
    return space_from_json(known.definition["space"], folder)


def _next(mind: Any, known: Any, question: Question, progress: Callable[[float], None]) -> Json:
    from aisteer.steering.next_in_line import next_if_rejected

    del progress
    return {"reason": next_if_rejected(mind.policy_of(known), known, question.about[0])}


_ANSWERS = {
    "map": _map,
    "slices": _slices,
    "pool": _pool,
    "tested": _tested,
    "drives": _drives,
    "own": _own,
    "next": _next,
}
