"""A finite pool of candidates with features."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.errors import BadDefinition, BadParameters, UnknownName
from aisteer.problem.parameters import Scalar
from aisteer.problem.space import RESERVED, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Pool", "space_from_json"]

Json = dict[str, Any]
_FILES = ("columns.json", "candidates.csv", "features.npy")


class Pool:
    """Candidates to choose from, each with a key and features for the surrogate.

    Args:
        frame: A pandas DataFrame, or a mapping of column name to values, one row per candidate.
        key: The column that names a candidate; no two may be equal.
        parameters: Columns that the simulation takes as arguments; the key alone if not given.
        features: Names of numeric columns, or an array of shape ``(n, f)`` in the rows' order.
        name: For display.

    Raises:
        BadDefinition: No candidates, missing or repeated keys, or features that are missing or not finite.

    Example:
        >>> pool = Pool({"smiles": ["CO", "CCO"], "mass": [32.0, 46.1]}, key="smiles", features=["mass"])
        >>> pool.validate({"smiles": "CO"})
        {'smiles': 'CO'}
    """

    kind = "pool"

    def __init__(
        self,
        frame: Any,
        key: str,
        *,
        parameters: Sequence[str] | None = None,
        features: Sequence[str] | NDArray[np.floating[Any]],
        name: str = "",
    ) -> None:
        columns = _columns(frame)
        _known(key, columns, "The key")
        self.key = key
        self.name = name
        self.names: tuple[str, ...] = tuple(parameters) if parameters is not None else (key,)
        for column in self.names:
            _known(column, columns, "The parameter")
            if not str(column).isidentifier() or column in RESERVED:
                raise BadDefinition(
                    f"The column {column!r} cannot be an argument of the simulation; rename it."
                )
        if key not in self.names:
            raise BadDefinition(f"The parameters {list(self.names)} must include the key {key!r}.")
        self._place = _index(key, columns[key])
        matrix, self.feature_names = _features(columns, features, len(self._place))
        self._set(columns, matrix)

    def _set(self, columns: dict[str, list[Scalar | None]], matrix: NDArray[np.float64]) -> None:
        matrix.flags.writeable = False
        self.columns = columns
        self.matrix = matrix
        self._sha256 = ""
        for name in self.names:
            if any(value is None for value in columns[name]):
                row = columns[name].index(None)
                raise BadDefinition(f"The parameter {name!r} is missing in row {row} ({self.keys[row]!r}).")

    # --- looking at it ------------------------------------------------------------------------

    @property
    def keys(self) -> list[Scalar]:
        """The candidates' keys, in order."""
        return list(self._place)

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, key: object) -> bool:
        try:
            return key in self._place
        except TypeError:
            return False

    def __repr__(self) -> str:
        label = f"{self.name!r}, " if self.name else ""
        return f"Pool({label}{len(self)} candidates by {self.key!r}, {self.matrix.shape[1]} features)"

    def row(self, key: Scalar) -> dict[str, Scalar | None]:
        """All columns of a candidate.

        Raises:
            UnknownName: It is not in the pool.
        """
        place = self._row(key)
        return {name: values[place] for name, values in self.columns.items()}

    def _row(self, key: object) -> int:
        try:
            return self._place[key]  # type: ignore[index]
        except (KeyError, TypeError):
            texts = (known for known in self._place if isinstance(known, str))
            near = did_you_mean(key, texts) if isinstance(key, str) else ""
            message = f"{key!r:.200} is not among the {len(self):,} candidates of the pool.{near}"
            raise UnknownName(message, key=key) from None

    # --- points -------------------------------------------------------------------------------

    def point(self, key: Scalar) -> dict[str, Scalar]:
        """The parameters of a candidate."""
        place = self._row(key)
        return {name: self.columns[name][place] for name in self.names}  # type: ignore[misc]

    def validate(self, parameters: Mapping[str, object]) -> dict[str, Scalar]:
        """The parameters of the candidate that ``parameters`` names by its key.

        Raises:
            BadParameters: The key is missing or not in the pool, a name is unknown, or a further
                parameter contradicts the candidate.
        """
        for name in parameters:
            if name not in self.names:
                raise BadParameters(
                    f"There is no parameter {name!r} in this pool ({', '.join(self.names)})."
                    f"{did_you_mean(str(name), self.names)}",
                    name=name,
                )
        if self.key not in parameters:
            raise BadParameters(f"A candidate is named by its {self.key!r}.", missing=[self.key])
        try:
            point = self.point(_scalar(parameters[self.key]))  # type: ignore[arg-type]
        except UnknownName as error:
            raise BadParameters(str(error), name=self.key, value=parameters[self.key]) from None
        for name, value in parameters.items():
            if _scalar(value) != point[name]:
                raise BadParameters(
                    f"{name} = {value!r} does not belong to {point[self.key]!r}, which has {point[name]!r}. "
                    f"Name a candidate by its {self.key!r} alone.",
                    name=name,
                    value=value,
                )
        return point

    def feasible(self, point: Mapping[str, Scalar]) -> bool:
        """Whether it is a candidate."""
        return point.get(self.key) in self

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> list[dict[str, Scalar]]:
        """Up to ``n`` different candidates, drawn uniformly."""
        import numpy as np

        keys = self.keys
        chosen = np.random.default_rng(rng).choice(len(keys), size=min(n, len(keys)), replace=False)
        return [self.point(keys[int(i)]) for i in chosen]

    def features(self, keys: Iterable[Scalar] | None = None) -> NDArray[np.float64]:
        """Features of the candidates named, shape ``(n, f)``; of all of them without ``keys``."""
        if keys is None:
            return self.matrix
        return self.matrix[[self._row(key) for key in keys]]

    def encode(self, points: Sequence[Mapping[str, Scalar]]) -> NDArray[np.float64]:
        """Features of the points, shape ``(n, f)``."""
        return self.features([point[self.key] for point in points])

    def frame(self) -> Any:
        """The candidates as a pandas DataFrame, without the features that came as an array."""
        from aisteer.problem.frames import data_frame

        return data_frame(self.columns)

    # --- as data ------------------------------------------------------------------------------

    def _files(self) -> dict[str, bytes]:
        import numpy as np

        description = {
            "format": 1,
            "key": self.key,
            "parameters": list(self.names),
            "columns": {name: _column_kind(values) for name, values in self.columns.items()},
            "features": self.feature_names,
            "name": self.name,
            "size": len(self),
        }
        text = io.StringIO()
        # Everything in quotes: what the module quotes by itself differs between Python versions.
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(self.columns)
        for row in zip(*self.columns.values(), strict=True):
            writer.writerow([_cell(value) for value in row])
        array = io.BytesIO()
        np.save(array, _compact(self.matrix), allow_pickle=False)
        return {
            "columns.json": json.dumps(description, ensure_ascii=False, indent=1).encode(),
            "candidates.csv": text.getvalue().encode(),
            "features.npy": array.getvalue(),
        }

    @property
    def sha256(self) -> str:
        """The pool's identity: the hash of its contents."""
        if not self._sha256:
            self._sha256 = _digest(self._files())
        return self._sha256

    def save(self, folder: Path | str) -> str:
        """Keep the pool in ``folder/pools/<sha256>/``; a repeat is harmless.

        Returns:
            The hash that ``load`` takes.
        """
        identity = self.sha256
        target = Path(folder) / "pools" / identity
        if target.is_dir():
            return identity
        files = self._files()
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
        return identity

    @classmethod
    def load(cls, folder: Path | str, sha256: str) -> Pool:
        """The pool that ``save`` kept.

        Raises:
            BadDefinition: It is not there, or its content is not what its hash says.
        """
        import numpy as np

        if not (len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")):
            raise BadDefinition(f"{sha256!r} is not the hash of a pool.")
        source = Path(folder) / "pools" / sha256
        try:
            files = {name: (source / name).read_bytes() for name in _FILES}
        except OSError as error:
            raise BadDefinition(
                f"The pool {sha256[:12]}… cannot be read ({error}). The campaign can be looked at, but "
                "nothing can be proposed from it. Restore the folder from a copy, or make the pool again."
            ) from error
        if _digest(files) != sha256:
            raise BadDefinition(f"The pool in {source} was changed after it was stored. Restore a copy.")
        description = json.loads(files["columns.json"])
        matrix = np.load(io.BytesIO(files["features.npy"]), allow_pickle=False).astype(np.float64)
        pool = cls(
            _read_csv(files["candidates.csv"].decode(), description["columns"]),
            description["key"],
            parameters=description["parameters"],
            features=matrix,
            name=description["name"],
        )
        pool.feature_names = list(description["features"])
        return pool

    def to_json(self) -> Json:
        """The pool as it stands in the definition; its contents are an artefact."""
        return {
            "kind": self.kind,
            "pool": self.sha256,
            "key": self.key,
            "parameters": list(self.names),
            "size": len(self),
            "features": self.feature_names if len(self.feature_names) <= 32 else self.matrix.shape[1],
            "name": self.name,
        }


def space_from_json(data: Json, folder: Path | str | None = None) -> Any:
    """The space or the pool of a definition; pools come from the campaign's ``folder``.

    Raises:
        BadDefinition: An unknown kind, or a pool that cannot be read.
    """
    from aisteer.problem.space import Space

    if data.get("kind") == Pool.kind:
        if folder is None:
            raise BadDefinition("A pool is kept in its campaign's folder; say which.")
        return Pool.load(folder, str(data["pool"]))
    return Space.from_json(data)


# --- columns and cells ------------------------------------------------------------------------


def _columns(frame: Any) -> dict[str, list[Scalar | None]]:
    if hasattr(frame, "to_dict") and hasattr(frame, "columns"):
        if not frame.columns.is_unique:
            raise BadDefinition("Two columns of the pool have the same name.")
        frame = {name: frame[name].tolist() for name in frame.columns}
    if not isinstance(frame, Mapping) or not frame:
        raise BadDefinition("A pool is made from a pandas DataFrame or a dict of columns.")
    columns = {str(name): _column(str(name), values) for name, values in frame.items()}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise BadDefinition(f"The columns of the pool differ in length: {sorted(lengths)}.")
    if lengths == {0}:
        raise BadDefinition("The pool holds no candidates.")
    return columns


def _column(name: str, values: Iterable[object]) -> list[Scalar | None]:
    plain = [_scalar(value) for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in plain]
    if len(kinds) > 1:
        words = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise BadDefinition(f"The column {name!r} mixes {words}; make it one of them.")
    return plain


def _scalar(value: object) -> Scalar | None:
    """``value`` as plain data; ``None`` for what is missing (None, NaN, pandas' NA)."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(value, str | bool):
        return str(value) if isinstance(value, str) else value
    if type(value).__name__ in {"bool", "bool_"}:
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return None if math.isnan(number) else number
    raise BadDefinition(
        f"A pool holds text, numbers and truth values, not {type(value).__name__} ({value!r:.80})."
    )


def _known(name: str, columns: Mapping[str, object], what: str) -> None:
    if name not in columns:
        raise BadDefinition(f"{what} {name!r} is no column of the pool.{did_you_mean(str(name), columns)}")


def _index(key: str, values: list[Scalar | None]) -> dict[Scalar, int]:
    place: dict[Scalar, int] = {}
    for row, value in enumerate(values):
        if value is None or value == "":
            raise BadDefinition(f"The key {key!r} is missing in row {row}. Every candidate needs a name.")
        if value in place:
            raise BadDefinition(
                f"The key {value!r} stands in rows {place[value]} and {row}. "
                f"Keep one of them: frame.drop_duplicates({key!r})."
            )
        place[value] = row
    return place


def _features(
    columns: Mapping[str, list[Any]], features: Any, size: int
) -> tuple[NDArray[np.float64], list[str]]:
    import numpy as np

    if isinstance(features, str):
        features = [features]
    if isinstance(features, list | tuple) and features and all(isinstance(name, str) for name in features):
        names = list(features)
        for name in names:
            _known(name, columns, "The feature")
            if not all(isinstance(v, int | float) for v in columns[name]):
                row = next(i for i, v in enumerate(columns[name]) if not isinstance(v, int | float))
                raise BadDefinition(f"The feature {name!r} is missing or no number in row {row}.")
        matrix = np.array([columns[name] for name in names], dtype=np.float64).T.copy()
    else:
        matrix = np.array(features, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != size or matrix.shape[1] == 0:
            raise BadDefinition(
                f"Features must have the shape (candidates, features) = ({size}, f), not {matrix.shape}."
            )
        names = [f"feature {i}" for i in range(matrix.shape[1])]
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise BadDefinition(
            f"The feature {names[column]!r} is {matrix[row, column]} in row {row}. "
            "Drop such candidates or fill the value: a surrogate cannot be fitted on it."
        )
    return matrix, names


def _column_kind(values: Sequence[Scalar | None]) -> str:
    return next((type(value).__name__ for value in values if value is not None), "str")


def _compact(matrix: NDArray[np.float64]) -> NDArray[Any]:
    """Fingerprints as bytes: an eighth of the size, and the same numbers."""
    import numpy as np

    small = matrix.min() >= 0 and matrix.max() <= 255
    as_bytes = matrix.astype(np.uint8) if small else None
    return as_bytes if as_bytes is not None and np.array_equal(as_bytes, matrix) else matrix


_GUARDED = ("=", "+", "-", "@", "\t", "\r", "'", "\\")


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


def _digest(files: Mapping[str, bytes]) -> str:
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name} {len(files[name])}\n".encode() + files[name])
    return total.hexdigest()
