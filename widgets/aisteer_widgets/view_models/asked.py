"""A question that the mind can be asked of a task's surrogate, and what it has answered so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["At", "Beliefs", "Question"]

Json = dict[str, Any]
At = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask the mind.

    Attributes:
        task: Of which task.
        view: ``map``, ``slices``, ``drives``, ``tested``, ``pool``, ``own`` (what is expected of a candidate that is
            not proposed yet) or ``next`` (what would come if a proposal were rejected).
        names: The parameters along a map's axes.
        at: Where parameters stand, by name, in the order of the space; the candidate's values.
        about: The proposals that it is about, the one that is asked of first.
    """

    task: str
    view: str
    names: tuple[str, ...] = ()
    at: At = ()
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beliefs:
    """What the mind has answered so far, and what it is asked now.

    Attributes:
        answers: The latest answer to each question that was kept, the newest last; ``model`` says of which fit, and
            ``refused`` why there is no answer.
        asked: What it is busy with.
        share: How much of that is done, 0 to 1.
        version: Moves when anything of this does.
    """

    answers: Mapping[Question, Json] = field(default_factory=dict)
    asked: Question | None = None
    share: float = 0.0
    version: int = 0

    def get(self, question: Question) -> Json | None:
        """The answer; nothing where it is not known yet."""
        return self.answers.get(question)

    def near(self, question: Question) -> Json | None:
        """The newest answer about the same picture, wherever the other parameters stood."""
        same = (question.task, question.view, question.names)
        return next(
            (
                a
                for q, a in reversed(list(self.answers.items()))
                if (q.task, q.view, q.names) == same and "refused" not in a
            ),
            None,
        )
