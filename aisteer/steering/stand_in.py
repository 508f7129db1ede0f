"""What happens when our own policy fails at a question: a simpler one answers, is named, and says why.

A surrogate of the user's own that fails in the middle of a search gives way to the Gaussian process. Where that search
fails too, points are drawn at random; where a prediction does, nothing is predicted. It is tried again with the next
results. What is said in words of a space or a definition (an ``AisteerError``) is for the user, and passes.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from aisteer.errors import AisteerError
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.fitting import Fitter
from aisteer.steering.protocols import Batch, Evidence, Json
from aisteer.steering.random_arm import RandomArm
from aisteer.surrogates.protocol import NotFitted

__all__ = ["predicting", "proposing", "troubles"]

_log = logging.getLogger("aisteer.steering")
_SHOWN = 200
_STREAM = 15_485_863


class _Searches(Protocol):
    """A policy of ours; ``faults`` holds what went wrong with the last search or prediction, by which it was."""

    name: str
    seed: int
    fitter: Fitter
    faults: dict[str, str]

    @property
    def candidates(self) -> Space | Pool:
        """What it searches."""


S = TypeVar("S", bound=_Searches)


def troubles(policy: _Searches) -> str:
    """What is wrong with a policy now; empty while nothing is."""
    return " ".join(filter(None, [*policy.faults.values(), policy.fitter.trouble]))


def proposing(method: Callable[[S, Evidence, int], Batch]) -> Callable[[S, Evidence, int], Batch]:
    """``propose`` that falls back as the module says."""

    @functools.wraps(method)
    def propose(policy: S, evidence: Evidence, n: int) -> Batch:
        policy.faults.pop("propose", None)
        try:
            return _once_more(policy, lambda: method(policy, evidence, n))
        except AisteerError:
            raise
        except Exception as error:  # noqa: BLE001  numbers fail in more ways than anybody can name
            why = _failed(policy, "The search", error)
            policy.faults["propose"] = (
                f"{why} Points are drawn by the policy 'random' instead; runs go on, and nothing was lost. It is tried "
                "again with the next results."
            )
            return _at_random(policy, evidence, n, why)

    return propose


def predicting(
    method: Callable[[S, Evidence, Sequence[Json]], list[Json]],
) -> Callable[[S, Evidence, Sequence[Json]], list[Json]]:
    """``predict`` that says nothing where it fails, and why."""

    @functools.wraps(method)
    def predict(policy: S, evidence: Evidence, points: Sequence[Json]) -> list[Json]:
        policy.faults.pop("predict", None)
        try:
            return _once_more(policy, lambda: method(policy, evidence, points))
        except AisteerError:
            raise
        except Exception as error:  # noqa: BLE001  as above
            why = _failed(policy, "The prediction", error)
            policy.faults["predict"] = f"{why} Nothing is predicted meanwhile; runs go on."
            said: Json = {"predicted": {}, "acquisition": None, "rank": None, "of": None}
            return [{**said, "reasons": [{"kind": "fit", "words": why}]} for _ in points]

    return predict


R = TypeVar("R")


def _once_more(policy: _Searches, question: Callable[[], R]) -> R:
    """The answer; of the Gaussian process where the user's own surrogate fails."""
    try:
        return question()
    except NotFitted as refused:
        if not policy.fitter.refuse(str(refused)):
            raise
    return question()


def _failed(policy: _Searches, what: str, error: Exception) -> str:
    _log.debug("the policy %r failed", policy.name, exc_info=error)
    return f"{what} of the policy {policy.name!r} failed with {type(error).__name__}: {str(error)[:_SHOWN]}."


def _at_random(policy: _Searches, evidence: Evidence, n: int, why: str) -> Batch:
    drafts = RandomArm(policy.candidates, policy.seed + _STREAM).propose(evidence, n).drafts if n else ()
    note = {"kind": "mind", "name": "random", "instead_of": policy.name, "words": f"of 'random', as {why}"}
    return Batch([replace(draft, reasons=[note, *draft.reasons]) for draft in drafts])
