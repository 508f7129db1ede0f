"""What the surrogate believes, asked of the mind that drives: once per fit and picture, never waited for."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future
from typing import Any

from aisteer.errors import AisteerError
from aisteer_widgets.view_models.belief import question_of

__all__ = ["Believing"]

Json = dict[str, Any]
EVERY = 1.0
"""Seconds between two questions, at least: fits come first."""


class Believing:
    """Keeps the latest belief for each picture that somebody looks at.

    Args:
        campaign: The campaign. Only the driver of this process can be asked.
    """

    def __init__(self, campaign: Any) -> None:
        self._campaign = campaign
        self._answers: dict[tuple[str, str], Json] = {}
        self._models: dict[tuple[str, str], int] = {}
        self._open: dict[tuple[str, str], tuple[int, Future[Any]]] = {}
        self._asked = 0.0

    @property
    def known(self) -> dict[tuple[str, str], Json]:
        """``(task, view)`` to plain lists; ``model`` says of which fit."""
        return dict(self._answers)

    def look(self, state: Any, wanted: set[tuple[str, str]]) -> bool:
        """Take in answers and ask what is missing; say whether anything new is known."""
        news = self._collect()
        driver = self._campaign.opened.driver
        if driver is None or not driver.driving:
            return news
        for task, view in sorted(wanted):
            fitted = state.models.get(task)
            if fitted is None or (task, view) in self._open or self._models.get((task, view)) == fitted.model:
                continue
            if time.monotonic() - self._asked < EVERY:
                break
            self._ask(driver, state, task, view, fitted.model)
        return news

    def _ask(self, driver: Any, state: Any, task: str, view: str, model: int) -> None:
        from aisteer.steering.evidence import evidence

        asked = question_of(state, task, view)
        if asked is None:
            return
        with self._campaign.journal.lock:
            known = evidence(state, task)
        answer = driver.ask(lambda mind: mind.belief(known, **asked))
        if answer is not None:
            self._asked = time.monotonic()
            self._open[task, view] = (model, answer)

    def _collect(self) -> bool:
        news = False
        for key, (model, answer) in list(self._open.items()):
            if not answer.done():
                continue
            del self._open[key]
            self._models[key] = model
            try:
                self._answers[key] = {"model": model, **_plain(answer.result())}
                news = True
            except (AisteerError, CancelledError):
                self._answers.pop(key, None)
        return news


_WANTED = ("x", "y", "keys", "mean", "std", "at", "names")


def _plain(arrays: Json) -> Json:
    found = {name: arrays[name] for name in _WANTED if arrays.get(name) is not None}
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in found.items()}
