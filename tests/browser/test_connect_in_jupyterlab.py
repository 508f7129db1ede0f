"""The connect panel in JupyterLab: a person signs in by code, chooses the endpoint on loopback, fills in its form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import requests
from accessibility import faults, need_axe
from labs import Book, Lab, guarded, until
from playwright.sync_api import Browser, Page

from tests.services.loopback import Loopback

pytest.importorskip("globus_compute_sdk")

OPEN = """
import os
os.environ.update({environment!r})
for name in ("GLOBUS_COMPUTE_CLIENT_ID", "GLOBUS_COMPUTE_CLIENT_SECRET"):
    os.environ.pop(name, None)

import aisteer as ai
import aisteer_widgets
panel = aisteer_widgets.Connect()
panel
"""


@pytest.fixture
def book(lab: Lab, browser: Browser, loopback: Loopback) -> Iterator[Book]:
    # A folder of its own for the sign-in, so that nobody is signed in yet.
    state = lab.folder / "signed-in"
    environment = {**loopback.environment, "GLOBUS_COMPUTE_USER_DIR": str(state)}
    for name in ("GLOBUS_COMPUTE_CLIENT_ID", "GLOBUS_COMPUTE_CLIENT_SECRET"):
        del environment[name]
    lab.write("connecting.ipynb", [OPEN.format(environment=environment)])
    with guarded(browser) as page:
        yield Book(page, lab, "connecting.ipynb").open().run_all()


def code_for(link: str, loopback: Loopback) -> str:
    """What somebody reads on Globus's page after signing in there."""
    proxies = {"http": loopback.environment["HTTP_PROXY"]}
    found = re.search(r"<code>(.+?)</code>", requests.get(link, proxies=proxies, timeout=30).text)
    assert found is not None
    return found[1]


def in_theme(book: Book, theme: str) -> None:
    book.command("apputils:change-theme", theme=f"JupyterLab {theme}")
    light = "true" if theme == "Light" else "false"
    book.page.wait_for_selector(f"[data-jp-theme-light={light}] .ais-connect")


def faults_in(book: Book, *themes: str) -> list[str]:
    need_axe()
    found = []
    for theme in themes:
        in_theme(book, theme)
        found += [f"{theme}: {fault}" for fault in faults(book.page, ".ais-connect")]
    return found


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.full
@pytest.mark.timeout(240)
def test_a_person_signs_in_by_code_and_takes_an_endpoint(book: Book, loopback: Loopback) -> None:
    page = book.page
    page.wait_for_selector(".ais-connect", timeout=60_000)
    assert "No endpoint was taken in this panel yet" in book.kernel("panel.endpoint")

    # A code that is not Globus's is refused in words, and there is a new link.
    press(page, "Sign in to Globus")
    link = page.get_by_role("link", name="Open Globus in a new tab")
    first = until(lambda: link.count() and link.get_attribute("href"), "there is no link")
    page.get_by_label("Copy the code").fill("not-a-code")
    page.keyboard.press("Enter")
    until(lambda: page.get_by_text("Globus did not take the code").count(), "the wrong code is not refused")
    press(page, "Sign in to Globus")
    second = until(lambda: link.count() and link.get_attribute("href"), "there is no second link")
    assert second != first
    wrong = faults_in(book, "Dark")
    assert book.kernel("print(1 + 1)") == "2", "the kernel waits for the code"
    code = code_for(second, loopback)
    page.get_by_label("Copy the code").fill(code)
    page.keyboard.press("Enter")

    # The endpoint is listed with its state, its Python, and what can watch there.
    row = page.locator(f"tr[data-endpoint='{loopback.endpoint}']")
    until(lambda: "online" in row.inner_text() if row.count() else False, "the endpoint is not listed", 60)
    assert "a role of its own" in row.inner_text()
    row.get_by_role("radio").focus()
    page.keyboard.press("Space")
    form = page.get_by_role("form", name="Settings of Loopback")
    form.get_by_label("walltime").fill("an hour")
    form.get_by_role("button", name="Use this endpoint").focus()
    page.keyboard.press("Enter")
    until(lambda: "It has to be of the form" in form.inner_text(), "the walltime is not refused")
    wrong += faults_in(book, "Light", "Dark")
    form.get_by_label("walltime").fill("00:30:00")
    form.get_by_label("account").fill("chem-42")
    form.get_by_label("engine", exact=True).select_option(label="process")
    form.get_by_label("workers", exact=True).fill("3")
    page.keyboard.press("Enter")
    until(lambda: "Taken." in form.inner_text(), "the endpoint is not taken")
    line = page.locator(".ais-line").inner_text()
    compute = {"account": "chem-42", "walltime": "00:30:00", "engine": "process", "workers": 3}
    assert line == f"ai.connect(\"globus:{loopback.endpoint}\", compute={compute}, watch={{'role': 'watch'}})"
    same = f"print(eval({line!r}) == panel.endpoint, panel.line == {line!r})"
    assert book.kernel(same) == "True True"

    # Neither code nor token is anywhere in the notebook or in what the panel shares with the page.
    assert code not in json.dumps(book.save())
    assert code not in book.kernel("print(panel.get_state())")
    assert wrong == [], "\n\n".join(dict.fromkeys(wrong))
