"""Where a campaign of any name lives: a safe, readable, unique folder (or PostgreSQL schema)."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

from aisteer.errors import BadDefinition

__all__ = ["folder_for", "root", "schema_for"]

LONGEST = 60
_SAFE = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*", re.ASCII)
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}
)


def root() -> Path:
    """The folder of all campaigns: ``$AISTEER_CAMPAIGNS``, or ``campaigns`` in the working folder."""
    return Path(os.environ.get("AISTEER_CAMPAIGNS") or "campaigns")


def folder_for(name: str, root: Path) -> Path:
    """The folder of the campaign ``name`` below ``root``.

    A plain name (lower-case letters, digits, ``-``, ``_``, inner dots) is its own folder. Any other
    becomes what is readable of it and a hash, so that two names never share a folder, not even
    where the file system ignores case.

    Raises:
        BadDefinition: The name is empty.
    """
    return root / _slug(name, LONGEST)


def schema_for(folder: Path) -> str:
    """The PostgreSQL schema of the campaign in ``folder``."""
    return "aisteer_" + _slug(folder.name, 48).replace(".", "-")


def _slug(name: str, longest: int) -> str:
    if not name.strip():
        raise BadDefinition("A campaign needs a name, such as ai.Campaign('copper-melt', …).")
    if len(name) <= longest and _SAFE.fullmatch(name) and name.partition(".")[0] not in _RESERVED:
        return name
    plain = unicodedata.normalize("NFKD", name[:200]).encode("ascii", "ignore").decode().lower()
    readable = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: longest - 11].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{readable or 'campaign'}-{digest}"
