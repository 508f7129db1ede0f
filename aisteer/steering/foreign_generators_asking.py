"""What passes between a campaign and a mind of somebody else's: what it was told, what it gave, what of that can be."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aisteer.errors import BadParameters
from aisteer.problem.parameters import Float, Int, is_finite_number
from aisteer.problem.pool import Pool
from aisteer.problem.regions import ruled_out
from aisteer.problem.space import Space
from aisteer.steering.foreign_generators_spoken import Speaker, Told
from aisteer.steering.points import Key, point_key, taken_points
from aisteer.steering.protocols import Evidence, Json
from aisteer.steering.restraint import settings_of
from aisteer.steering.vocs import plain

__all__ = ["Answer", "Conversation", "usable"]

_TRIES = 20
"""Suggestions for each that is wanted, beside those that were made before a restart and come again."""
_ROUNDING = 1e-9


@dataclass(slots=True)
class Answer:
    """What came of asking a mind.

    Attributes:
        points: What can be proposed, best first.
        wrong: What was said that cannot be, in words.
        skipped: Why others were left out, and how many.
        waits: It gives no more before what it gave has come back.
        note: What it said, where it gave one point and no more.
    """

    points: list[Json] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    waits: bool = False
    note: str = ""


def usable(raw: Any, space: Space | Pool, settings: Json) -> Json:
    """A suggestion as a point of the space, with what steering pins.

    Raises:
        BadParameters: It is none; with ``constraint`` among its facts where it is only not allowed.
    """
    if not isinstance(raw, Mapping):
        raise BadParameters(f"{raw!r:.100} is no dict of parameters")
    point = {str(name): plain(value) for name, value in raw.items()}
    if isinstance(space, Pool):
        found = space.validate(point)
    else:
        pinned = {n: v for n, v in (settings.get("pinned") or {}).items() if n in space.parameters}
        found = space.validate({**{n: _fitted(space, n, v) for n, v in point.items()}, **pinned})
    if words := ruled_out(space, settings, found):
        raise BadParameters(words, constraint=words)
    return dict(found)


def _fitted(space: Space, name: str, value: Any) -> Any:
    """What is lost on the way through another library's floats: bounds by a rounding, whole numbers as floats."""
    parameter = space.parameters.get(name)
    if not isinstance(parameter, Float | Int) or not is_finite_number(value):
        return value
    if isinstance(parameter, Int):
        return round(value)
    slack = _ROUNDING * (parameter.high - parameter.low)
    near = parameter.low - slack <= value <= parameter.high + slack
    return min(max(float(value), parameter.low), parameter.high) if near else value


