"""A campaign may have any name; its folder may not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisteer.errors import BadDefinition
from aisteer.journal.names import folder_for, root, schema_for

HERE = Path("campaigns")


@pytest.mark.parametrize("name", ["copper-melt", "run_7", "a.b", "2026-01"])
def test_a_plain_name_is_its_own_folder(name: str) -> None:
    assert folder_for(name, HERE) == HERE / name


@pytest.mark.parametrize(
    "name",
    [
        "../../etc",
        "a/b",
        "a\\b",
        ".",
        "..",
        ".hidden",
        "<b>x</b>",
        "😀",
        "x" * 10_000,
        "con",
        "Melt",
        "a ",
        "a.",
    ],
)
def test_any_other_name_becomes_a_folder_of_its_own(name: str) -> None:
    folder = folder_for(name, HERE)
    assert folder.parent == HERE
    assert folder.name != name
    assert len(folder.name) <= 60


def test_what_is_readable_of_a_name_is_kept() -> None:
    assert folder_for("Kupfer & Zinn: Schmelze", HERE).name.startswith("kupfer-zinn-schmelze-")


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_names_never_share_a_folder(one: str, other: str) -> None:
    if not one.strip() or not other.strip():
        with pytest.raises(BadDefinition):
            folder_for("  ", HERE)
        return
    folders = {folder_for(name, HERE).name.lower() for name in (one, other)}
    assert len(folders) == len({one, other})
    for folder in folders:
        assert folder.isascii()
        assert not set(folder) & set("/\\:*?\"<>|'; ")
        assert len(schema_for(HERE / folder).encode()) <= 63


def test_campaigns_lie_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AISTEER_CAMPAIGNS", "/data/campaigns")
    assert root() == Path("/data/campaigns")
    monkeypatch.delenv("AISTEER_CAMPAIGNS")
    assert root() == Path("campaigns")
