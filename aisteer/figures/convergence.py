"""Best so far: what the campaign found, beside a random arm that was really run."""

from __future__ import annotations

import numpy as np

from aisteer.figures.source import ORIGINS, Outcomes, Source
from aisteer.figures.spec import Array, Axis, Layer, Line, Marks, Panel, Who
from aisteer.steering.pareto import reference_of, volumes

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
    """Outcomes in the order in which runs ended, and the best until then; of several objectives, their hypervolume.

    Returns:
        Panels, the tasks shown, and the runs shown.
    """
    arm = Source(source.campaign, source.baseline) if source.baseline else None
    tasks = [source.task, *([arm.task] if arm is not None else [])]
    if source.goals.several:
        panel, runs = _hypervolume([source, *([arm] if arm is not None else [])])
        return [panel], tasks, runs
    campaign = source.outcomes()
    layers = [*_marks(source, campaign), *_best(source, campaign, "best so far", "ai")]
    runs = list(campaign.names)
    if arm is not None:
        drawn = arm.outcomes()
        layers = [*_marks(arm, drawn), *_best(arm, drawn, "best so far, random arm", "random"), *layers]
        runs += drawn.names
    note = "" if runs else "No run has ended with an outcome yet."
    goal = getattr(source.objective, "value", getattr(source.objective, "threshold", None))
    if goal is not None and runs:
        most = max(len(campaign.names), len(runs) - len(campaign.names))
        layers.append(Line("what is sought", "ideal", np.array([1.0, most]), np.full(2, goal)))
    return [Panel(Axis("runs ended"), source.axis, layers if runs else [], note=note)], tasks, runs


def _marks(source: Source, outcomes: Outcomes) -> list[Layer]:
    found: list[Layer] = []
    for who, words in WORDS.items():
        for out in (True, False):
            places = [i for i in outcomes.of(who) if outcomes.feasible[i] != out]
            if places:
                ended = np.array(places, dtype=np.float64) + 1
                names = [outcomes.names[i] for i in places]
                value, bar = outcomes.value[places], Z95 * outcomes.error[places]
                said = f"{words}, {source.aside}" if out else words
                found.append(Marks(said, who, ended, value, y_error=bar, names=names, faint=out, empty=out))
    return found


def _best(source: Source, outcomes: Outcomes, label: str, who: Who) -> list[Layer]:
    """The best feasible value until each run; nothing where no run is better than another."""
    if not source.objective.has_best:
        return []
    worth = np.where(outcomes.feasible, source.objective.worth(outcomes.value), -np.inf)
    if not np.isfinite(worth).any():
        return []
    first = int(np.argmax(np.isfinite(worth)))
    before = np.maximum.accumulate(np.concatenate([[-np.inf], worth]))[:-1]
    place = np.maximum.accumulate(np.where(worth > before, np.arange(len(worth)), 0))[first:]
    ended = np.arange(first + 1, len(worth) + 1, dtype=np.float64)
    return [Line(label, who, ended, outcomes.value[place], stepped=True, names=outcomes.names[first:])]


def _hypervolume(arms: list[Source]) -> tuple[Panel, list[str]]:
    """What the runs of each arm dominate, from one reference, after each of them."""
    goals = arms[0].goals
    signs = np.array([one.sign for one in goals.objectives])
    given = signs * np.array(
        [np.nan if (r := getattr(one, "reference", None)) is None else r for one in goals.objectives]
    )
    tables = [_table(arm, signs) for arm in arms]
    reference = reference_of(np.concatenate([values for values, _, _ in tables]), given)
    layers: list[Layer] = []
    for arm, (values, names, whose) in zip(arms, tables, strict=True):
        if not len(values):
            continue
        steered = arm is arms[0]
        ended, volume = np.arange(1, len(values) + 1, dtype=np.float64), volumes(values, reference)
        label = "hypervolume so far" if steered else "hypervolume so far, random arm"
        layers.append(Line(label, "ai" if steered else "random", ended, volume, stepped=True, names=names))
        grew = np.diff(volume, prepend=0.0) > 0
        for who, words in WORDS.items():
            some = grew & np.array([one == who for one in whose], dtype=bool)
            if some.any():
                kept = [name for name, one in zip(names, some, strict=True) if one]
                layers.append(Marks(f"{words} that enlarged it", who, ended[some], volume[some], names=kept))
    units = [arms[0].units.get(one.outcome, "") if not one.unit else one.unit for one in goals.objectives]
    unit = " · ".join(unit for unit in units if unit)
    runs = [name for _, names, _ in tables for name in names]
    note = "" if runs else "No run has ended with all of its outcomes yet."
    kind = "derived from the runs" if np.isnan(given).any() else "as given"
    at = ", ".join(
        f"{o.outcome} {s * r:.4g}" for o, s, r in zip(goals.objectives, signs, reference, strict=True)
    )
    title = f"reference {kind}: {at}" if runs and np.isfinite(reference).all() else ""
    return Panel(Axis("runs ended"), Axis("hypervolume", unit), layers, title=title, note=note), runs


def _table(source: Source, signs: Array) -> tuple[Array, list[str], list[Who]]:
    """Objectives, larger is better and ``nan`` where a run does not count; names; and whose they are."""
    names = [one.outcome for one in source.goals.objectives]
    data = [d for d in source.evidence.data if d.origin != "prior" and all(n in d.outcomes for n in names)]
    rows = [[d.outcomes[n][0] if source.met(d) else np.nan for n in names] for d in data]
    values = signs * np.array(rows, dtype=np.float64).reshape(-1, len(names))
    return values, [d.run for d in data], [ORIGINS.get(d.origin, "ai") for d in data]
