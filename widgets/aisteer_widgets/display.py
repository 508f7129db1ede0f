"""What a cell shows for a campaign: the live board, and beside it the summary that stays."""

from __future__ import annotations

import threading
import time
from typing import Any

from aisteer_widgets.bridge import bridge_of
from aisteer_widgets.summary import moment, static_html
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tasks import task_names

__all__ = ["show"]

EVERY = 3.0
"""Seconds between two writings of the static summary, at least: each one changes the notebook."""


def show(campaign: Any) -> None:
    """Display the live board of ``campaign``, and keep a static summary in the notebook.

    A board of this campaign that is shown already is shown again, not made again.
    """
    from IPython.display import display

    shown = _shown(campaign)
    display(shown.board)
    shown.summary.show()


class _Shown:
    """The board and the summary of one open campaign."""

    def __init__(self, campaign: Any) -> None:
        from aisteer_widgets.views import Board

        self.opened = campaign.opened
        self.board = Board(campaign)
        self.summary = Summary(campaign)

    @property
    def usable(self) -> bool:
        return self.board.comm is not None


_all: dict[int, _Shown] = {}
_guard = threading.Lock()


def _shown(campaign: Any) -> _Shown:
    with _guard:
        for key, old in list(_all.items()):
            if not old.usable:
                del _all[key]
        known = _all.get(id(campaign.opened))
        if known is None or known.opened is not campaign.opened:
            known = _all[id(campaign.opened)] = _Shown(campaign)
        return known


class Summary:
    """The static summary in the cells that show the campaign, written anew at important moments.

    Args:
        campaign: The campaign.
    """

    def __init__(self, campaign: Any) -> None:
        self.shows: tuple[str, ...] = ()
        names = task_names(campaign.state)
        self.wishes = Wishes(task=names[0] if names else "")
        self._bridge = bridge_of(campaign)
        self._handle: Any = None
        self._moment: tuple[Any, ...] = ()
        self._written = 0.0
        self._before = (self._moment, self._written)
        self._ready = ""

    def show(self) -> None:
        """Put it under the cell that runs now; the one shown before stays as it is."""
        from IPython.display import HTML, display

        scene = self._bridge.scene()
        self._moment, self._written, self._ready = moment(scene), time.monotonic(), ""
        self._handle = display(HTML(static_html(scene, self.wishes)), display_id=True)
        self._bridge.attach(self)

    def follow(self, scene: Scene) -> None:
        """Write it anew when something important has happened, and not too often."""
        now = moment(scene)
        self._before = (self._moment, self._written)
        if now == self._moment or time.monotonic() - self._written < EVERY:
            return
        self._moment, self._written = now, time.monotonic()
        self._ready = static_html(scene, self.wishes)

    def forget(self) -> None:
        """Write it anew, if it was written just now."""
        self._moment, self._written = self._before

    def part(self) -> None:
        """What was written last stays."""

    def flush(self) -> None:
        """Send it to the notebook."""
        if self._ready and self._handle is not None:
            from IPython.display import HTML

            ready, self._ready = self._ready, ""
            self._handle.update(HTML(ready))
