"""The state of a campaign: a pure fold of its events.

``apply(state, record)`` is the only place where state changes. Proposals and runs are frozen:
a change replaces the whole value, so a snapshot that a reader holds never moves under it.
"""

from __future__ import annotations

# Each of them says what its events do.
from aisteer.journal.state import (  # noqa: F401
    attempt_fold,
    campaign_fold,
    data_fold,
    proposal_fold,
    run_fold,
    steering_fold,
)
from aisteer.journal.state.cost import estimate_cost, priced
from aisteer.journal.state.fold import apply
from aisteer.journal.state.proposal import Decision, Proposal
from aisteer.journal.state.run import Attempt, Control, Run
from aisteer.journal.state.state import Searchable, State, Totals

__all__ = [
    "Attempt",
    "Control",
    "Decision",
    "Proposal",
    "Run",
    "Searchable",
    "State",
    "Totals",
    "apply",
    "estimate_cost",
    "priced",
]
