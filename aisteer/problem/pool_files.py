"""A pool as files: a description, its candidates as CSV, its features as an array; named by their hash."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.errors import BadDefinition
from aisteer.problem.parameters import Scalar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["digest", "keep", "read", "written"]

Json = dict[str, Any]
_FILES = ("columns.json", "candidates.csv", "features.npy")
_GUARDED = ("=", "+", "-", "@", "\t", "\r", "'", "\\")


def written(
    columns: Mapping[str, Sequence[Scalar | None]],
    matrix: NDArray[np.float64],
    *,
    key: str,
    parameters: Sequence[str],
    features: Sequence[str],
    name: str,
) -> dict[str, bytes]:
    """File name to content; the same pool gives the same bytes everywhere."""
    import numpy as np

    description = {
        "format": 1,
        "key": key,
        "parameters": list(parameters),
        "columns": {column: _column_kind(values) for column, values in columns.items()},
        "features": list(features),
        "name": name,
        "size": len(matrix),
    }
    text = io.StringIO()
    # Everything in quotes: what the module quotes by itself differs between Python versions.
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow([_cell(value) for value in row])
    array = io.BytesIO()
    np.save(array, _compact(matrix), allow_pickle=False)
    return {
        "columns.json": json.dumps(description, ensure_ascii=False, indent=1).encode(),
        "candidates.csv": text.getvalue().encode(),
        "features.npy": array.getvalue(),
    }


def keep(folder: Path, identity: str, files: Mapping[str, bytes]) -> None:
    """Write the files into ``folder/pools/<identity>/``, all or nothing."""
    target = folder / "pools" / identity
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    try:
        for name, content in files.items():
            (draft / name).write_bytes(content)
        draft.chmod(0o755)
        try:
            draft.rename(target)
        except OSError:
            if not target.is_dir():  # somebody else was first with the same content
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def read(folder: Path, identity: str) -> tuple[Json, dict[str, list[Scalar | None]], NDArray[np.float64]]:
    """The description, the columns and the features of the pool that ``keep`` wrote.

    Raises:
        BadDefinition: It is not there, or its content is not what its hash says.
    """
    import numpy as np

    if not (len(identity) == 64 and set(identity) <= set("0123456789abcdef")):
        raise BadDefinition(f"{identity!r} is not the hash of a pool.")
    source = folder / "pools" / identity
    try:
        files = {name: (source / name).read_bytes() for name in _FILES}
    except OSError as error:
        raise BadDefinition(
            f"The pool {identity[:12]}… cannot be read ({error}). The campaign can be looked at, but "
            "nothing can be proposed from it. Restore the folder from a copy, or make the pool again."
        ) from error
    if digest(files) != identity:
        raise BadDefinition(f"The pool in {source} was changed after it was stored. Restore a copy.")
    description = json.loads(files["columns.json"])
    matrix = np.load(io.BytesIO(files["features.npy"]), allow_pickle=False).astype(np.float64)
    return description, _read_csv(files["candidates.csv"].decode(), description["columns"]), matrix


def digest(files: Mapping[str, bytes]) -> str:
    """The hash that names a pool of these files."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name} {len(files[name])}\n".encode() + files[name])
    return total.hexdigest()


def _column_kind(values: Sequence[Scalar | None]) -> str:
    return next((type(value).__name__ for value in values if value is not None), "str")


def _compact(matrix: NDArray[np.float64]) -> NDArray[Any]:
    """Fingerprints as bytes: an eighth of the size, and the same numbers."""
    import numpy as np

    small = matrix.min() >= 0 and matrix.max() <= 255
    as_bytes = matrix.astype(np.uint8) if small else None
    return as_bytes if as_bytes is not None and np.array_equal(as_bytes, matrix) else matrix


def _cell(value: Scalar | None) -> str:
    """A CSV cell that no spreadsheet takes for a formula; ``_value`` reads it back."""
    if value is None:
        return ""
    if isinstance(value, str):
        return "'" + value if value.startswith(_GUARDED) or value == "" else value
    return repr(value)


def _value(text: str, kind: str) -> Scalar | None:
    if text == "":
        return None
    if kind == "str":
        return text.removeprefix("'")
    if kind == "bool":
        return text == "True"
    return int(text) if kind == "int" else float(text)


def _read_csv(text: str, kinds: Mapping[str, str]) -> dict[str, list[Scalar | None]]:
    rows = csv.reader(io.StringIO(text, newline=""))
    names = next(rows)
    columns: dict[str, list[Scalar | None]] = {name: [] for name in names}
    for row in rows:
        for name, cell in zip(names, row, strict=True):
            columns[name].append(_value(cell, kinds[name]))
    return columns
