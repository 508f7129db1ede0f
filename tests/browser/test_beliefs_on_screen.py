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


CONSTRAINED = """
import aisteer as ai
from steered import campaign as make
campaign = make(
    "constrained", policy="bayesian", initial=4, runs=5, hold=0, autonomy=ai.Accept(),
    constraints=["temperature + 500*density <= 5600"],
)
campaign.start()
# Whatever is better than this is hotter than 1560 K, so that the constraint cuts the slice through it.
campaign.propose(temperature=1950, density=7.2)
campaign
"""
CORNERS = """(canvas) => [[3, 3], [3, canvas.height - 3], [canvas.width - 3, canvas.height - 3], [canvas.width - 3, 3]]
    .map(([x, y]) => canvas.getContext("2d").getImageData(x, y, 1, 1).data[3])"""


@pytest.mark.timeout(180)
def test_where_nothing_was_computed_nothing_is_drawn(lab: Lab, browser: Browser):
    lab.write("constrained.ipynb", [CONSTRAINED])
    with guarded(browser) as page:
        book = Book(page, lab, "constrained.ipynb").open().run_all()
        page.wait_for_selector(".ais-map canvas", timeout=120_000)
        assert page.locator(".ais-map canvas").first.evaluate(CORNERS) == [255, 255, 255, 0]
        words = page.locator(".ais-map svg").first.get_attribute("aria-label") or ""
        low, high = words.split(", from ")[1].split(";")[0].split(" to ")
        assert 0 < float(low) < float(high)
        assert "outside temperature + 500*density <= 5600" in page.locator(".ais-blank").inner_text()

        page.locator(".ais-belief .ais-chip", has_text="density").click()
        mean = page.locator("[data-curve=mean]")
        mean.wait_for()
        axis = page.locator(".ais-belief .ais-axis").evaluate(
            "(a) => [a.x1, a.x2].map((v) => v.baseVal.value)"
        )
        drawn = mean.evaluate("(p) => { const b = p.getBBox(); return b.x + b.width; }")
        gap = page.locator(".ais-unknown").evaluate("(r) => r.getBBox().x")
        assert drawn < axis[1] - 20
        assert gap == pytest.approx(drawn, abs=1)
        book.kernel("campaign.close()")
