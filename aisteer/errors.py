"""Every error that aisteer raises on purpose.

A message says what happened, what it means for the campaign, and what to do next.
The facts behind it are attributes, so that code and widgets need not parse text.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AisteerError",
    "BadDefinition",
    "BadModel",
    "BadOutcome",
    "BadParameters",
    "BadStructure",
    "BadTrainingData",
    "BudgetExceeded",
    "DefinitionChanged",
    "EndpointError",
    "JournalDamaged",
    "JournalReadOnly",
    "JournalUnavailable",
    "LeaseHeld",
    "LeaseLost",
    "MissingExtra",
    "NeighbourOverflow",
    "NotSupported",
    "Refused",
    "Runaway",
    "SpoolError",
    "StaleRevision",
    "TrainingDiverged",
    "UnknownName",
    "Untrusted",
]


class AisteerError(Exception):
    """Base of all errors raised by aisteer.

    Args:
        message: What happened, what it means, what to do next.
        facts: What explains it, by name; also set as attributes.
    """

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.facts = facts
        for name, value in facts.items():
            setattr(self, name, value)


class BadDefinition(AisteerError, ValueError):
    """A space, objective, simulation or campaign that cannot work."""


class BadParameters(AisteerError, ValueError):
    """Parameters that are missing, unknown or outside the space."""


class BadOutcome(AisteerError, ValueError):
    """An outcome without the objective, or with a value that is not finite."""


class UnknownName(AisteerError, KeyError):
    """A proposal, run, task or campaign that does not exist."""

    def __str__(self) -> str:
        return str(self.args[0])


class Refused(AisteerError):
    """A command that the journal did not accept. Nothing was written."""


class StaleRevision(Refused):
    """A command made on a revision that has changed since."""


class BudgetExceeded(Refused):
    """An acceptance that the budget does not cover."""


class LeaseLost(Refused):
    """A driver's command after another driver took over the campaign."""


class LeaseHeld(Refused):
    """Another driver is at work on the campaign."""


class DefinitionChanged(AisteerError):
    """A campaign of this name exists with another definition."""


class JournalDamaged(AisteerError):
    """A journal that is not ours, is damaged, or contradicts itself."""


class JournalReadOnly(AisteerError):
    """A journal that can be read but not written: newer, on read-only storage, or not ours to drive."""


class JournalUnavailable(AisteerError):
    """A journal that could not be written just now: full disk, locked too long, no connection. Nothing was lost."""


class SpoolError(AisteerError):
    """A spool that is missing, foreign, full or cannot be written."""


class EndpointError(AisteerError):
    """An endpoint that cannot be reached or refuses the work."""


class NotSupported(AisteerError):
    """Something this simulation or endpoint cannot do; the message says why."""


class BadModel(AisteerError, ValueError):
    """A model file that cannot be read or is of another kind, or models that do not belong together."""


class BadStructure(AisteerError, ValueError):
    """Positions, a cell or types that a model cannot evaluate; the message says which frame and atom."""


class BadTrainingData(AisteerError, ValueError):
    """Labelled frames that cannot be trained on; the message says which file, frame and atom."""


class TrainingDiverged(AisteerError):
    """A loss that is not finite any more; what was saved before stands."""


class NeighbourOverflow(BadStructure):
    """An atom with more neighbours than the model was made for (its ``sel``)."""


class Runaway(AisteerError):
    """Molecular dynamics that left what its model can describe: atoms on top of each other, no number, far too hot."""


class Untrusted(AisteerError):
    """Code or a model file of someone else, without ``trust=True``."""


class MissingExtra(AisteerError, ImportError):
    """An optional part of aisteer is not installed."""
