"""What a figure says, apart from how it is drawn: panels, layers, axes with units, where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aisteer.problem.units import label

__all__ = ["Array", "Axis", "Band", "Layer", "Line", "Marks", "Panel", "Spec", "Surface", "Who"]

Array = NDArray[np.float64]
Json = dict[str, Any]

Who = Literal["ai", "human", "random", "rule", "elsewhere", "live", "belief", "ideal"]
"""Whose it is. Each has its own shape and its own colour in every figure."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: a name or words, its unit (empty where there is none) and ``linear`` or ``log``.

    With ``options`` it has places instead of numbers: 0 is the first of them.
    """

    label: str
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    options: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Label with unit, as printed: ``ionisation_energy`` reads as ``ionisation energy (eV)``."""
        return label(self.label, self.unit)


@dataclass(frozen=True, slots=True)
class Marks:
    """Points ``x``, ``y`` of shape ``n``, with errors of the same shape where they are known.

    ``names`` says what each point is (a run, a candidate); it stands in the data, not in the picture. ``faint``
    ones stand back behind the others; ``empty`` ones are drawn without filling: they do not count.
    """

    label: str
    who: Who
    x: Array
    y: Array
    x_error: Array | None = None
    y_error: Array | None = None
    names: Sequence[str] = ()
    faint: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A curve through ``x``, ``y`` of shape ``n``; ``stepped`` holds each value until the next."""

    label: str
    who: Who
    x: Array
    y: Array
    stepped: bool = False
    series: int = 0
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """The area between ``low`` and ``high`` over ``x``, each of shape ``n``."""

    label: str
    who: Who
    x: Array
    low: Array
    high: Array


@dataclass(frozen=True, slots=True)
class Surface:
    """Values ``z`` of shape ``ny x nx`` over a grid ``x`` (``nx``), ``y`` (``ny``)."""

    axis: Axis
    x: Array
    y: Array
    z: Array


Layer = Marks | Line | Band | Surface


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes with its layers, drawn in order; ``note`` stands inside it."""

    x: Axis
    y: Axis
    layers: Sequence[Layer] = ()
    title: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole figure.

    Attributes:
        kind: Which figure it is.
        panels: Side by side, at most ``columns`` in a row.
        provenance: Where it came from; see ``aisteer.figures.provenance``.
    """

    kind: str
    panels: Sequence[Panel]
    columns: int = 2
    provenance: Json = field(default_factory=dict)
