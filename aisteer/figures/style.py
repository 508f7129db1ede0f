"""How figures look: small, legible, and the same for readers who see colours differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aisteer.figures.spec import Who

__all__ = ["LOOKS", "SERIES", "SETTINGS", "Look"]


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, marker and dashes; hollow markers are what has no outcome yet."""

    colour: str
    marker: str
    dashes: str = "-"
    hollow: bool = False


LOOKS: dict[Who, Look] = {
    "ai": Look("#0072B2", "^"),
    "human": Look("#C75300", "D"),
    "rule": Look("#00835F", "o"),
    "random": Look("#8A5C86", "x", "--"),
    "elsewhere": Look("#5C6470", "+"),
    "live": Look("#CC79A7", "s", ":", hollow=True),
    "belief": Look("#0072B2", "", "-"),
    "ideal": Look("#000000", "", ":"),
}
"""The board's colours on a light page: Okabe and Ito's, some darker, which stay apart for all common kinds of colour
vision. Shapes differ as well, and are the board's: triangle AI, diamond human, cross random, plus elsewhere, square in
flight."""

SERIES: tuple[tuple[str, str], ...] = (
    ("#0072B2", "-"), ("#D55E00", "--"), ("#00835F", ":"), ("#B0568B", "-."),
    ("#B07800", "-"), ("#2F93C9", "--"), ("#6D6000", ":"), ("#6E6E6E", "-."),
)  # fmt: skip
"""The board's colours and dashes for curves of the same kind, such as the runs of an ensemble."""

SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 144.0,
    "savefig.dpi": 300.0,
    "image.cmap": "cividis",
    "text.usetex": False,
    "pdf.fonttype": 42,  # fonts go in whole outlines that journals accept
    "svg.fonttype": "path",  # an SVG looks the same where the font is not installed
    "svg.hashsalt": "aisteer",  # the same figure gives the same bytes
}
PANEL_WIDTH = 3.4
PANEL_HEIGHT = 2.5
LINE_HEIGHT = 0.15
"""Inches; two panels fill the width of a page."""
