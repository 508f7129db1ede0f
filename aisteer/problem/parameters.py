"""The kinds of parameter: a real number, a whole number, one of some options."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

from aisteer.errors import BadDefinition, BadParameters

__all__ = [
    "Choice",
    "Float",
    "Int",
    "Parameter",
    "Scalar",
    "is_finite_number",
    "number_in_words",
    "parameter_from_json",
]

Json = dict[str, Any]
Scalar = str | int | float | bool

_GROUPED = re.compile(r"[+-]?(\d{1,3}([, ]\d{3})+|\d+)(\.\d+)?([eE][+-]?\d+)?")
"""A number as screens show it: digits in groups of three."""


def is_finite_number(value: object) -> bool:
    """Whether it is a number (NumPy's too, not a truth value) and finite."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond what a float can hold
        return False


def number_in_words(value: float, unit: str = "") -> str:
    """A number as a human writes it, with its unit."""
    return f"{value:.10g} {unit}".rstrip()


def _as_real(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        kind = type(value).__name__
        words = f"{name} must be a number, not {value!r} ({kind}).{_meant(value)}"
        raise BadParameters(words, name=name, value=value)
    if not is_finite_number(value):
        raise BadParameters(f"{name} = {value!s:.40} is not a finite number.", name=name, value=value)
    return float(value)


def _meant(value: object) -> str:
    """How a number that came as text is written, where it can only be one."""
    if not isinstance(value, str) or not _GROUPED.fullmatch(value.strip()):
        return ""
    return f" Write {value.strip().replace(',', '').replace(' ', '')}, without quotes or separators."


def _check_bounds(low: object, high: object) -> None:
    for which, value in (("low", low), ("high", high)):
        if not is_finite_number(value):
            raise BadDefinition(f"The bound {which}={value!r} must be a finite number.")
    if not low < high:  # type: ignore[operator]
        raise BadDefinition(f"The lower bound {low} must be below the upper bound {high}.")


def _within(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise BadParameters(
            f"{name} = {number_in_words(value, unit)} is outside "
            f"{number_in_words(low)} to {number_in_words(high, unit)}.",
            name=name,
            value=value,
            low=low,
            high=high,
        )


_ROUNDING = 1e-12
"""What a search in coordinates from 0 to 1 leaves of a bound by rounding."""


def _position(value: float, low: float, high: float, *, log: bool) -> float:
    if log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _value_at(position: float, low: float, high: float, *, log: bool) -> float:
    """What ``_position`` has at ``position``, which is clipped to 0 to 1; what rounding took off a bound is at it."""
    if position < _ROUNDING:
        return low
    if position > 1.0 - _ROUNDING:
        return high
    return low * math.pow(high / low, position) if log else low + position * (high - low)


@dataclass(frozen=True, slots=True)
class Float:
    """A real number between two bounds, both included.

    Args:
        low: Lower bound, in ``unit``.
        high: Upper bound, in ``unit``.
        unit: For display; nothing is converted.
        log: Search on a logarithmic scale; the bounds must be positive.

    Raises:
        BadDefinition: The bounds are not finite, not in order, or not positive with ``log``.

    Example:
        >>> Float(300, 2000, unit="K")
        Float(low=300.0, high=2000.0, unit='K', log=False)
    """

    low: float
    high: float
    unit: str = ""
    log: bool = False

    kind: ClassVar[str] = "float"

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        if self.log and self.low <= 0:
            raise BadDefinition(f"A logarithmic scale needs positive bounds, and low is {self.low:g}.")

    def validate(self, name: str, value: object) -> float:
        """``value`` as a plain float.

        Raises:
            BadParameters: Not a number, not finite, or out of bounds.
        """
        number = _as_real(name, value)
        _within(name, number, self.low, self.high, self.unit)
        return number + 0.0  # -0.0 and 0.0 are the same point

    def to_unit(self, value: Scalar) -> float:
        """The position of ``value`` between the bounds, 0 to 1."""
        return _position(float(value), self.low, self.high, log=self.log)

    def from_unit(self, position: float) -> float:
        """The value at ``position``, clipped to the bounds."""
        value = _value_at(position, self.low, self.high, log=self.log)
        return min(max(value, self.low), self.high)

    def to_json(self) -> Json:
        """The parameter as it stands in the definition."""
        data: Json = {"kind": "float", "low": self.low, "high": self.high, "unit": self.unit}
        return {**data, "log": True} if self.log else data


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number between two bounds, both included.

    Args:
        low: Lower bound, in ``unit``.
        high: Upper bound, in ``unit``.
        unit: For display; nothing is converted.
        log: Search on a logarithmic scale; the bounds must be positive.

    Raises:
        BadDefinition: The bounds are not whole numbers, or not in order.
    """

    low: int
    high: int
    unit: str = ""
    log: bool = False

    kind: ClassVar[str] = "int"

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)
        given: tuple[object, object] = (self.low, self.high)
        if not all(isinstance(bound, Integral) for bound in given):
            raise BadDefinition(f"The bounds of a whole number must be whole: {self.low!r}, {self.high!r}.")
        object.__setattr__(self, "low", int(self.low))
        object.__setattr__(self, "high", int(self.high))
        if self.log and self.low <= 0:
            raise BadDefinition(f"A logarithmic scale needs positive bounds, and low is {self.low}.")

    def validate(self, name: str, value: object) -> int:
        """``value`` as a plain int; ``3.0`` counts as 3.

        Raises:
            BadParameters: Not a whole number, or out of bounds.
        """
        number = _as_real(name, value)
        if not number.is_integer():
            raise BadParameters(f"{name} = {number:.10g} is not a whole number.", name=name, value=number)
        _within(name, number, self.low, self.high, self.unit)
        return int(number)

    def to_unit(self, value: Scalar) -> float:
        """The position of ``value`` between the bounds, 0 to 1."""
        return _position(float(value), self.low, self.high, log=self.log)

    def from_unit(self, position: float) -> int:
        """The whole number nearest to ``position``, clipped to the bounds."""
        value = _value_at(position, self.low, self.high, log=self.log)
        return min(max(round(value), self.low), self.high)

    def to_json(self) -> Json:
        """The parameter as it stands in the definition."""
        data: Json = {"kind": "int", "low": self.low, "high": self.high, "unit": self.unit}
        return {**data, "log": True} if self.log else data


@dataclass(frozen=True, slots=True, init=False)
class Choice:
    """One of some options: text, numbers or truth values.

    Args:
        options: At least two, all different, in the order in which they are shown.
        ordered: The order means something (small, medium, large), so neighbours are alike.

    Raises:
        BadDefinition: Fewer than two options, a repeated one, or one that is not plain data.
    """

    options: tuple[Scalar, ...]
    ordered: bool = False

    kind: ClassVar[str] = "choice"
    unit: ClassVar[str] = ""

    def __init__(self, options: Sequence[Scalar], *, ordered: bool = False) -> None:
        if isinstance(options, str):
            raise BadDefinition(f"Choice takes a list of options, not the single text {options!r}.")
        plain = tuple(_plain_option(option) for option in options)
        if len(plain) < 2:
            raise BadDefinition(f"A choice needs at least two options, and there are {len(plain)}.")
        if len({(isinstance(option, bool), option) for option in plain}) < len(plain):
            raise BadDefinition(f"The options of a choice must differ from each other: {list(plain)!r}.")
        object.__setattr__(self, "options", plain)
        object.__setattr__(self, "ordered", bool(ordered))

    def validate(self, name: str, value: object) -> Scalar:
        """The option that equals ``value``.

        Raises:
            BadParameters: It is none of the options.
        """
        for option in self.options:
            if isinstance(option, bool) == isinstance(value, bool) and option == value:
                return option
        offered = ", ".join(repr(option) for option in self.options)
        raise BadParameters(f"{name} = {value!r} is none of {offered}.", name=name, value=value)

    def to_unit(self, value: Scalar) -> float:
        """The place of ``value`` among the options, 0 to 1."""
        place = next(i for i, o in enumerate(self.options) if type(o) is type(value) and o == value)
        return place / (len(self.options) - 1)

    def from_unit(self, position: float) -> Scalar:
        """The option nearest to ``position``."""
        last = len(self.options) - 1
        return self.options[min(max(round(position * last), 0), last)]

    def to_json(self) -> Json:
        """The parameter as it stands in the definition."""
        return {"kind": "choice", "options": list(self.options), "ordered": self.ordered}


def _plain_option(option: object) -> Scalar:
    if isinstance(option, str | bool):
        return option
    if isinstance(option, Integral):
        return int(option)
    if isinstance(option, Real) and math.isfinite(option):
        return float(option)
    raise BadDefinition(f"An option must be text, a finite number or a truth value, not {option!r}.")


Parameter = Float | Int | Choice


def parameter_from_json(data: Json) -> Parameter:
    """The parameter that ``to_json`` wrote.

    Raises:
        BadDefinition: A kind that this release does not know.
    """
    kind = data.get("kind")
    if kind == "float":
        return Float(data["low"], data["high"], data.get("unit", ""), data.get("log", False))
    if kind == "int":
        return Int(data["low"], data["high"], data.get("unit", ""), data.get("log", False))
    if kind == "choice":
        return Choice(data["options"], ordered=data.get("ordered", False))
    raise BadDefinition(f"This release does not know the parameter kind {kind!r}; a newer one wrote it.")
