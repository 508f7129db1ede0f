"""What a pool is made from, checked: columns of plain values, a key for each row, finite features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from aisteer.errors import BadDefinition
from aisteer.problem.naming import did_you_mean
from aisteer.problem.parameters import Scalar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["check_known", "feature_matrix", "key_places", "plain_columns", "scalar"]


def plain_columns(frame: Any) -> dict[str, list[Scalar | None]]:
    """Column name to plain values of a DataFrame or a mapping, all of one length."""
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
    plain = [scalar(value) for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in plain]
    if len(kinds) > 1:
        words = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise BadDefinition(f"The column {name!r} mixes {words}; make it one of them.")
    return plain


def scalar(value: object) -> Scalar | None:
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


def check_known(name: str, columns: Mapping[str, object], what: str) -> None:
    """``BadDefinition`` unless there is a column of that name; ``what`` says what it is for."""
    if name not in columns:
        raise BadDefinition(f"{what} {name!r} is no column of the pool.{did_you_mean(str(name), columns)}")


def key_places(key: str, values: list[Scalar | None]) -> dict[Scalar, int]:
    """Key to row; ``BadDefinition`` where a key is missing or stands twice."""
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


def feature_matrix(
    columns: Mapping[str, list[Any]], features: Any, size: int
) -> tuple[NDArray[np.float64], list[str]]:
    """Features of shape ``(size, f)``, all finite, and their names; from columns or from an array."""
    import numpy as np

    if isinstance(features, str):
        features = [features]
    if isinstance(features, list | tuple) and features and all(isinstance(name, str) for name in features):
        names = list(features)
        for name in names:
            check_known(name, columns, "The feature")
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
