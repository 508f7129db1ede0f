"""Every number, unit and duration that the screen shows is written here, once."""

from __future__ import annotations

import math
import re
import time as _time
from collections.abc import Iterable, Sequence
from typing import Any

from aisteer.problem.units import label as _label

__all__ = [
    "band95",
    "clip",
    "clock",
    "cost",
    "count",
    "decimals",
    "duration",
    "estimate",
    "fixed",
    "label",
    "moment",
    "moving",
    "number",
    "percent",
    "quantity",
    "some",
]

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MINUS = "−"
NARROW = "\u00a0"  # no line break between a number and its unit


_GAPS = re.compile(r"[^\S\u00a0\u202f]+")
"""White space, less the kinds that keep a number and its unit together."""
Z95 = 1.959963984540054
"""Half the width of a 95 % band, in standard deviations."""
TINY = 1e-290  # below it, powers of ten underflow


def clip(text: object, length: int = 120) -> str:
    """``text`` on one line, at most ``length`` characters, the middle left out."""
    line = _GAPS.sub(" ", str(text)[: 20 * length]).strip()
    if len(line) <= length:
        return line
    tail = length // 4
    return f"{line[: length - tail - 1]}…{line[-tail:]}"


def some(parts: Sequence[str], length: int) -> str:
    """As many of the parts as ``length`` characters hold, ``a · b · …`` where there are more."""
    shown: list[str] = []
    for part in parts:
        rest = [*shown, clip(part, length)]
        more = 4 if len(rest) < len(parts) else 0
        if shown and len(" · ".join(rest)) + more > length:
            break
        shown = rest
    line = " · ".join(shown)
    return f"{line} · …" if len(shown) < len(parts) else clip(line, length)


def label(name: str, unit: str = "") -> str:
    """A parameter's, observation's or outcome's name as words: ``ionisation energy (eV)``."""
    return _label(clip(name, 48), clip(unit, 24))


def _power(exponent: int) -> str:
    return f"10{str(exponent).translate(_SUPERSCRIPT)}"


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:,.{max(decimals, 0)}f}"
    return text.replace("-", _MINUS)


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0


def number(value: Any, digits: int = 4) -> str:
    """A number to ``digits`` significant digits: ``1,385``, ``7.921``, ``4.2×10⁻⁹``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return clip(value, 80)
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else f"{_MINUS}∞")
    if abs(value) < TINY:
        return "0"
    if value == int(value) and abs(value) < 1e7:
        return _fixed(value, 0)
    power = _exponent(value)
    if power >= 7 or power < -3:
        mantissa = f"{value / 10**power:.{digits - 1}f}".rstrip("0").rstrip(".")
        return f"{mantissa.replace('-', _MINUS)}×{_power(power)}"
    text = _fixed(value, max(digits - 1 - power, 0))
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimals(values: Iterable[float]) -> int | None:
    """Digits behind the point with which these stand under each other; nothing where one needs a power of ten."""
    texts = [number(v) for v in values]
    if any("×" in text or not text[-1:].isdigit() for text in texts):
        return None
    return max((len(text.partition(".")[2]) for text in texts), default=None)


def fixed(value: float, decimals: int | None) -> str:
    """A number with that many digits behind the point; as ``number`` where nothing says how many."""
    return number(value) if decimals is None else _fixed(value, decimals)


def moving(value: float, seen: Iterable[float], unit: str = "") -> str:
    """A number to the digits in which it moves, by what has been ``seen`` of it."""
    values = list(seen)
    span = max(values) - min(values) if values else 0.0
    if not (span > TINY and math.isfinite(span)) or not value:
        return quantity(value, unit)
    return quantity(value, unit, min(9, max(4, _exponent(value) - _exponent(span) + 2)))


def estimate(mean: float, error: float = 0.0, unit: str = "") -> str:
    """A value with its error, to the two significant digits of the error: ``4.21 ± 0.38``."""
    if not (error > TINY and math.isfinite(error) and math.isfinite(mean)):
        return quantity(mean, unit)
    power = _exponent(max(abs(mean), error))
    if power >= 6 or power < -3:
        scaled = estimate(mean / 10**power, error / 10**power)
        return _with_unit(f"({scaled})×{_power(power)}", unit)
    decimals = min(1 - _exponent(error), 8)
    shown = round(mean, decimals), round(error, decimals)
    return _with_unit(f"{_fixed(shown[0], decimals)} ± {_fixed(shown[1], decimals)}", unit)


def band95(mean: float, std: float, unit: str = "") -> str:
    """The 95 % band of a prediction, to the digits of its standard deviation: ``95 %: 3.47 to 4.95``."""
    if not (std > TINY and math.isfinite(std) and math.isfinite(mean)):
        return ""
    low, high = mean - Z95 * std, mean + Z95 * std
    power = _exponent(max(abs(low), abs(high)))
    if power >= 6 or power < -3:
        scale = 10.0**power
        text = f"({band95(mean / scale, std / scale).partition(': ')[2]})×{_power(power)}"
    else:
        decimals = min(1 - _exponent(std), 8)
        text = f"{_fixed(round(low, decimals), decimals)} to {_fixed(round(high, decimals), decimals)}"
    return f"95{NARROW}%: {_with_unit(text, unit)}"


def _with_unit(text: str, unit: str) -> str:
    if not unit:
        return text
    if unit[:1].isdigit():  # A unit such as 10⁻⁹ m²/s is a factor.
        return f"{f'({text})' if '±' in text else text}×{clip(unit, 24)}"
    return f"{text}{NARROW}{clip(unit, 24)}"


def quantity(value: Any, unit: str = "", digits: int = 4) -> str:
    """A number with its unit: ``1,385 K``."""
    return _with_unit(number(value, digits), unit)


def percent(fraction: float) -> str:
    """``38 %``; never ``0 %`` of something."""
    if 0 < fraction < 0.01:
        return f"<1{NARROW}%"
    return f"{round(100 * fraction)}{NARROW}%"


def count(n: int, singular: str, plural: str | None = None) -> str:
    """``1 run``, ``41 runs``, ``no runs``."""
    words = singular if n == 1 else (plural or f"{singular}s")
    return f"{n:,} {words}" if n else f"no {words}"


def duration(seconds: float) -> str:
    """``3 s``, ``4 min``, ``1 h 12 min``, ``2 d 3 h``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}{NARROW}s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes}{NARROW}min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{NARROW}h {minutes}{NARROW}min" if minutes else f"{hours}{NARROW}h"
    days, hours = divmod(hours, 24)
    return f"{days}{NARROW}d {hours}{NARROW}h" if hours else f"{days}{NARROW}d"


def cost(value: float, unit: str, digits: int = 3) -> str:
    """A cost in the budget's unit, to ``digits`` digits; node-hours too small to read become node-seconds."""
    if unit == "node-hours" and 0 < abs(value) < 0.0095:
        value, unit, digits = value * 3600, "node-seconds", digits - 1
    if unit == "runs" and float(value).is_integer():
        return count(int(value), "run")
    text = number(value, digits)
    return _with_unit(text, unit.removesuffix("s") if text == "1" else unit)


def clock(time: float) -> str:
    """Wall-clock time of day, in this machine's zone."""
    return _time.strftime("%H:%M:%S", _time.localtime(time))


def moment(time: float, now: float) -> str:
    """When something was: the time of day, with the date where that is not obvious."""
    if abs(now - time) < 12 * 3600:
        return clock(time)
    return _time.strftime("%Y-%m-%d %H:%M", _time.localtime(time))