class Conversation:
    """All that was said between a campaign and one mind since it was made.

    Args:
        speaker: The mind.
        space: The task's.
        seconds: How long it is asked again for more, at most.
    """

    def __init__(self, speaker: Speaker, space: Space | Pool, seconds: float) -> None:
        self.speaker = speaker
        self.space = space
        self.seconds = seconds
        self.runs: dict[str, tuple[Key, Json]] = {}
        """Runs that it was told of, and what."""
        self._failed: Counter[Key] = Counter()
        self._given: dict[Key, Any] = {}
        self._waited_for = False

    @property
    def one_at_a_time(self) -> bool:
        """Whether it gives a point at a time, and may want its result before the next."""
        return self._waited_for

    # --- telling ------------------------------------------------------------------------------

    def contradicted(self, evidence: Evidence) -> list[str]:
        """Runs that it was told of and that say something else now: marked bad, extended, measured anew."""
        now = {d.run: d.outcomes for d in evidence.data}
        return [run for run, (_, outcomes) in self.runs.items() if now.get(run) != outcomes]

    def news(self, evidence: Evidence) -> list[Told]:
        """What it was not told yet: failures, then outcomes, oldest first: some go on from the last."""
        found: list[Told] = []
        failed: Counter[Key] = Counter()
        for parameters in evidence.failed:
            point = self._inside(parameters)
            if point is not None:
                failed[self._key(point)] += 1
                if failed[self._key(point)] > self._failed[self._key(point)]:
                    found.append(Told("", point, None))
        return found + [
            Told(d.run, point, d.outcomes)
            for d in evidence.data
            if d.run not in self.runs and (point := self._inside(d.parameters)) is not None
        ]

    def tell(self, evidence: Evidence) -> None:
        """Each outcome and each failure once; what will not run is dropped."""
        news = self.news(evidence)
        mine = [self._key(one.point) in self._given for one in news]
        told = [Told(t.run, t.point, t.outcomes, self._handle(t.point)) for t in news]
        for one in told:
            # Noted first: a mind that fails half way is not told the same half twice.
            if one.outcomes is None:
                self._failed[self._key(one.point)] += 1
            else:
                self.runs[one.run] = (self._key(one.point), one.outcomes)
        self._let_go(evidence)
        if not self._waited_for:
            if told:
                self.speaker.ingest(told)
            return
        for one, its_own in zip(told, mine, strict=True):
            try:
                self.speaker.ingest([one])
            except Exception:
                if its_own:  # of others' points it may take none while it waits for the result of its own
                    raise

    def _handle(self, point: Json) -> Any:
        return self._given.pop(self._key(point), None)

    def _let_go(self, evidence: Evidence) -> None:
        """Suggestions that are neither under way nor waiting any more were refused, edited or withdrawn."""
        alive = {self._key(p) for p in [*evidence.pending, *(p for _, p in evidence.waiting)]}
        gone = [self._given.pop(key) for key in [*self._given] if key not in alive]
        self.speaker.drop([handle for handle in gone if handle is not None])

    # --- asking -------------------------------------------------------------------------------

    def ask(self, evidence: Evidence, n: int) -> Answer:
        """Tell it the news, and ask until there are ``n`` points that can be proposed or it repeats itself."""
        begun = time.monotonic()
        self.tell(evidence)
        settings, answer = settings_of(evidence), Answer()
        names = self.space.names
        taken = taken_points(evidence, names) | {point_key(names, p) for p, _ in evidence.rejected}
        left, before, patient = _TRIES * n + len(taken), None, self._waited_for
        while len(answer.points) < n and left > 0 and not answer.wrong:
            try:
                raw = self.speaker.suggest(n - len(answer.points), evidence)
            except Exception:
                if not answer.points and not (patient and self._given):
                    raise
                break  # it has said what it has to say
            left -= len(raw)
            self._sort(raw, n, taken, settings, answer)
            if self._one_at_a_time and not answer.points and self._reminded(raw):
                continue
            said = [repr(point) for point, _ in raw]
            if not raw or said == before or time.monotonic() - begun > self.seconds / 2:
                break
            before = said
            if self._one_at_a_time and answer.points:
                break
        self._waited_for = patient or bool(self._one_at_a_time)
        answer.waits = self._waited_for and bool(self._given)
        answer.note = self._one_at_a_time if answer.points else ""
        return answer

    @property
    def _one_at_a_time(self) -> str:
        """What it says where it gives a point at a time, and may want its result before the next."""
        return str(getattr(self.speaker, "one_at_a_time", ""))

    def _reminded(self, raw: Iterable[tuple[Any, Any]]) -> bool:
        """One that waits for the result of a point that has run, as after a restart, is told what came of it."""
        known = dict(self.runs.values())
        found = False
        for said, handle in raw:
            try:
                point = usable(said, self.space, {})
            except BadParameters:
                continue
            if self._key(point) in known:
                self.speaker.ingest([Told("", point, known[self._key(point)], handle)])
                found = True
        return found

    def _sort(
        self, raw: Iterable[tuple[Any, Any]], n: int, taken: set[Key], settings: Json, answer: Answer
    ) -> None:
        unused = []
        for said, handle in raw:
            try:
                point = usable(said, self.space, settings)
            except BadParameters as error:
                if "constraint" in error.facts:
                    answer.skipped[f"violates {error.facts['constraint']}"] += 1
                else:
                    answer.wrong.append(str(error))
                unused.append(handle)
                continue
            key = self._key(point)
            if key in taken or len(answer.points) == n:
                answer.skipped["proposed before"] += key in taken
                unused.append(handle)
                continue
            taken.add(key)
            answer.points.append(point)
            self._given[key] = handle
        self.speaker.drop([handle for handle in unused if handle is not None])

    # --- points -------------------------------------------------------------------------------

    def _key(self, point: Mapping[str, Any]) -> Key:
        return point_key(self.space.names, dict(point))

    def _inside(self, parameters: Json) -> Json | None:
        """The point in the present space, which may have been redefined since; constraints are no matter here."""
        try:
            if isinstance(self.space, Pool):
                return dict(self.space.validate({name: parameters[name] for name in self.space.names}))
            return {name: one.validate(name, parameters[name]) for name, one in self.space.parameters.items()}
        except (KeyError, BadParameters):
            return None
