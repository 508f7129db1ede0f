"""What to say when the chemistry packages are not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aisteer.errors import MissingExtra

__all__ = ["needs_molecules"]


@contextmanager
def needs_molecules(consequence: str) -> Iterator[None]:
    """Turn a failing import inside the block into ``MissingExtra`` that names the extra."""
    try:
        yield
    except ImportError as error:
        message = (
            f"{consequence}: {error.name or error} is not installed in this environment. "
            'Install the chemistry packages with `pip install "aisteer[molecules]"`, then run it again.'
        )
        raise MissingExtra(message, extra="molecules") from error
