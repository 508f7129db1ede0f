"""What to say when the packages of the Deep Potential are not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aisteer.errors import MissingExtra

__all__ = ["needs_dp"]


@contextmanager
def needs_dp(consequence: str) -> Iterator[None]:
    """Turn a failing import inside the block into ``MissingExtra`` that names the extra."""
    try:
        yield
    except ImportError as error:
        message = (
            f"{consequence}: {error.name or error} is not installed in this environment. "
            'Install what it needs with `pip install "aisteer[dp]"`, then run it again.'
        )
        raise MissingExtra(message, extra="dp") from error
