"""A finite pool of candidates with features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.errors import BadDefinition, BadParameters, UnknownName
from aisteer.problem import pool_files
from aisteer.problem.naming import RESERVED, did_you_mean
from aisteer.problem.parameters import Scalar
from aisteer.problem.pool_columns import check_known, feature_matrix, key_places, plain_columns, scalar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Pool", "space_from_json"]

Json = dict[str, Any]


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
        columns = plain_columns(frame)
        check_known(key, columns, "The key")
        self.key = key
        self.name = name
        self.names: tuple[str, ...] = tuple(parameters) if parameters is not None else (key,)
        for column in self.names:
            check_known(column, columns, "The parameter")
            if not str(column).isidentifier() or column in RESERVED:
                raise BadDefinition(
                    f"The column {column!r} cannot be an argument of the simulation; rename it."
                )
        if key not in self.names:
            raise BadDefinition(f"The parameters {list(self.names)} must include the key {key!r}.")
        self._place = key_places(key, columns[key])
        matrix, self.feature_names = feature_matrix(columns, features, len(self._place))
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
            point = self.point(scalar(parameters[self.key]))  # type: ignore[arg-type]
        except UnknownName as error:
            raise BadParameters(str(error), name=self.key, value=parameters[self.key]) from None
        for name, value in parameters.items():
            if scalar(value) != point[name]:
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
        return pool_files.written(
            self.columns,
            self.matrix,
            key=self.key,
            parameters=self.names,
            features=self.feature_names,
            name=self.name,
        )

    @property
    def sha256(self) -> str:
        """The pool's identity: the hash of its contents."""
        if not self._sha256:
            self._sha256 = pool_files.digest(self._files())
        return self._sha256

    def save(self, folder: Path | str) -> str:
        """Keep the pool in ``folder/pools/<sha256>/``; a repeat is harmless.

        Returns:
            The hash that ``load`` takes.
        """
        identity = self.sha256
        if not (Path(folder) / "pools" / identity).is_dir():
            pool_files.keep(Path(folder), identity, self._files())
        return identity

    @classmethod
    def load(cls, folder: Path | str, sha256: str) -> Pool:
        """The pool that ``save`` kept.

        Raises:
            BadDefinition: It is not there, or its content is not what its hash says.
        """
        description, columns, matrix = pool_files.read(Path(folder), sha256)
        pool = cls(
            columns,
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
