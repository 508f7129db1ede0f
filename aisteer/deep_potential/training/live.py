"""How a training is seen while it runs: a bar and two curves in a notebook, a line now and then elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from aisteer.deep_potential.training.record import CurvePoint, described

if TYPE_CHECKING:
    from aisteer.deep_potential.training.record import TrainingRecord
    from aisteer.deep_potential.training.session import Training

__all__ = ["Live", "drawn"]

_PAUSE = 0.5  # seconds between two pictures
_LINES = 10  # outside a notebook, for the whole training

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 360, 190, 52, 30, 22
_TRAINED, _HELD = "#0072B2", "#D55E00"  # told apart without colours too: one is dashed


class Live:
    """The display of one training; told after each step, it paints when it is time."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._painted = 0.0
        self._told = training.step * _LINES // training.steps
        self._began, self._from = time.monotonic(), training.step
        self._handle: Any = None
        if _in_notebook():
            from IPython.display import HTML, display

            self._handle = display(HTML(self._picture()), display_id=True)

    def tick(self) -> None:
        """A step was taken."""
        if self._handle is not None:
            if time.monotonic() - self._painted >= _PAUSE:
                self._paint(self._picture())
            return
        share = self._training.step * _LINES // self._training.steps
        if share > self._told and self._training.curve:
            self._told = share
            _say(f"step {self._training.step} of {self._training.steps}: {_last(self._training.curve[-1])}")

    def end(self, record: TrainingRecord) -> None:
        """No more steps will be taken."""
        if self._handle is not None:
            self._paint(self._picture(record))
        else:
            _say(str(record))

    def _paint(self, picture: str) -> None:
        from IPython.display import HTML

        self._painted = time.monotonic()
        self._handle.update(HTML(picture))

    def _picture(self, record: TrainingRecord | None = None) -> str:
        training = self._training
        share = training.step / training.steps
        if record is not None:
            said = escape(str(record)).replace("\n", "<br>")
        else:
            said = f"step {training.step:,} of {training.steps:,}, {self._left()}"
            if training.curve:
                said += f"<br>{escape(_last(training.curve[-1]))}"
        bar = (
            '<div role="progressbar" aria-label="steps of the training" aria-valuemin="0" '
            f'aria-valuemax="{training.steps}" aria-valuenow="{training.step}" '
            'style="width:720px;max-width:100%;height:6px;border-radius:3px;background:rgba(128,128,128,.25)">'
            f'<div style="width:{100 * share:.1f}%;height:100%;border-radius:3px;background:{_TRAINED}"></div></div>'
        )
        return (
            '<div style="font-family:var(--jp-ui-font-family,sans-serif);font-size:13px;line-height:1.5">'
            f"{bar}<div>{said}</div>{drawn(training.curve, training.steps)}</div>"
        )

    def _left(self) -> str:
        done = self._training.step - self._from
        if not done:
            return "getting ready"
        left = (time.monotonic() - self._began) / done * (self._training.steps - self._training.step)
        return f"{left:.0f} s left" if left < 120 else f"{left / 60:.0f} min left"


def drawn(curve: Sequence[CurvePoint], steps: int) -> str:
    """Errors of energies and forces against the step, as SVG: the members' mean, dashed on the validation set."""
    panels = []
    for title, name in (("energy error, meV/atom", "energy"), ("force error, eV/Å", "force")):
        lines = []
        for color, dash, of in ((_TRAINED, "", "training"), (_HELD, "5 3", "validation")):
            points = [(point.step, _mean(getattr(point, of), name)) for point in curve]
            lines.append((color, dash, of, [(x, y) for x, y in points if y is not None and y > 0]))
        panels.append(_panel(title, lines, steps))
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{"".join(panels)}</div>'


def _mean(errors: Any, name: str) -> float | None:
    values = None if errors is None else getattr(errors, name)
    return None if values is None else float(np.mean(values))


def _panel(title: str, lines: list[tuple[str, str, str, list[tuple[int, float]]]], steps: int) -> str:
    values = [y for *_, points in lines for _, y in points]
    if not values:
        return ""
    low, high = math.floor(math.log10(min(values)) * 3) / 3, math.ceil(math.log10(max(values)) * 3) / 3
    high = max(high, low + 1 / 3)

    def x(step: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 8) * step / steps

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - math.log10(value)) / (high - low)

    said = f"{title} against the step"
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    look = 'style="max-width:100%;color:var(--jp-ui-font-color1,currentColor)" font-size="11" fill="currentColor"'
    parts = [
        f'<svg role="img" aria-label="{said}" {size} {look}>',
        f'<text x="{_LEFT}" y="13" font-weight="600">{title}</text>',
        _axes(x, y, low, high, steps),
    ]
    for place, (color, dash, of, points) in enumerate(line for line in lines if line[3]):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)
        stroke = f'fill="none" stroke="{color}" stroke-width="1.6" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{path}" {stroke}/>')
        at = _WIDTH - 128 + 66 * place
        parts.append(
            f'<line x1="{at - 18}" x2="{at - 3}" y1="9" y2="9" {stroke}/><text x="{at}" y="13">{of}</text>'
        )
    return "".join([*parts, "</svg>"])


def _axes(
    x: Callable[[float], float], y: Callable[[float], float], low: float, high: float, steps: int
) -> str:
    marks = [m * 10.0**e for e in range(math.floor(low), math.ceil(high) + 1) for m in (1, 2, 5)]
    line = f'x1="{_LEFT}" x2="{_WIDTH - 8}" stroke="currentColor" stroke-opacity=".15"'
    parts = [
        f'<line {line} y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
        f'<text x="{_LEFT - 5}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>'
        for mark in marks
        if low - 1e-9 <= math.log10(mark) <= high + 1e-9
    ]
    for share in (0, 0.5, 1):
        at = (
            f'x="{x(share * steps):.1f}" y="{_HEIGHT - 10}" text-anchor="{"end" if share == 1 else "middle"}"'
        )
        parts += [f"<text {at}>{share * steps:,.0f}</text>"]
    return "".join(parts)


def _last(point: CurvePoint) -> str:
    if point.validation is not None:
        return f"validation {described(point.validation)}"
    return f"this batch {described(point.training)}"


def _in_notebook() -> bool:
    """Whether something shows what is displayed; IPython in a terminal does not."""
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
