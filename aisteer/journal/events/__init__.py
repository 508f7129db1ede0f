"""What can happen to a campaign: typed, versioned, append-only events.

An event is data: JSON-able fields, a ``kind`` and a ``version``. Events are never rewritten; an
older version is lifted to the present one by a pure function in ``LIFTS``. A kind or version this
release does not know makes the journal open read-only (see ``aisteer.journal.store``).
"""

from __future__ import annotations

from aisteer.journal.events.attempts import AttemptEnded, AttemptLaunched, AttemptMoved, End
from aisteer.journal.events.campaign import (
    AutonomyChanged,
    BudgetChanged,
    CampaignDefined,
    CampaignPaused,
    CampaignRedefined,
    CampaignStarted,
)
from aisteer.journal.events.data import DataAdded, DataMarked
from aisteer.journal.events.decisions import (
    DecisionUndone,
    ProposalAccepted,
    ProposalEdited,
    ProposalRejected,
)
from aisteer.journal.events.driving import LeaseTaken, SurrogateFitted
from aisteer.journal.events.encoding import decode, encode, stored
from aisteer.journal.events.kinds import KINDS, LIFTS, Event, Json, Unknown
from aisteer.journal.events.notes import NoteWritten, TroubleNoted
from aisteer.journal.events.proposals import (
    STARTS,
    Action,
    Origin,
    ProposalMade,
    ProposalPredicted,
    ProposalWithdrawn,
)
from aisteer.journal.events.record import Actor, Record
from aisteer.journal.events.runs import (
    ControlAcknowledged,
    ControlRequested,
    RunClosed,
    RunMarked,
    RunResumed,
)
from aisteer.journal.events.steering import Steered

__all__ = [
    "KINDS",
    "LIFTS",
    "STARTS",
    "Action",
    "Actor",
    "AttemptEnded",
    "AttemptLaunched",
    "AttemptMoved",
    "AutonomyChanged",
    "BudgetChanged",
    "CampaignDefined",
    "CampaignPaused",
    "CampaignRedefined",
    "CampaignStarted",
    "ControlAcknowledged",
    "ControlRequested",
    "DataAdded",
    "DataMarked",
    "DecisionUndone",
    "End",
    "Event",
    "Json",
    "LeaseTaken",
    "NoteWritten",
    "Origin",
    "ProposalAccepted",
    "ProposalEdited",
    "ProposalMade",
    "ProposalPredicted",
    "ProposalRejected",
    "ProposalWithdrawn",
    "Record",
    "RunClosed",
    "RunMarked",
    "RunResumed",
    "Steered",
    "SurrogateFitted",
    "TroubleNoted",
    "Unknown",
    "decode",
    "encode",
    "stored",
]
