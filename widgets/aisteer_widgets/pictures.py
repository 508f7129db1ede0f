"""Structures of molecules as small SVG pictures, where RDKit is there to draw them."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

__all__ = ["structure"]

_LONGEST = 300


@lru_cache(maxsize=512)
def structure(smiles: str, width: int = 150, height: int = 112) -> str:
    """The molecule as a ``data:`` address for an ``<img>``; empty where it cannot be drawn.

    An SVG inside an ``<img>`` runs no script and loads nothing. Lines are mid-grey with coloured
    heteroatoms on no background: legible on a light and on a dark page.
    """
    if not smiles or len(smiles) > _LONGEST:
        return ""
    try:
        from rdkit import Chem, rdBase
        from rdkit.Chem.Draw import rdMolDraw2D
    except ImportError:
        return ""
    with rdBase.BlockLogs():
        molecule: Any = Chem.MolFromSmiles(smiles)
    if molecule is None:
        return ""
    drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
    options: Any = drawer.drawOptions()
    options.clearBackground = False
    options.bondLineWidth = 1.6
    options.padding = 0.06
    options.fixedBondLength = 22
    options.updateAtomPalette(_PALETTE)
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, molecule)
    drawer.FinishDrawing()
    data = base64.b64encode(drawer.GetDrawingText().encode()).decode()
    return f"data:image/svg+xml;base64,{data}"


_GREY = (0.42, 0.45, 0.5)
_PALETTE = {
    -1: _GREY,
    0: _GREY,
    1: _GREY,
    6: _GREY,
    7: (0.16, 0.5, 0.9),
    8: (0.88, 0.3, 0.2),
    9: (0.1, 0.62, 0.45),
    16: (0.75, 0.58, 0.05),
    17: (0.1, 0.62, 0.45),
    35: (0.66, 0.36, 0.2),
}
