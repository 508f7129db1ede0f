"""Names that come from outside, and where in a spool they may lead: nowhere else, and through no link."""

from __future__ import annotations

import os
import re

KEY = re.compile(r"[0-9A-Za-z]{4,64}-[0-9]{1,6}")
"""An attempt: ``<uuid>-<number>``."""
NONCE = re.compile(r"[0-9A-Za-z_-]{1,128}")
_CHECKPOINT = re.compile(rf"attempts/([0-9A-Za-z]{{2}})/({KEY.pattern})/checkpoints/[0-9]{{1,9}}")


class BadName(ValueError):
    """Somebody named what is no part of a spool; the message says what."""


def folder_of(key: object) -> str:
    """The folder of an attempt, relative to the root.

    Raises:
        BadName: That is no attempt.
    """
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise BadName(f"{str(key)[:80]!r} is no attempt")
    return f"attempts/{key[:2]}/{key}"


def key_of(folder: object) -> str:
    """The attempt whose folder (relative to the root) this is.

    Raises:
        BadName: It is no attempt's folder.
    """
    key = folder.rpartition("/")[2] if isinstance(folder, str) else folder
    if folder_of(key) != folder:
        raise BadName(f"{str(folder)[:80]!r} is not an attempt's folder")
    return str(key)


def home(root: str, key: object) -> str:
    """The path of an attempt's folder, whether it is there or not.

    Raises:
        BadName: That is no attempt, or there is a link on the way: it could lead anywhere.
    """
    path = os.path.join(root, folder_of(key))
    for place in (os.path.dirname(path), path):
        if os.path.islink(place):
            raise BadName(f"{os.path.relpath(place, root)} is a link, which a spool has none of")
    return path


def checkpoint_of(path: object) -> tuple[str, str]:
    """The key and the folder of the attempt that a checkpoint's path (relative to the root) names.

    Raises:
        BadName: It is no checkpoint's path.
    """
    found = _CHECKPOINT.fullmatch(path) if isinstance(path, str) else None
    if found is None or found[2][:2] != found[1]:
        raise BadName(f"{str(path)[:80]!r} is no checkpoint")
    return found[2], folder_of(found[2])
