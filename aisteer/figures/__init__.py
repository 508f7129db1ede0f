"""Figures for reports: one specification, drawn for print, with data and provenance beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aisteer.errors import UnknownName

if TYPE_CHECKING:
    from aisteer.figures.saving import Figure
    from aisteer.figures.source import Campaign

__all__ = ["KINDS", "figure"]

KINDS = (
    "convergence",
    "surrogate",
    "slices",
    "sensitivity",
    "predictions",
    "calibration",
    "pareto",
    "observations",
)


def figure(campaign: Campaign, kind: str, *, task: str | None = None, **options: Any) -> Figure:
    """A figure of a campaign as it stands now.

    Args:
        campaign: The campaign.
        kind: ``convergence``: best so far beside the random arm; ``surrogate``: what is believed, along
            ``x=``, over ``x=`` and ``y=``, or across the pool; ``slices``: along each parameter through one point;
            ``sensitivity``: which parameter drives it; ``predictions``: measured against predicted, before the runs and
            from the other runs; ``calibration``: whether predictions held, by level and over time; ``pareto``: several
            objectives against each other;
            ``observations``: the curves of ``runs=``, of the quantities ``y=`` over ``x=``.
        task: The task, where there are several.
        **options: What the kind takes.

    Raises:
        UnknownName: There is no such kind, option, task, run or parameter.

    Example:
        ``campaign.figure("surrogate", x="temperature").save("surrogate.pdf")``
    """
    from aisteer.figures.provenance import provenance
    from aisteer.figures.saving import Figure
    from aisteer.figures.source import Source
    from aisteer.figures.spec import Spec

    make = _maker(kind)
    _check(kind, make, options)
    source = Source(campaign, task)
    panels, tasks, runs = make(source, **options)
    known = provenance(source, kind, tasks, options, runs)
    return Figure(Spec(kind, panels, provenance=known))


def _maker(kind: str) -> Callable[..., Any]:
    from importlib import import_module

    if kind not in KINDS:
        raise UnknownName(
            f"There is no figure {kind!r}; there are {', '.join(KINDS)}. Nothing was drawn.", kind=kind
        )
    maker: Callable[..., Any] = getattr(import_module(f"aisteer.figures.{kind}"), kind)
    return maker


def _check(kind: str, make: Callable[..., Any], options: dict[str, Any]) -> None:
    from inspect import signature

    known = [name for name in signature(make).parameters if name != "source"]
    for name in options:
        if name not in known:
            offered = f"It takes {', '.join(known)}." if known else "It takes none."
            raise UnknownName(f"The figure {kind!r} has no option {name!r}. {offered}", option=name)
