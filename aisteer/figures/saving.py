"""A figure in the user's hands: shown in a cell, saved with its data and where it came from."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from aisteer.errors import NotSupported
from aisteer.figures.render import draw, print_style
from aisteer.figures.spec import Spec
from aisteer.figures.tables import to_csv

__all__ = ["Figure"]

FORMATS = (".pdf", ".svg", ".png")


class Figure:
    """A figure for a report.

    Attributes:
        spec: What it says: panels, layers, axes, provenance.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @property
    def data(self) -> str:
        """Everything that it draws, as CSV."""
        return to_csv(self.spec)

    @property
    def provenance(self) -> dict[str, Any]:
        """Campaign, journal revision, runs, code, versions and the hash of the data."""
        digest = hashlib.sha256(self.data.encode()).hexdigest()
        return {**self.spec.provenance, "data_sha256": digest}

    def save(self, path: str | os.PathLike[str]) -> tuple[Path, Path, Path]:
        """Write the picture, and beside it its data and its provenance.

        Each file is written whole or not at all; files that are there are replaced.

        Args:
            path: Ends in ``.pdf``, ``.svg`` or ``.png``. The folder is made if need be.

        Returns:
            The paths of the picture, ``<name>.data.csv`` and ``<name>.provenance.json``.

        Raises:
            NotSupported: Another ending.
            OSError: It cannot be written there.
        """
        picture = Path(path)
        if picture.suffix.lower() not in FORMATS:
            ending = repr(picture.suffix) if picture.suffix else "a name without an ending"
            raise NotSupported(
                f"A figure is saved as {', '.join(FORMATS)}, not as {ending}. Nothing was written. "
                f"Try .save({str(picture.with_suffix('.pdf'))!r})."
            )
        picture.parent.mkdir(parents=True, exist_ok=True)
        table = picture.with_name(f"{picture.stem}.data.csv")
        origin = picture.with_name(f"{picture.stem}.provenance.json")
        text = json.dumps({**self.provenance, "data": table.name}, ensure_ascii=False, indent=2) + "\n"
        _write(table, self.data.encode())
        _write(origin, text.encode())
        _write(picture, self._picture(picture.suffix.lower()[1:]))
        return picture, table, origin

    def _picture(self, kind: str) -> bytes:
        with print_style():
            out = io.BytesIO()
            draw(self.spec).savefig(out, format=kind, metadata=self._metadata(kind))
            return out.getvalue()

    def _metadata(self, kind: str) -> dict[str, Any]:
        """What the picture carries inside, should it lose its neighbours; no date, so the bytes repeat."""
        known = self.provenance
        campaign = known.get("campaign", {})
        where = f"aisteer campaign {campaign.get('uuid', '')} revision {campaign.get('revision', '')}"
        words = f"{where}, data sha256 {known['data_sha256']}"
        if kind == "pdf":
            return {"Subject": words, "CreationDate": None, "Creator": "aisteer", "Producer": None}
        if kind == "svg":
            return {"Description": words, "Date": None, "Creator": "aisteer"}
        return {"Description": words, "Software": "aisteer"}

    def _repr_png_(self) -> bytes:
        with print_style():
            out = io.BytesIO()
            draw(self.spec).savefig(out, format="png", dpi=144, metadata=self._metadata("png"))
            return out.getvalue()

    def __repr__(self) -> str:
        campaign = self.spec.provenance.get("campaign", {})
        return (
            f"<figure {self.spec.kind!r} of {campaign.get('name')!r} at revision {campaign.get('revision')}>"
        )


def _write(path: Path, content: bytes) -> None:
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        Path(draft).chmod(0o666 & ~mask)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
