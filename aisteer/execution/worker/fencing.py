"""Fencing: telling whoever may still execute an attempt that a later one takes its place."""

from __future__ import annotations

import os

from . import files
from .claim import Claimant, fence_token, is_claimed
from .folder import make_folder


def fence(root: str, path: str, epoch: int) -> None:
    """Fence an attempt; one that nobody has claimed is claimed here, so that nobody ever starts it.

    Args:
        root: The spool's root.
        path: The attempt's folder, which is made if it is not there.
        epoch: The epoch that launches the later attempt.

    Raises:
        OSError: It could not be written: the later attempt must not begin.
    """
    make_folder(path)
    files.write_whole(os.path.join(path, "fenced"), files.encode({"epoch": epoch}))
    if not is_claimed(path):
        claimant = Claimant(root, fence_token())
        claimant.claim(path)
        claimant.forget()
