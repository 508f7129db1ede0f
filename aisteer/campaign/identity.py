"""Who is at the keyboard, and how that is known."""

from __future__ import annotations

import getpass
import os

from aisteer.journal.events import Actor

__all__ = ["human"]


def human() -> Actor:
    """The person whose calls these are.

    The hub's user where a hub started this process (``verified:hub``); else the machine's user,
    which anybody with the machine could claim to be (``claimed``).
    """
    name = os.environ.get("JUPYTERHUB_USER", "")
    if name and os.environ.get("JUPYTERHUB_API_TOKEN") and os.environ.get("JUPYTERHUB_API_URL"):
        return Actor("human", name, "verified:hub")
    try:
        return Actor("human", getpass.getuser())
    except (KeyError, OSError):
        return Actor("human", f"user {os.getuid()}")
