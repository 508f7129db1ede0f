"""Measured against predicted: as it was predicted before each run, and by the present fit from the other runs."""

from __future__ import annotations

from aisteer.errors import NotSupported
from aisteer.figures.calibration import parity, predicted_before
from aisteer.figures.source import Source
from aisteer.figures.spec import Axis, Panel

__all__ = ["predictions"]


def predictions(source: Source) -> tuple[list[Panel], list[str], list[str]]:
    """Two panels: before the runs, from the journal; and leave-one-out, with hyper-parameters that are not refitted."""
    from aisteer.steering.beliefs import at_runs
    from aisteer.steering.policies import policy

    before, runs, _ = predicted_before(source)
    words = "predicted from the other runs"
    try:
        known = at_runs(
            policy(source.definition, source.campaign.space(source.task), folder=source.code_folder),
            source.evidence,
        )
    except NotSupported as error:
        return (
            [before, Panel(Axis(words, source.objective.unit), source.axis, note=str(error))],
            [source.task],
            runs,
        )
    origin = {d.run: d.origin for d in source.evidence.data}
    others = parity(
        source,
        words,
        origins=[origin[name] for name in known["runs"]],
        names=known["runs"],
        mean=known["loo_mean"],
        std=known["loo_std"],
        value=known["measured"],
        error=known["error"],
    )
    known_runs = [name for name in known["runs"] if origin[name] != "prior"]
    return [before, others], [source.task], list(dict.fromkeys([*runs, *known_runs]))
