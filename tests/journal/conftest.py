"""A place for a journal, on each kind of database."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.journal.scenes import Place
from tests.services.postgres import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A folder without a campaign."""
    folder = tmp_path / f"c{uuid.uuid4().hex[:12]}"
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return Place(folder, url)


@pytest.fixture
def on_disk(tmp_path: Path) -> Place:
    """The same, for what concerns files only."""
    return Place(tmp_path / "campaign")
