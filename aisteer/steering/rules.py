"""Rules that may decide without a human, as objects and as the data that stands in the journal."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from aisteer.errors import BadDefinition
from aisteer.steering.conditions import CONDITIONS, LEAST, plain_when
from aisteer.steering.durations import in_words, seconds

__all__ = [
    "CONDITIONS",
    "Accept",
    "Ask",
    "First",
    "Reject",
    "Rule",
    "Unanswered",
    "rule_from_json",
]

Json = dict[str, Any]
_DEEPEST = 8
_LONGEST = 32


@dataclass(frozen=True, slots=True)
class Rule:
    """Base of all rules."""

    kind: ClassVar[str] = ""

    def __or__(self, other: Rule) -> First:
        if not isinstance(other, Rule):
            return NotImplemented
        mine = self.rules if isinstance(self, First) else (self,)
        theirs = other.rules if isinstance(other, First) else (other,)
        return First((*mine, *theirs))

    def to_json(self) -> Json:
        """The rule as it stands in the journal."""
        raise NotImplementedError

    @staticmethod
    def from_json(data: Json) -> Rule:
        """The rule that ``to_json`` wrote.

        Raises:
            BadDefinition: It is not a rule that this release knows.
        """
        return rule_from_json(data)


def _brief(given: object) -> str:
    """What was given, cut short however long or deep it is."""
    return reprlib.repr(given)


def _check_conditions(rule: Ask | Accept | Reject) -> None:
    object.__setattr__(rule, "when", plain_when(rule.when))
    least = getattr(rule, "least", None)
    if least is not None and (type(least) is not int or least < 1):
        raise BadDefinition(f"least must be a whole number from 1 on, not {_brief(least)}.")


def _check_of(of: object) -> None:
    if of not in {None, "stop"}:
        raise BadDefinition(f'of={_brief(of)}: a rule speaks of all that begins a run, or of="stop".')


def _when_in_words(when: str | Sequence[str] | None, least: int | None) -> str:
    if when is None:
        return ""
    listed = (when,) if isinstance(when, str) else when
    words = " and ".join(listed)
    if any(one.startswith("coverage_bound") for one in listed):
        words += f", counted from {LEAST if least is None else least} on"
    return words


def _listed(when: str | Sequence[str] | None) -> str | list[str] | None:
    return when if when is None or isinstance(when, str) else list(when)


def _bound(name: str, given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < 0:
        raise BadDefinition(f"{name} must be a finite number that is not negative, not {_brief(given)}.")
    return float(given)


@dataclass(frozen=True, slots=True)
class Ask(Rule):
    """A human decides.

    Args:
        when: Ask only under this condition, or under all of several: ``calibrated``, ``uncalibrated``, ``known``,
            ``unknown``, or a comparison as in ``Accept``. What is not known yet counts as met: then it asks.
        least: As in ``Accept``.
    """

    when: str | Sequence[str] | None = None
    least: int | None = None
    kind: ClassVar[str] = "ask"

    def __post_init__(self) -> None:
        _check_conditions(self)

    def to_json(self) -> Json:
        """The rule as it stands in the journal."""
        return _lean({"rule": self.kind, "when": _listed(self.when), "least": self.least})

    def __str__(self) -> str:
        words = _when_in_words(self.when, self.least)
        return f"ask when {words}" if words else "ask"


@dataclass(frozen=True, slots=True)
class Accept(Rule):
    """Accept where every bound holds.

    Args:
        cost_below: The estimated cost is below this, in the budget's unit.
        std_below: The predicted standard deviation of the objective is below this, in its unit.
        when: ``calibrated``: predictions made before the runs ended held as often as they said;
            ``known``: the model's correlation with the nearest run is at least one half;
            ``uncalibrated`` and ``unknown`` are their opposites. Or a comparison, or a list of which all have to hold:
            ``["coverage_bound >= 0.8", "cost < 10 node_hours"]``. ``coverage_bound`` is what the coverage of the
            90 % intervals predicted before the last 50 outcomes is at least, with 95 % confidence; ``cost``, ``std``
            (predicted, of the objective), ``correlation`` (with the nearest run) and ``risk`` (of failing) are the
            proposal's.
        least: Outcomes that ``coverage_bound`` has to be counted on; 20 if not given.
        limit: At most this many acceptances without a human, in the whole campaign.
        of: ``"stop"``: it speaks of proposals to stop a run, and of these alone; then ``chance`` (that the run would
            still have added something) can be compared, and ``coverage_bound`` is that of predictions from curves.
            A rule that does not say so stops no run.
    """

    cost_below: float | None = None
    std_below: float | None = None
    when: str | Sequence[str] | None = None
    limit: int | None = None
    least: int | None = None
    of: str | None = None
    kind: ClassVar[str] = "accept"

    def __post_init__(self) -> None:
        _check_conditions(self)
        _check_of(self.of)
        object.__setattr__(self, "cost_below", _bound("cost_below", self.cost_below))
        object.__setattr__(self, "std_below", _bound("std_below", self.std_below))
        _bound("limit", self.limit)
        if self.limit is not None and not isinstance(self.limit, int):
            raise BadDefinition(f"limit must be a whole number, not {_brief(self.limit)}.")

    def to_json(self) -> Json:
        """The rule as it stands in the journal."""
        bounds = {"cost_below": self.cost_below, "std_below": self.std_below}
        asked = {"when": _listed(self.when), "limit": self.limit, "least": self.least, "of": self.of}
        return _lean({"rule": self.kind, **bounds, **asked})

    def __str__(self) -> str:
        bounds = [
            f"cost below {self.cost_below:g}" if self.cost_below is not None else "",
            f"predicted std below {self.std_below:g}" if self.std_below is not None else "",
            _when_in_words(self.when, self.least),
            f"at most {self.limit} without a human" if self.limit is not None else "",
        ]
        words = " and ".join(b for b in bounds if b)
        verb = "accept stops" if self.of else "accept"
        return f"{verb} when {words}" if words else verb


@dataclass(frozen=True, slots=True)
class Reject(Rule):
    """Reject, under a condition (as in ``Accept``) where one is given, or under all of several; ``of`` as there."""

    when: str | Sequence[str] | None = None
    of: str | None = None
    kind: ClassVar[str] = "reject"

    def __post_init__(self) -> None:
        _check_conditions(self)
        _check_of(self.of)

    def to_json(self) -> Json:
        """The rule as it stands in the journal."""
        return _lean({"rule": self.kind, "when": _listed(self.when), "of": self.of})

    def __str__(self) -> str:
        words, verb = _when_in_words(self.when, None), "reject stops" if self.of else "reject"
        return f"{verb} when {words}" if words else verb


@dataclass(frozen=True, slots=True)
class Unanswered(Rule):
    """When nobody has answered for ``after``, ``then`` decides.

    Args:
        after: Seconds, or text such as ``"90 s"``, ``"30 min"``, ``"2h"``, ``"1 d"``.
        then: The rule that decides then.
    """

    after: float | str
    then: Rule
    kind: ClassVar[str] = "unanswered"

    def __post_init__(self) -> None:
        object.__setattr__(self, "after", seconds(self.after))
        if not isinstance(self.then, Accept | Reject | Ask):
            raise BadDefinition("Unanswered(after, then) takes Accept(…) or Reject(…) for `then`.")

    def to_json(self) -> Json:
        """The rule as it stands in the journal."""
        return {"rule": self.kind, "after": self.after, "then": self.then.to_json()}

    def __str__(self) -> str:
        return f"{self.then} when nobody answers for {in_words(float(self.after))}"


@dataclass(frozen=True, slots=True)
class First(Rule):
    """The first rule that applies wins. Made with ``|``."""

    rules: tuple[Rule, ...]
    kind: ClassVar[str] = "first"

    def __post_init__(self) -> None:
        if not 1 <= len(self.rules) <= _LONGEST or any(isinstance(r, First) for r in self.rules):
            raise BadDefinition(f"Join 1 to {_LONGEST} rules with |.")

    def to_json(self) -> Json:
        """The rule as it stands in the journal."""
        return {"rule": self.kind, "rules": [rule.to_json() for rule in self.rules]}

    def __str__(self) -> str:
        return "; else ".join(str(rule) for rule in self.rules)


def _lean(data: Json) -> Json:
    return {key: value for key, value in data.items() if value is not None}


# --- from JSON --------------------------------------------------------------------------------

_FIELDS: dict[str, set[str]] = {
    "ask": {"when", "least"},
    "accept": {"cost_below", "std_below", "when", "limit", "least", "of"},
    "reject": {"when", "of"},
    "unanswered": {"after", "then"},
    "first": {"rules"},
}


def rule_from_json(data: object, _depth: int = 0) -> Rule:
    """The rule that ``to_json`` wrote.

    Raises:
        BadDefinition: It is not a rule that this release knows.
    """
    if not isinstance(data, Mapping) or _depth > _DEEPEST:
        raise BadDefinition(f"An autonomy rule is a JSON object, not {_brief(data)}.")
    kind = data.get("rule")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise BadDefinition(f"This release does not know the autonomy rule {_brief(kind)}.")
    unknown = [name for name in data if name != "rule" and name not in _FIELDS[kind]]
    if unknown:
        raise BadDefinition(f"The autonomy rule {kind!r} has no {unknown[0]!r:.80}.")
    fields = {name: value for name, value in data.items() if name != "rule"}
    try:
        if kind == "first":
            return _first_from_json(fields["rules"], _depth)
        if kind == "unanswered":
            return Unanswered(fields["after"], rule_from_json(fields["then"], _depth + 1))
        simple: dict[str, type[Rule]] = {"ask": Ask, "accept": Accept, "reject": Reject}
        return simple[kind](**fields)
    except KeyError as error:
        raise BadDefinition(f"The autonomy rule {kind!r} lacks {error}.") from None


def _first_from_json(rules: object, depth: int) -> Rule:
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        raise BadDefinition(f"The autonomy rule 'first' takes a list of rules, not {_brief(rules)}.")
    return First(tuple(rule_from_json(rule, depth + 1) for rule in rules[: _LONGEST + 1]))
