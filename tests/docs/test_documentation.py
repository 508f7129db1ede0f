"""The documentation builds offline, without a warning, from the notebooks as they ran."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, built with warnings as errors."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", ROOT / "docs", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.full
@pytest.mark.timeout(600)
def test_it_builds_without_warnings_and_holds_the_executed_notebooks(built: Path) -> None:
    for notebook in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        page = built / "tutorials" / f"{notebook.stem}.html"
        assert "cell_output" in page.read_text(encoding="utf-8")


@pytest.mark.full
def test_its_pages_load_nothing_from_elsewhere(built: Path) -> None:
    for page in built.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for loader in ('<script src="http', '<link rel="stylesheet" href="http', '<script src="//', "cdn."):
            assert loader not in text, page.name
