"""What is wrong while a campaign is driven, told to the journal, and when it is over."""

from __future__ import annotations

from collections.abc import Callable

from aisteer.errors import AisteerError
from aisteer.journal import commands as cmd
from aisteer.journal.events import Actor
from aisteer.journal.store import Journal

__all__ = ["Troubles"]


class Troubles:
    """Each trouble by its source, until that source is seen to work again.

    The driver's thread and the thinker's call it. What the journal cannot take is kept here and not raised.

    Args:
        journal: Where they are noted, and noted as solved.
        actor: Who says so.
        log: Called with the words of each as it is met.
    """

    def __init__(self, journal: Journal, actor: Actor, log: Callable[[str], None]) -> None:
        self._journal = journal
        self._actor = actor
        self._log = log
        self._known: dict[str, str] = {}
        """What stands in no journal, by its source, the latest last."""
        self._over: set[str] = set()
        """Sources that work again, of which the journal does not say so yet."""

    @property
    def latest(self) -> str:
        """The latest of what is wrong and could not be written into the journal; empty if there is nothing."""
        return ["", *self._known.values()][-1]

    def note(self, source: str, message: str, run: str | None = None) -> None:
        """Something is wrong; where the journal cannot take that, it is kept here."""
        self._over.discard(source)
        self._log(message)
        try:
            self._journal.submit(cmd.Trouble(actor=self._actor, source=source, message=message, run=run))
        except (AisteerError, OSError) as error:
            self.keep(source, f"{message} ({error})")
        else:
            self._known.pop(source, None)

    def keep(self, source: str, words: str) -> None:
        """Keep what the journal does not say."""
        self._known.pop(source, None)
        self._known[source] = words

    def forget(self) -> None:
        """Let go of what is kept here: what still stands is met again."""
        self._known.clear()

    def works(self, source: str) -> None:
        """What may have been in trouble, for this driver or an earlier one, is not."""
        if source in self._known or source in self._journal.state.troubles:
            self.solved(source)

    def solved(self, source: str) -> None:
        """What was in trouble is not."""
        self._known.pop(source, None)
        self._over.add(source)
        self.settle()

    def settle(self) -> None:
        """Tell the journal which troubles are over. What it does not take is said again with the next call."""
        for source in list(self._over):
            try:
                if source in self._journal.state.troubles:
                    solved = cmd.Trouble(actor=self._actor, source=source, message="", solved=True)
                    self._journal.submit(solved)
            except (AisteerError, OSError) as error:
                self.keep("journal", str(error))
                return
            self._over.discard(source)
        self._known.pop("journal", None)

    # --- observations -------------------------------------------------------------------------

    def gap(self, run: str, words: str) -> None:
        """Observations of a run are missing."""
        self.note(f"observations of {run}", f"{run}: {words}. What had arrived before is kept.", run)

    def unkept(self, run: str, why: str) -> None:
        """Observations of a run cannot be mirrored now."""
        self.note(
            _mirror(run),
            f"{run}: its observations cannot be kept now ({why}). Nothing is lost: they stand in the spool and "
            "are read again until there is room. Make room on the disk of the campaign's folder.",
            run,
        )

    def kept(self, run: str) -> None:
        """Observations of a run are mirrored."""
        self.works(_mirror(run))


def _mirror(run: str) -> str:
    return f"mirror of {run}"
