"""A spool's root: made once, for one campaign, and known by that campaign's nonce."""

from __future__ import annotations

import os

from . import files

FORMAT = 2
FOLDERS = ("attempts", "claimants", "code", "ends", "lots")


class NoRoot(Exception):
    """There is no spool of this campaign; the message says what is there.

    Attributes:
        gone: Whether it may have been there before, and come back.
    """

    def __init__(self, words: str, *, gone: bool = False) -> None:
        super().__init__(words)
        self.gone = gone


def expanded(root: str) -> str:
    """A root with ``~`` and environment variables as they are here, links followed.

    Raises:
        NoRoot: A variable is not set here, or it is no absolute path.
    """
    path = os.path.expanduser(os.path.expandvars(root))
    if "$" in path:
        unset = "$" + path.partition("$")[2].partition("/")[0]
        raise NoRoot(
            f"{unset[:80]} in the spool's root {root[:200]!r} is not set where the endpoint's workers are. Nothing was "
            "made. Set it in the endpoint's environment, or name the folder without it."
        )
    if not os.path.isabs(path) or "\x00" in path:
        raise NoRoot(
            f"The spool's root {root[:200]!r} is not an absolute path where the endpoint's workers are. Nothing was "
            "made. Begin it with /, ~ or a variable such as $SCRATCH."
        )
    return os.path.realpath(path)


def make(root: str, nonce: str) -> None:
    """Make a root, marked with the campaign's nonce, or bring one of an earlier format up to date.

    Raises:
        OSError: It cannot be made.
    """
    for name in FOLDERS:
        os.makedirs(os.path.join(root, name), exist_ok=True)
    files.write_whole(os.path.join(root, "spool.json"), files.encode({"format": FORMAT, "nonce": nonce}))


_nonces: dict[tuple[str, int, int], str] = {}


def nonce_of(root: str) -> str:
    """The campaign's mark in ``spool.json``; empty where there is no spool. Read again when the file changed."""
    path = os.path.join(root, "spool.json")
    try:
        info = os.lstat(path)
    except OSError:
        return ""
    key = (root, info.st_ino, info.st_mtime_ns)
    if key not in _nonces:
        _nonces.clear()
        _nonces[key] = str((files.read_json(path) or {}).get("nonce") or "")
    return _nonces[key]


def check(root: object, nonce: object) -> str:
    """The root, if it is this campaign's.

    Raises:
        NoRoot: It is not.
    """
    if not isinstance(root, str) or not os.path.isabs(root):
        raise NoRoot(f"{str(root)[:200]!r} is no spool's root: it has to be an absolute path")
    found = nonce_of(root)
    if not found:
        words = f"{root} is no spool: spool.json is missing. It may be unmounted, removed or purged"
        raise NoRoot(words, gone=True)
    if not isinstance(nonce, str) or found != nonce:
        raise NoRoot(
            f"{root} is another campaign's spool: its nonce is another one. Nothing was read or written",
            gone=True,
        )
    return root
