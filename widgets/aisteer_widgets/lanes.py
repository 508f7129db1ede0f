"""Orders run on threads of their own: what is quick never waits for what is slow, nor the picture for either."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aisteer.errors import AisteerError
from aisteer_widgets.candidates import search
from aisteer_widgets.orders import Answer, carry_out
from aisteer_widgets.saving import Progress
from aisteer_widgets.taking import preview

__all__ = ["Lanes"]

Json = dict[str, Any]
KEPT = 256
"""Answers that are kept for orders that arrive twice."""
_SLOW = {"start", "pause", "mind"}
"""What may take seconds: it waits for threads to end, or imports a library."""


class Lanes:
    """Carries out orders: decisions on one thread, what starts and stops on another, figures on a third.

    Args:
        campaign: The campaign.
        done: Called when one is done, before it is answered.
    """

    def __init__(self, campaign: Any, done: Callable[[], None]) -> None:
        self._campaign = campaign
        self._done = done
        self._orders = ThreadPoolExecutor(1, thread_name_prefix="aisteer-orders")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="aisteer-slow-orders")
        self._drawing = ThreadPoolExecutor(1, thread_name_prefix="aisteer-figures")
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def order(
        self,
        order: Mapping[str, Any],
        answer: Callable[[Answer], None],
        progress: Progress | None = None,
    ) -> None:
        """Carry out an order and hand on what became of it.

        The same order again (a double click, a message delivered twice) is answered as the first time.

        Args:
            order: What is asked.
            answer: Called with what became of it.
            progress: Called with the steps of an order that takes several.
        """
        lane = self._slow if order.get("verb") in _SLOW and not order.get("run") else self._orders
        if order.get("verb") == "figure":
            lane = self._drawing
        lane.submit(self._carry_out, dict(order), answer, progress)

    def _carry_out(self, order: Json, answer: Callable[[Answer], None], progress: Progress | None) -> None:
        name = str(order.get("id", ""))
        found = self._answers.get(name)
        if found is None:
            found = carry_out(self._campaign, order, *([progress] if progress else []))
            self._answers[name] = found
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)
        self._done()
        answer(found)

    def search(self, task: str, text: str, answer: Callable[[Json], None]) -> None:
        """Search the task's pool and hand on a page of what was found."""
        self._slow.submit(self._search, task, text, answer)

    def read(self, task: str, text: str, answer: Callable[[Json], None]) -> None:
        """Hold a table of somebody's own against a task and hand on what would become of it."""
        self._slow.submit(self._read, task, text, answer)

    def _read(self, task: str, text: str, answer: Callable[[Json], None]) -> None:
        try:
            answer(preview(self._campaign, task, text))
        except (AisteerError, OSError, KeyError) as error:
            answer({"wrong": str(error)})

    def _search(self, task: str, text: str, answer: Callable[[Json], None]) -> None:
        try:
            answer(search(self._campaign.opened.folder, self._campaign.journal.state, task, text))
        except (AisteerError, OSError) as error:
            answer({"items": [], "words": str(error)})
