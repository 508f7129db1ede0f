"""What a user states of a task, each by itself: checked the same way when it is defined and when it is redefined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.naming import did_you_mean
from aisteer.problem.parameters import is_finite_number
from aisteer.problem.resources import Budget, Resources

__all__ = [
    "SETTINGS",
    "budget_json",
    "context_json",
    "instance",
    "rule_json",
    "seconds",
    "setting",
    "whole",
]

Json = dict[str, Any]
_RETRIED = ("lost", "failed", "preempted")


def instance(name: str, value: object, kinds: tuple[type, ...], wanted: str) -> None:
    """Raises BadDefinition where a value is none of these kinds; ``wanted`` says what to give."""
    if not isinstance(value, kinds):
        raise BadDefinition(f"{name}={value!r:.100} will not do. Give it {wanted}.")


def whole(name: str, value: object, least: int) -> None:
    """Raises BadDefinition where a value is no whole number from ``least`` on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise BadDefinition(f"{name} must be a whole number of at least {least}, not {value!r:.100}.")


def seconds(name: str, value: object) -> None:
    """Raises BadDefinition where a value is no number of seconds."""
    if not (is_finite_number(value) and value >= 0):  # type: ignore[operator]
        raise BadDefinition(f"{name} must be a finite number that is not negative, not {value!r:.100}.")


def rule_json(rule: Any) -> Json:
    """An autonomy rule as data; ``None`` asks a human about everything.

    Raises:
        BadDefinition: It is none.
    """
    from aisteer.steering.rules import Ask

    given = Ask() if rule is None else rule
    if not hasattr(given, "to_json"):
        raise BadDefinition(f"autonomy must be a rule such as ai.Ask(), not {rule!r:.100}.")
    data: Json = given.to_json()
    return data


def budget_json(budget: object) -> Json | None:
    """A budget as data; ``None`` is no limit.

    Raises:
        BadDefinition: It is none.
    """
    if budget is not None and not isinstance(budget, Budget):
        raise BadDefinition(f"budget must be ai.NodeHours(…) or ai.Runs(…), not {budget!r:.100}.")
    return None if budget is None else budget.to_json()


def setting(name: str, value: object) -> None:
    """Check one of ``SETTINGS``.

    Raises:
        BadDefinition: It cannot have that value.
    """
    SETTINGS[name](value)


def _or_none(check: Callable[[object], None], value: object) -> None:
    if value is not None:
        check(value)


def _whole(name: str, least: int) -> Callable[[object], None]:
    return partial(_or_none, lambda value: whole(name, value, least))


def _retries(value: object) -> None:
    if not isinstance(value, Mapping) or not all(end in _RETRIED for end in value):
        raise BadDefinition(
            f'retries takes how often a run is tried again after an end, such as {{"lost": 2, "failed": 1}}, not '
            f"{value!r:.100}."
        )
    for end, times in value.items():
        whole(f"retries: {end}", times, 0)


SETTINGS: dict[str, Callable[[object], None]] = {
    "slots": _whole("slots", 1),
    "batch": _whole("batch", 1),
    "initial": _whole("initial", 1),
    "seed": _whole("seed", 0),
    "runs": _whole("runs", 1),
    "retries": _retries,
    "checkpoint_every": partial(_or_none, partial(seconds, "checkpoint_every")),
    "resources": lambda value: instance("resources", value, (Resources,), "ai.Resources(…)"),
}
"""Settings of a task that can be checked by themselves, and what raises where they cannot be."""


def context_json(context: object, names: Sequence[str]) -> list[str]:
    """Names of parameters that are given, as data.

    Raises:
        BadDefinition: One is no parameter of the space, or none is left to be chosen.
    """
    given = [context] if isinstance(context, str) else context
    if not isinstance(given, Sequence) or not all(isinstance(one, str) for one in given):
        raise BadDefinition(f"context takes names of parameters, not {context!r:.100}.")
    for name in given:
        if name not in names:
            raise BadDefinition(
                f"context names {name!r}, which is no parameter of the space.{did_you_mean(name, names)}"
            )
    if given and set(names) <= set(given):
        raise BadDefinition("All parameters are in context, so there is nothing left for the AI to choose.")
    return list(dict.fromkeys(given))
