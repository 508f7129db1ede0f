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

__all__ = ["pool_kept", "search"]

Json = dict[str, Any]
PAGE = 40
PICTURES = 12
LONGEST = 300
"""Characters of a SMILES that is read."""


@lru_cache(maxsize=4)
def pool_kept(folder: Path, sha256: str) -> Pool:
    """A pool as it is kept with its campaign."""
    from aisteer.problem.pool import Pool

    return Pool.load(folder, sha256)


def search(folder: Path, state: State, task: str, text: str) -> Json:
    """Candidates with all the words of ``text`` in any of their columns; first the exact key, then those as written.

    In a SMILES capitals mean something (``c1ccccc1`` is no cyclohexane), so there only what is written alike is found,
    where anything is.

    Where there are none and the keys are SMILES, the molecule that ``text`` means however it is written.

    Returns:
        ``items`` (``key``, ``label``, ``detail``, ``picture``) and ``words`` that say how many there are.
    """
    space = state.definition.get("tasks", {}).get(task, {}).get("space", {})
    if space.get("kind") != "pool":
        return {"items": [], "words": "This task has no pool to search."}
    pool = pool_kept(folder, str(space["pool"]))
    found = _found(pool, text)
    items = [_item(pool, key, pictures=i < PICTURES) for i, key in enumerate(found[:PAGE])]
    shown = f", the first {PAGE} shown" if len(found) > PAGE else ""
    if not found and text.strip():
        return {"items": [], "words": f"no candidate contains “{fmt.clip(text, 60)}”"}
    return {"items": items, "words": f"{fmt.count(len(found), 'candidate')}{shown}"}


def _found(pool: Pool, text: str) -> list[Any]:
    """Keys of the candidates that a search finds, the nearest to what was written first."""
    exactly, written = text.strip(), text.split()[:8]
    folded = [word.casefold() for word in written]
    near: list[tuple[int, int, Any]] = []
    for place, key in enumerate(pool.keys):
        row = " ".join(str(column[place]) for column in pool.columns.values())
        if str(key) == exactly:
            near.append((0, place, key))
        elif all(word in row for word in written):
            near.append((1, place, key))
        elif all(word in row.casefold() for word in folded):
            near.append((2, place, key))
    if pool.key.lower() in STRUCTURES and any(how < 2 for how, _, _ in near):
        near = [one for one in near if one[0] < 2]
    if not any(how == 0 for how, _, _ in near) and (same := _same_molecule(pool, exactly)):
        near = [(0, 0, same), *(one for one in near if one[2] != same)]
    return [key for *_, key in sorted(near, key=lambda one: one[:2])]


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
