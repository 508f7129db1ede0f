"""Whether the surrogate is to be trusted, in the user's hands: in words, and as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aisteer.campaign.preformatted import in_lines, preformatted
from aisteer.problem.frames import data_frame
from aisteer.problem.goals import Goals

if TYPE_CHECKING:
    import pandas as pd

    from aisteer.campaign.campaign import Campaign
    from aisteer.journal.state import State
    from aisteer.surrogates.calibration import Calibration

__all__ = ["Trust", "trust", "warning"]

Json = dict[str, Any]


class Trust:
    """How predictions have held, as it was read: ``campaign.trust()``.

    Predictions made before runs are counted at this very moment: what ended or was marked bad just now counts.
    What is said of the fit is said of the last one.

    Attributes:
        task: The task.
        surrogate: What the last fit was made with; empty before the first one.
        fitted_on: How many outcomes that fit saw.
        calibrations: Outcome to how its predictions held that were made before the runs; the first goal's first.
        skills: Outcome to how each is predicted from the others (``rmse``, ``explained``, ``inside``, ``nll``,
            ``words``); absent where there is no fit, or too little to say.
        notes: Outcome to what else a reader should know of its fit.
    """

    def __init__(self, state: State, task: str) -> None:
        from aisteer.steering.evidence import evidence
        from aisteer.steering.predictors import predicted_by
        from aisteer.steering.rolling import rolling
        from aisteer.surrogates.calibration import calibration

        self.task = task
        fit = state.models.get(task)
        summary: Json = fit.summary if fit else {}
        seen = evidence(state, task)
        data, made_by = seen.data, seen.made_by
        by = predicted_by(made_by, made_by[-1][1]) if made_by else lambda _: True
        self.surrogate = str(summary.get("kernel") or "")
        self.fitted_on = fit.runs if fit else 0
        self.calibrations: dict[str, Calibration] = {}
        self.skills: dict[str, Json] = {}
        self.notes: dict[str, str] = {}
        for outcome in Goals.of(state.definition["tasks"][task]).outcomes:
            known: Json = (summary.get("outcomes") or {outcome: summary}).get(outcome) or {}
            self.calibrations[outcome] = calibration(
                *rolling(data, outcome, float(known.get("noise") or 0.0), by)
            )
            if known.get("skill"):
                self.skills[outcome] = dict(known["skill"])
            if known.get("words"):
                self.notes[outcome] = str(known["words"])

    @property
    def calibration(self) -> Calibration:
        """That of the first goal's outcome."""
        return next(iter(self.calibrations.values()))

    @property
    def trusted(self) -> bool:
        """Whether the predictions of all outcomes have held as often as they said, on enough of them, without drift."""
        return all(one.trusted for one in self.calibrations.values())

    def frame(self) -> pd.DataFrame:
        """A table, one row per outcome.

        Raises:
            MissingExtra: pandas is not installed.
        """
        return data_frame([self._row(outcome) for outcome in self.calibrations], index="outcome")

    def _row(self, outcome: str) -> Json:
        known, skill = self.calibrations[outcome], self.skills.get(outcome, {})
        row: Json = {"outcome": outcome, "trusted": known.trusted, "inside": known.inside, "of": known.of}
        row |= {"low": known.low, "high": known.high, "bound": known.bound, "nll": known.nll}
        for name, part in (("acquired", known.acquired), ("audit", known.audit)):
            row |= {
                f"{name} inside": part.inside if part else None,
                f"{name} of": part.of if part else None,
            }
        drifted = known.drift.found if known.drift else None
        return {
            **row,
            "drifted": drifted,
            "left out rmse": skill.get("rmse"),
            "left out explained": skill.get("explained"),
        }

    def __repr__(self) -> str:
        lines = [f"Surrogate of {self.task!r:.80}: {self.surrogate}, fitted on {self.fitted_on:,} outcomes"]
        if not self.surrogate:
            lines = [
                f"Surrogate of {self.task!r:.80}: none yet, it begins when three runs with an outcome have ended"
            ]
        for outcome, known in self.calibrations.items():
            said = [known.words, self.skills.get(outcome, {}).get("words", ""), self.notes.get(outcome, "")]
            whose = f"{outcome}: " if len(self.calibrations) > 1 else ""
            lines += [f"  {whose}{words}" for words in said if words]
        return "\n".join(lines)

    def __str__(self) -> str:
        return in_lines(repr(self))

    def _repr_html_(self) -> str:
        return preformatted(repr(self))


def trust(campaign: Campaign, task: str | None) -> Trust:
    """See ``Campaign.trust``."""
    name = campaign.task_named(task)
    campaign.journal.refresh()
    with campaign.journal.lock:
        return Trust(campaign.journal.state, name)


def warning(summary: Mapping[str, Any]) -> str:
    """Why the surrogate of a fit should not be trusted, in the fit's own words; empty where nothing speaks against it.

    Args:
        summary: Of the fit, as it stands in the journal.
    """
    from aisteer.surrogates.calibration import NEEDED

    each: Json = summary.get("outcomes") or {"": summary}
    found = []
    for outcome, one in each.items():
        known = one.get("calibration") or {}
        if int(known.get("of") or 0) >= NEEDED and not known.get("trusted") and known.get("words"):
            found.append(f"{outcome}: {known['words']}" if outcome else str(known["words"]))
    return " ".join(found)
