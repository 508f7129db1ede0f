"""Fencing: telling whoever may still execute an attempt that a later one takes its place."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from . import files
from .claim import Claimant, bring_out, claim_path, fence_token
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
    close(root, [path])


def close(root: str, paths: Iterable[str]) -> None:
    """See to it that attempts which are over are never executed again, whatever becomes of their folders.

    A claim is what says so, and it is never removed: whoever still has the request finds it. One that nobody has
    claimed is claimed here.

    Args:
        root: The spool's root.
        paths: The attempts' folders, whether they are there or not.

    Raises:
        OSError: A claim could not be written.
    """
    claimant = Claimant(root, fence_token())
    try:
        for path in paths:
            if os.path.lexists(claim_path(path)):
                continue
            bring_out(path)
            claimant.claim(path)
            if not os.path.lexists(claim_path(path)):
                raise OSError(errno.EIO, "its claim cannot be written", claim_path(path))
    finally:
        claimant.forget()
