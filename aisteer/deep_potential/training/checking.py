"""Values of an input.json, checked before anything is made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, NamedTuple

from aisteer.errors import BadDefinition

__all__ = ["check_model", "check_numbers", "is_whole"]


class _Range(NamedTuple):
    """Which numbers an option takes: from `least` on, or above it."""

    least: float
    above: bool = False
    below: float = math.inf
    whole: bool = False
    optional: bool = False

    def holds(self, value: object) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            return False
        number = float(value)
        enough = number > self.least if self.above else number >= self.least
        return enough and number < self.below and (not self.whole or number.is_integer())

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        most = "" if self.below == math.inf else f" and below {self.below:g}"
        return f"{kind} {'above' if self.above else 'from'} {self.least:g}{'' if self.above else ' on'}{most}"


_POSITIVE, _NOT_NEGATIVE = _Range(0, above=True), _Range(0)
_NUMBERS = {
    "learning_rate": {
        "start_lr": _POSITIVE,
        "stop_lr": _Range(0, optional=True),
        "decay_steps": _Range(1, whole=True),
        "decay_rate": _Range(0, above=True, optional=True),
    },
    "optimizer": {
        "adam_beta1": _Range(0, below=1),
        "adam_beta2": _Range(0, below=1),
        "weight_decay": _NOT_NEGATIVE,
    },
    "loss": {f"{end}_pref_{term}": _NOT_NEGATIVE for end in ("start", "limit") for term in "efv"},
    "training": {
        "numb_steps": _Range(0, whole=True, optional=True),
        "seed": _Range(0, whole=True, optional=True),
        "disp_freq": _Range(0, whole=True, optional=True),
        "save_freq": _Range(0, whole=True),
    },
    "descriptor": {
        "rcut": _Range(0, above=True, below=100),  # a larger one is a slip, and a search would not end
        "rcut_smth": _NOT_NEGATIVE,
        "axis_neuron": _Range(1, whole=True),
    },
}


def is_whole(value: object, least: int) -> bool:
    """Whether it is a whole number from `least` on."""
    return _Range(least, whole=True).holds(value)


def check_numbers(source: str, name: str, part: Mapping[str, Any]) -> None:
    """Raise ``BadDefinition`` that names the first option of a section whose value is no such number as it takes."""
    for option, wanted in _NUMBERS.get(name, {}).items():
        if not wanted.holds(part[option]):
            raise _wrong(source, name, option, part[option], str(wanted))


def check_model(source: str, model: Mapping[str, Any]) -> None:
    """The same for the descriptor, the fitting net and the type map.

    Raises:
        BadDefinition: A value cannot be meant.
    """
    descriptor, symbols = model["descriptor"], model["type_map"]
    check_numbers(source, "descriptor", descriptor)
    for name in ("descriptor", "fitting_net"):
        widths = model[name]["neuron"]
        if not isinstance(widths, list | tuple) or not widths or not all(is_whole(n, 1) for n in widths):
            raise _wrong(source, name, "neuron", widths, "a list of widths")
    if not descriptor["rcut_smth"] < descriptor["rcut"]:
        raise _wrong(source, "descriptor", "rcut_smth", descriptor["rcut_smth"], "less than rcut")
    if descriptor["axis_neuron"] > descriptor["neuron"][-1]:
        most = f"at most the last width of neuron, {descriptor['neuron'][-1]}"
        raise _wrong(source, "descriptor", "axis_neuron", descriptor["axis_neuron"], most)
    sel, pairs = descriptor["sel"], descriptor["exclude_types"]
    if not isinstance(sel, str) and not (isinstance(sel, list | tuple) and all(is_whole(n, 0) for n in sel)):
        raise _wrong(source, "descriptor", "sel", sel, 'a list of whole numbers, "auto" or "auto:1.2"')
    if not isinstance(pairs, list | tuple) or not all(_is_pair(pair) for pair in pairs):
        raise _wrong(source, "descriptor", "exclude_types", pairs, "a list of pairs of types")
    if symbols is not None and not _is_type_map(symbols):
        raise _wrong(source, "model", "type_map", symbols, "a list of elements, each once")


def _is_pair(pair: object) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(is_whole(n, 0) for n in pair)


def _is_type_map(symbols: object) -> bool:
    listed = isinstance(symbols, list | tuple) and all(isinstance(each, str) for each in symbols)
    return listed and len(set(symbols)) == len(symbols)  # type: ignore[arg-type, call-overload]


def _wrong(source: str, name: str, option: str, value: object, wanted: str) -> BadDefinition:
    return BadDefinition(
        f"{source}: {name} has {option} = {value!r:.60}, which is not {wanted}. Nothing was trained.",
        source=source,
        option=option,
    )
