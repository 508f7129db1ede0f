"""Whether a run that is done can be the best, or on the front; and why not."""

from __future__ import annotations

from aisteer.journal.state import Run, State
from aisteer_widgets.view_models.tasks import task_of

__all__ = ["aside"]


def aside(state: State, run: Run) -> str:
    """Why a run does not count among the best, in words; empty where it does.

    Below the highest fidelity it says what the truth may be, and is not it; and it has to meet what is asked of
    outcomes, all of which it must have.
    """
    known = task_of(state, run.task)
    if known.fidelity is not None and not known.fidelity.true(run.parameters):
        return "at a lower fidelity"
    outcomes = {name: pair[0] for name, pair in run.outcome.items()}
    return "" if known.goals is None or known.goals.met(outcomes) else "not feasible"
