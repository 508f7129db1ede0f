from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright")
pytest.importorskip("jupyterlab")
from labs import FLAGS, Lab
from playwright.sync_api import Browser, sync_playwright

from tests.services.system import need


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


# For one file: its event loop runs on the tests' own thread, where tests of other folders start theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=str(need("chromium")), args=FLAGS)
        yield found
        found.close()
