"""Asking code that may never answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["NoAnswer", "Patience"]

T = TypeVar("T")


class NoAnswer(Exception):
    """There is no answer yet; the message says for how long it has been waited for."""


class Patience(Generic[T]):
    """One question at a time, each on a thread of its own that is waited for only so long.

    A thread cannot be ended from outside. One that does not answer is left alone, nothing else is asked meanwhile, and
    it holds up nothing, not even the end of the process.

    Args:
        seconds: How long an answer is waited for.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._thread: threading.Thread | None = None
        self._since = 0.0
        self._answer: list[T] = []
        self._error: list[Exception] = []

    @property
    def busy(self) -> bool:
        """Whether a question is still open."""
        return self._thread is not None and self._thread.is_alive()

    def ask(self, question: Callable[[], T]) -> T:
        """The answer: to this question, or to the one before that came too late to be read.

        Raises:
            NoAnswer: It takes longer; or the one before still does.
        """
        if self._thread is None:
            self._begin(question)
            left = self.seconds
        else:
            left = 0.0
        assert self._thread is not None
        self._thread.join(left)
        if self._thread.is_alive():
            raise NoAnswer(f"has not answered for {time.monotonic() - self._since:.0f} s")
        self._thread = None
        if self._error:
            raise self._error.pop()
        return self._answer.pop()

    def _begin(self, question: Callable[[], T]) -> None:
        answer: list[T] = []
        error: list[Exception] = []

        def run() -> None:
            try:
                answer.append(question())
            except Exception as failure:  # noqa: BLE001  it is raised again where it was asked
                error.append(failure)
            except BaseException as failure:  # noqa: BLE001  one that calls sys.exit() ends nothing but itself
                error.append(RuntimeError(f"{type(failure).__name__}: {failure}"))

        self._answer, self._error, self._since = answer, error, time.monotonic()
        self._thread = threading.Thread(target=run, name="aisteer-generator", daemon=True)
        self._thread.start()
