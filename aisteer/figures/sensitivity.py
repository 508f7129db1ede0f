"""Which parameter drives the surrogate."""

from __future__ import annotations

import numpy as np

from aisteer.errors import NotSupported
from aisteer.figures.source import Source
from aisteer.figures.spec import Axis, Layer, Marks, Panel, Who
from aisteer.problem.units import label

__all__ = ["sensitivity"]

SHOWN = 20


def sensitivity(source: Source) -> tuple[list[Panel], list[str], list[str]]:
    """Shares of the variance of the predicted mean over the space: alone, and with others.

    Bars are 95 % intervals of the estimate, not of the surrogate's own doubt. See ``aisteer.steering.influence``.
    """
    from aisteer.steering.influence import influence
    from aisteer.steering.policies import policy

    share = Axis("share of the predicted mean's variance")
    runs = list(source.outcomes().names)
    try:
        known = influence(
            policy(source.definition, source.campaign.space(source.task), folder=source.code_folder),
            source.evidence,
        )
    except NotSupported as error:
        return [Panel(share, Axis("parameter"), note=str(error))], [source.task], []
    order = np.argsort(known["total"], kind="stable")[-SHOWN:]
    names = tuple(str(known["names"][i]) for i in order)
    places = np.arange(len(order), dtype=np.float64)
    layers: list[Layer] = []
    looks: tuple[tuple[str, str, Who], ...] = (
        ("total", "in all, with others", "ideal"),
        ("first", "alone", "belief"),
    )
    for which, said, who in looks:
        half = (known[f"{which}_high"] - known[f"{which}_low"])[order] / 2
        layers.append(Marks(said, who, known[which][order], places, x_error=half, names=names))
    parameters = Axis("", options=tuple(label(name) for name in names))
    return [Panel(share, parameters, layers, title="bars: 95 %")], [source.task], runs
