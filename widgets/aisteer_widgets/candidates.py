"""Search in a pool, where the pool is: a page of what was found is all that travels."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer_widgets.pictures import structure
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.tasks import STRUCTURES

if TYPE_CHECKING:
    from aisteer.journal.state import State
    from aisteer.problem.pool import Pool

__all__ = ["search"]

Json = dict[str, Any]
PAGE = 40
PICTURES = 12
LONGEST = 300
"""Characters of a SMILES that is read."""


@lru_cache(maxsize=4)
def _pool(folder: Path, sha256: str) -> Pool:
    from aisteer.problem.pool import Pool

    return Pool.load(folder, sha256)


def search(folder: Path, state: State, task: str, text: str) -> Json:
    """Candidates with all the words of ``text`` in any of their columns, the exact key first.

    Where there are none and the keys are SMILES, the molecule that ``text`` means however it is written.

    Returns:
        ``items`` (``key``, ``label``, ``detail``, ``picture``) and ``words`` that say how many there are.
    """
    space = state.definition.get("tasks", {}).get(task, {}).get("space", {})
    if space.get("kind") != "pool":
        return {"items": [], "words": "This task has no pool to search."}
    pool = _pool(folder, str(space["pool"]))
    words = text.casefold().split()[:8]
    found = []
    for place, key in enumerate(pool.keys):
        row = " ".join(str(column[place]) for column in pool.columns.values()).casefold()
        if all(word in row for word in words):
            found.append((str(key).casefold() != text.strip().casefold(), place, key))
    if not found and (key := _same_molecule(pool, text.strip())):
        found.append((False, 0, key))
    found.sort(key=lambda f: (f[0], f[1]))
    items = [_item(pool, key, pictures=i < PICTURES) for i, (_, _, key) in enumerate(found[:PAGE])]
    shown = f", the first {PAGE} shown" if len(found) > PAGE else ""
    if not found and text.strip():
        return {"items": [], "words": f"no candidate contains “{fmt.clip(text, 60)}”"}
    return {"items": items, "words": f"{fmt.count(len(found), 'candidate')}{shown}"}


def _same_molecule(pool: Pool, text: str) -> str:
    """The pool's key of the molecule that a SMILES means; empty where it has none, or nothing here can tell."""
    if pool.key.lower() not in STRUCTURES or not text or len(text) > LONGEST:
        return ""
    try:
        from rdkit import Chem, rdBase
    except ImportError:
        return ""
    with rdBase.BlockLogs():
        molecule: Any = Chem.MolFromSmiles(text)
    canonical = str(Chem.MolToSmiles(molecule)) if molecule is not None else ""
    return canonical if canonical and canonical in pool else ""


def _said(value: Any) -> bool:
    """Whether a column says anything of a candidate."""
    return value is not None and value == value and str(value).strip() != ""  # noqa: PLR0124  nan is no value


def _item(pool: Pool, key: Any, *, pictures: bool) -> Json:
    row = pool.row(key)
    rest = [f"{fmt.label(n)} {fmt.number(v)}" for n, v in row.items() if n != pool.key and _said(v)]
    smiles = next((str(v) for n, v in row.items() if n.lower() == "smiles"), "")
    return {
        "key": key if isinstance(key, int | float) else str(key),
        "label": fmt.clip(key, 60),
        "detail": fmt.clip(", ".join(rest[:4]), 90),
        "picture": structure(smiles, 90, 64) if pictures and smiles else "",
    }
