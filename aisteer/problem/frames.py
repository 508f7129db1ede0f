"""Tables for the user: pandas, imported when the first one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aisteer.errors import MissingExtra

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["data_frame"]


def data_frame(
    rows: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]], index: str | None = None
) -> pd.DataFrame:
    """A DataFrame of rows, or of columns by name, with ``index`` as its index.

    Raises:
        MissingExtra: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra(
            "Tables need pandas, which is not installed here. The campaign itself is not affected. "
            "Install it with: pip install 'aisteer[notebook]'."
        ) from error
    frame = pd.DataFrame(rows if isinstance(rows, Mapping) else list(rows))
    if index is not None and index in frame.columns:
        frame = frame.set_index(index)
    return frame
