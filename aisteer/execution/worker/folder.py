"""An attempt's folder, made when something is put there: many attempts leave nothing but their end."""

from __future__ import annotations

import os


def make_folder(path: str) -> None:
    """Make an attempt's folder; a repeat is harmless. Never the spool's root, nor its ``attempts``.

    Raises:
        OSError: It cannot be made; FileNotFoundError where there is no spool (any more).
    """
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_parent(path)
        try:
            os.mkdir(path)
        except FileExistsError:
            return


def make_parent(path: str) -> None:
    """Make the folder ``attempts/<xx>`` in which an attempt's folder or claim stands."""
    try:
        os.mkdir(os.path.dirname(path))
    except FileExistsError:
        return


class Folder:
    """Where an attempt's files are.

    Args:
        path: The folder.
        made: Whether it is there: one whose request stands in a lot is not, at first.
    """

    def __init__(self, path: str, *, made: bool) -> None:
        self.path = path
        self.made = made

    def need(self) -> str:
        """Its path, for something that is put there. Raises OSError when it cannot be made."""
        if not self.made:
            make_folder(self.path)
            self.made = True
        return self.path
