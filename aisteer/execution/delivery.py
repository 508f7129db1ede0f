"""What is handed to endpoints, again and again until they take it: attempts and controls."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from aisteer.errors import AisteerError, EndpointError
from aisteer.execution.endpoint import AttemptRef, Endpoint, Submission
from aisteer.journal.events import Json
from aisteer.journal.state import Run

__all__ = ["Delivery"]

_log = logging.getLogger("aisteer.driver")
_AGAIN = 1.0
"""Seconds between two tries."""
_HALVINGS = 24
"""Failures in a row of one simulation's attempts after which no more are tried: then it is not one of them."""


class Delivery:
    """Knows at which endpoint each live attempt is, and what it could not be given yet.

    A spool that cannot be written and an endpoint that does not answer lose nothing: what was to be
    handed over is kept, named as a trouble, and tried again. Both kinds may be repeated without harm.

    Args:
        trouble: Called with a source and words when something cannot be handed over.
        solved: Called with the source when something can, also where there was no trouble. Neither may raise.
    """

    def __init__(self, trouble: Callable[[str, str], None], solved: Callable[[str], None]) -> None:
        self._trouble = trouble
        self._solved = solved
        self._at: dict[AttemptRef, Endpoint] = {}
        self._unsent: dict[AttemptRef, Submission] = {}
        self._controls: dict[str, tuple[AttemptRef, Json]] = {}
        self._delivered: set[str] = set()
        self._next = 0.0

    def follow(self, ref: AttemptRef, endpoint: Endpoint) -> None:
        """The attempt is, or will be, at ``endpoint``."""
        self._at[ref] = endpoint

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Hand attempts over, each to the endpoint that it follows."""
        groups: dict[int, tuple[Endpoint, list[Submission]]] = {}
        for submission in submissions:
            endpoint = self._at[submission.ref]
            groups.setdefault(id(endpoint), (endpoint, []))[1].append(submission)
        # Kept before they are tried: whatever happens to one group loses no other.
        self._unsent.update((submission.ref, submission) for submission in submissions)
        for endpoint, group in groups.values():
            source = f"endpoint {endpoint.address}"
            left, why = _hand_over(endpoint, group)
            for submission in group:
                del self._unsent[submission.ref]
            self._unsent.update((submission.ref, submission) for submission in left)
            if left:
                self._trouble(source, why)
            else:
                self._solved(source)

    def control(self, runs: Iterable[Run], epoch: int) -> None:
        """Put the unanswered controls of runs before their live attempts."""
        for run in runs:
            ref = AttemptRef(run.id, run.uuid, run.attempt.number)
            if not run.live or ref not in self._at:
                continue
            for control in run.controls:
                if control.answer or control.id in self._delivered:
                    continue
                told = {"id": control.id, "epoch": epoch, "verb": control.verb, "values": control.values}
                self._controls[control.id] = ref, told
        self._tell()

    def retry(self) -> None:
        """Try again what could not be handed over."""
        now = time.monotonic()
        if now < self._next or not (self._unsent or self._controls):
            return
        self._next = now + _AGAIN
        self.submit(list(self._unsent.values()))
        self._tell()

    def waits(self, ref: AttemptRef) -> bool:
        """Whether the attempt could not be handed over yet."""
        return ref in self._unsent

    def forget(self, ref: AttemptRef) -> Endpoint:
        """The attempt is over; where it was."""
        self._unsent.pop(ref, None)
        untold = [name for name, (of, _) in self._controls.items() if of == ref]
        for name in untold:
            del self._controls[name]
        endpoint = self._at.pop(ref)
        if untold and not any(self._at[of] is endpoint for of, _ in self._controls.values()):
            self._solved(_controls_at(endpoint))
        return endpoint

    def offsets(
        self, refs: Mapping[AttemptRef, object], offset: Callable[[AttemptRef], int]
    ) -> list[tuple[Endpoint, dict[AttemptRef, int]]]:
        """By endpoint: attempts to look at, and from where on. What was not handed over is not there."""
        groups: dict[int, tuple[Endpoint, dict[AttemptRef, int]]] = {}
        for ref in refs:
            if not self.waits(ref):
                endpoint = self._at[ref]
                groups.setdefault(id(endpoint), (endpoint, {}))[1][ref] = offset(ref)
        return list(groups.values())

    def _tell(self) -> None:
        """Try each control that was not told yet; one that cannot be written holds up no other run's."""
        away: set[int] = set()
        failed: dict[str, str] = {}
        told: list[str] = []
        for name, (ref, control) in list(self._controls.items()):
            endpoint = self._at[ref]
            if ref in self._unsent or id(endpoint) in away:
                continue
            try:
                endpoint.control(ref, control)
            except (AisteerError, OSError) as error:
                words = f"{ref.run} could not be told to {control['verb']}: {error}"
                failed.setdefault(_controls_at(endpoint), words)
                if isinstance(error, EndpointError):
                    away.add(id(endpoint))  # it does not answer now, whatever it is asked
            else:
                del self._controls[name]
                self._delivered.add(name)
                told.append(_controls_at(endpoint))
        for source, words in failed.items():
            self._trouble(source, words)
        for source in told:
            if source not in failed:
                self._solved(source)


def _hand_over(endpoint: Endpoint, group: Sequence[Submission]) -> tuple[list[Submission], str]:
    """Hand attempts over; those that the endpoint could not take, what was not tried by itself first, and why.

    One that cannot be written holds up no other: what fails together is tried by its simulations, then in halves.
    """
    parts, why = [list(group)], ""
    left: list[Submission] = []
    untried: list[Submission] = []
    failed: dict[object, int] = {}
    while parts:
        part = parts.pop()
        kind = _kind(part[0])
        if failed.get(kind, 0) > _HALVINGS:
            untried += part
            continue
        try:
            endpoint.submit(part)
        except Exception as error:  # noqa: BLE001  an endpoint's fault must not keep the driver from looking at others
            if not isinstance(error, AisteerError | OSError):
                _log.exception("%s took no attempts", endpoint.address)
            why = why or str(error)
            if isinstance(error, EndpointError):
                later = [one for others in reversed(parts) for one in others]
                return [*untried, *part, *later, *left], why
            failed[kind] = failed.get(kind, 0) + 1
            if len(part) == 1:
                left += part
            else:
                parts += reversed(_divided(part))
        else:
            failed[kind] = 0
    return [*untried, *left], why


def _kind(submission: Submission) -> object:
    return (submission.request.get("simulation") or {}).get("code")


def _divided(part: list[Submission]) -> list[list[Submission]]:
    kinds: dict[object, list[Submission]] = {}
    for submission in part:
        kinds.setdefault(_kind(submission), []).append(submission)
    half = len(part) // 2
    return list(kinds.values()) if len(kinds) > 1 else [part[:half], part[half:]]


def _controls_at(endpoint: Endpoint) -> str:
    """What troubles with the controls at an endpoint are called by."""
    return f"controls at {endpoint.address}"
