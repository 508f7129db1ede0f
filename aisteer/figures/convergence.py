"""Best so far: what the campaign found, beside a random arm that was really run."""

from __future__ import annotations

import numpy as np

from aisteer.figures.source import Outcomes, Source
from aisteer.figures.spec import Axis, Layer, Line, Marks, Panel, Who

__all__ = ["convergence"]

Z95 = 1.959963984540054
WORDS: dict[Who, str] = {
    "ai": "AI's runs",
    "human": "own runs",
    "random": "random runs",
    "rule": "runs by rule",
    "elsewhere": "measured elsewhere",
}


def convergence(source: Source) -> tuple[list[Panel], list[str], list[str]]:
    """Outcomes in the order in which runs ended, and the best until then.

    Returns:
        Panels, the tasks shown, and the runs shown.
    """
    campaign = source.outcomes()
    layers = [*_marks(campaign), _best(source, campaign, "best so far", "ai")]
    tasks, runs = [source.task], list(campaign.names)
    if source.baseline:
        arm = Source(source.campaign, source.baseline)
        drawn = arm.outcomes()
        layers = [*_marks(drawn), _best(arm, drawn, "best so far, random arm", "random"), *layers]
        tasks.append(source.baseline)
        runs += drawn.names
    note = "" if runs else "No run has ended with an outcome yet."
    panel = Panel(Axis("runs ended"), source.axis, layers if runs else [], note=note)
    return [panel], tasks, runs


def _marks(outcomes: Outcomes) -> list[Layer]:
    found: list[Layer] = []
    for who, words in WORDS.items():
        places = outcomes.of(who)
        if places:
            ended = np.array(places, dtype=np.float64) + 1
            names = [outcomes.names[i] for i in places]
            value, error = outcomes.value[places], outcomes.error[places]
            found.append(Marks(words, who, ended, value, y_error=Z95 * error, names=names))
    return found


def _best(source: Source, outcomes: Outcomes, label: str, who: Who) -> Line:
    sign = source.objective.sign
    best = sign * np.maximum.accumulate(sign * outcomes.value)
    ended = np.arange(1, len(best) + 1, dtype=np.float64)
    return Line(label, who, ended, best, stepped=True, names=outcomes.names)
