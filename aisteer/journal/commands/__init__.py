"""What can be asked of a campaign, and the gate that answers.

``handle(state, command, now)`` is pure: it looks at the state at the head of the journal and returns
the events to append, or raises ``Refused``. The store calls it inside the write transaction, so
everything checked here (the accepting decision, the budget, the lease, at-most-once launch, the
revision a human saw) holds at the moment of the commit, whoever else writes.
"""

from __future__ import annotations

from aisteer.journal.commands.attempts import Launch, LaunchRequest, Report
from aisteer.journal.commands.budget import SetBudget
from aisteer.journal.commands.campaign import Define, Pause, Redefine, SetAutonomy, Start
from aisteer.journal.commands.command import Command
from aisteer.journal.commands.data import AddData, MarkData
from aisteer.journal.commands.decisions import Accept, Decide, Edit, Reject, Undo, Verdict
from aisteer.journal.commands.drafts import Draft, existing, point_key
from aisteer.journal.commands.driving import Fitted, TakeLease
from aisteer.journal.commands.gate import handle
from aisteer.journal.commands.notes import Note, Trouble
from aisteer.journal.commands.proposals import Predict, Propose, Withdraw
from aisteer.journal.commands.runs import Mark, Request, Resume
from aisteer.journal.commands.steering import SETTINGS, Steer, Unsteer, checked

__all__ = [
    "SETTINGS",
    "Accept",
    "AddData",
    "Command",
    "Decide",
    "Define",
    "Draft",
    "Edit",
    "Fitted",
    "Launch",
    "LaunchRequest",
    "Mark",
    "MarkData",
    "Note",
    "Pause",
    "Predict",
    "Propose",
    "Redefine",
    "Reject",
    "Report",
    "Request",
    "Resume",
    "SetAutonomy",
    "SetBudget",
    "Start",
    "Steer",
    "TakeLease",
    "Trouble",
    "Undo",
    "Unsteer",
    "Verdict",
    "Withdraw",
    "checked",
    "existing",
    "handle",
    "point_key",
]
