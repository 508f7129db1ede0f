"""What the surrogate believes, in every view and both themes, as axe-core sees it."""

from __future__ import annotations

import pytest
from accessibility import faults, need_axe
from labs import Book, Lab, guarded, until
from playwright.sync_api import Browser

OPEN = """
import aisteer as ai
from steered import campaign as make
campaign = make(
    "believing", policy="bayesian", initial=4, runs=12, hold=0,
    autonomy=ai.Accept(), baseline=ai.RandomArm(runs=3),
)
campaign.start()
campaign
"""


@pytest.mark.full
@pytest.mark.timeout(300)
def test_axe_finds_no_fault_in_what_the_surrogate_believes(lab: Lab, browser: Browser):
    need_axe()
    lab.write("believing.ipynb", [OPEN])
    with guarded(browser) as page:
        book = Book(page, lab, "believing.ipynb").open().run_all()
        until(page.locator(".ais-belief .ais-chip").count, "the surrogate says nothing", 180)
        until(page.locator(".ais-convergence svg").count, "nothing has converged", 60)
        found = []
        for theme in ("Dark", "Light"):
            book.command("apputils:change-theme", theme=f"JupyterLab {theme}")
            page.wait_for_selector(
                f"[data-jp-theme-light={'true' if theme == 'Light' else 'false'}] .aisteer"
            )
            for view in page.locator(".ais-belief .ais-chip").all():
                view.click()
                until(lambda view=view: view.get_attribute("aria-pressed") == "true", "the view stays away")
                found += [f"{theme}: {fault}" for fault in faults(page)]
        book.kernel("campaign.close()")
        assert not found, "\n\n".join(dict.fromkeys(found))
