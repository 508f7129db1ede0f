"""Which surrogate made a prediction: trust is earned by one, and another that takes its place begins its own record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aisteer.journal.events import SurrogateFitted
from aisteer.problem.surrogate_names import SURROGATES
from aisteer.steering.protocols import Datum

__all__ = ["LEAST", "changes", "continued", "predicted_by"]

LEAST = 3
"""Outcomes that it takes to predict at all."""

_KEPT = 50
"""Changes of the surrogate that are remembered."""


def changes(fit: SurrogateFitted) -> tuple[tuple[int, str], ...]:
    """From which revision on which surrogate predicts, by the last fit of a task."""
    told = fit.summary.get("made_by")
    if told is None:  # of a release that knew of two, by what they called themselves
        kernel = fit.summary.get("kernel")
        return ((0, str(kernel) if kernel in SURROGATES else SURROGATES[0]),)
    return tuple((int(revision), str(name)) for revision, name in told)


def continued(made_by: Sequence[tuple[int, str]], name: str, revision: int) -> list[list[Any]]:
    """The same, with the surrogate ``name`` predicting from ``revision`` on: as it stands in the summary of a fit."""
    found: list[list[Any]] = [[since, who] for since, who in made_by]
    if not found or found[-1][1] != name:
        found.append([revision if found else 0, name])
    return found[-_KEPT:]


def predicted_by(made_by: Sequence[Sequence[Any]], name: str) -> Callable[[Datum], bool]:
    """Whether a run's outcome was predicted by the surrogate ``name``; where nobody knows, it was."""

    def is_its_own(datum: Datum) -> bool:
        before = [who for since, who in made_by if since <= (datum.model or 0)]
        return not before or before[-1] == name

    return is_its_own
