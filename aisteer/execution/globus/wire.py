"""What comes over the wire is JSON, or it is refused: nothing that an endpoint answers is ever executed here.

The SDK's own list of allowed deserializers has to name one for code as well, and even its plainest executes
source text. A result is never code, so here there is none.
"""

from __future__ import annotations

import json
from typing import Any

from globus_compute_sdk.errors import DeserializationError
from globus_compute_sdk.serialize import ComputeSerializer, JSONData
from globus_compute_sdk.serialize.base import SerializationStrategy

__all__ = ["JsonOnly", "NotJson", "refusal"]

_LARGEST = 32 << 20


class NotJson(DeserializationError):  # type: ignore[misc]  # the SDK has no types
    """An answer that is no JSON. Nothing of it was executed."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return self.what


class JsonOnly(ComputeSerializer):  # type: ignore[misc]
    """Writes arguments as JSON, and reads nothing else."""

    def __init__(self) -> None:
        super().__init__(strategy_data=JSONData())

    def deserialize(self, payload: object) -> Any:
        """The JSON of a result.

        Raises:
            NotJson: It is anything else: a pickle, source text, or something too large.
        """
        if not isinstance(payload, str) or not payload.startswith(JSONData.identifier):
            raise NotJson(_words_for(payload))
        if len(payload) > _LARGEST:
            raise NotJson(f"it has {len(payload) >> 20} MB, more than any answer has")
        try:
            return json.loads(payload[len(JSONData.identifier) :])
        except (ValueError, RecursionError) as error:
            raise NotJson("it says that it is JSON, and is not") from error


def refusal(error: BaseException | None) -> str:
    """In words, what an answer was that was refused; empty when the error is another one."""
    seen = 0
    while error is not None and seen < 8:
        if isinstance(error, NotJson):
            return error.what
        error, seen = error.__cause__, seen + 1
    return ""


def _words_for(payload: object) -> str:
    if not isinstance(payload, str):
        return f"it is no text but {type(payload).__name__}"
    strategy = SerializationStrategy.get_cached_by_id(payload[:3])
    if strategy is None:
        return f"it begins with {payload[:3]!r}, which stands for no JSON"
    would = "executed" if strategy.for_code else "unpickled"
    return f"it comes as {type(strategy).__name__} and would have to be {would}"
