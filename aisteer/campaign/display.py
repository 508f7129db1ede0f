"""Finding the board: whoever registered under ``aisteer.display`` shows the campaign."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign

__all__ = ["show"]


def show(campaign: Campaign) -> None:
    """Show the campaign's board in the cell; without one, or without a front end, its summary."""
    from IPython import get_ipython
    from IPython.display import display

    if hasattr(get_ipython(), "kernel"):
        for entry in entry_points(group="aisteer.display"):
            try:
                board = entry.load()
            except ImportError:
                continue  # the screen's packages are not installed
            board(campaign)
            return
    display(campaign._repr_mimebundle_(), raw=True)
