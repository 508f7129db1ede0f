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
        page.locator(".ais-steer .ais-fold").click()
        page.locator(".ais-ledger .ais-fold").click()
        page.wait_for_selector(".ais-hindsight .ais-rates")
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
            for place in page.locator(".ais-steer .ais-chip").all():
                place.click()
                until(
                    lambda place=place: place.get_attribute("aria-pressed") == "true", "the place stays away"
                )
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


@pytest.mark.full
@pytest.mark.timeout(180)
def test_where_nothing_was_computed_nothing_is_drawn(lab: Lab, browser: Browser):
    lab.write("constrained.ipynb", [CONSTRAINED])
    with guarded(browser) as page:
        book = Book(page, lab, "constrained.ipynb").open().run_all()
        page.wait_for_selector(".ais-map canvas", timeout=120_000)
        assert page.locator(".ais-map canvas").first.evaluate(CORNERS) == [255, 255, 255, 0]
        words = page.locator(".ais-map svg").first.get_attribute("aria-label") or ""
        low, high = words.split(", from ")[1].split(";")[0].split(" to ")
        assert float(low) < float(high)
        assert "outside temperature + 500*density <= 5600" in page.locator(".ais-blank").inner_text()

        page.locator(".ais-belief .ais-chip", has_text="Slices").click()
        panel = page.locator(".ais-slices svg").nth(1)  # along the density
        mean = panel.locator("[data-curve=mean]")
        mean.wait_for()
        axis = panel.locator(".ais-axis").evaluate("(a) => [a.x1, a.x2].map((v) => v.baseVal.value)")
        drawn = mean.evaluate("(p) => { const b = p.getBBox(); return b.x + b.width; }")
        gap = panel.locator(".ais-unknown").evaluate("(r) => r.getBBox().x")
        assert drawn < axis[1] - 4
        assert gap == pytest.approx(drawn, abs=1)
        book.kernel("campaign.close()")


STEERED = """
import aisteer as ai
from steered import alloyed
campaign = alloyed("alloyed")
campaign.autonomy = ai.Accept(limit=6) | ai.Ask()
campaign.start()
campaign
"""
PIXEL = """(canvas) => [...canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data]"""


@pytest.mark.full
@pytest.mark.timeout(240)
def test_a_belief_is_looked_at_from_anywhere_and_what_one_sees_there_is_proposed(lab: Lab, browser: Browser):
    """Any two parameters, the others by slider; a click that is told before it is submitted; the AI kept out."""
    lab.write("alloyed.ipynb", [STEERED])
    with guarded(browser) as page:
        book = Book(page, lab, "alloyed.ipynb").open().run_all()
        belief = page.locator(".ais-belief")
        mean = belief.locator("[data-view=map] canvas").first
        mean.wait_for(timeout=120_000)
        until(lambda: not belief.locator(".ais-old").count(), "the map stays old", 60)

        # Any two parameters, one of them a choice.
        belief.get_by_label("Parameter along the up axis").select_option("metal")
        until(
            lambda: "and metal" in (belief.locator("svg[role=img]").first.get_attribute("aria-label") or ""),
            "no metal",
        )
        belief.get_by_label("Parameter along the up axis").select_option("density")
        until(
            lambda: (
                "and density" in (belief.locator("svg[role=img]").first.get_attribute("aria-label") or "")
            ),
            "no density",
        )
        before = mean.evaluate(PIXEL)

        # The other one is held where the viewer puts it, from the keyboard as well.
        page.keyboard.press("Escape")
        metal = belief.locator(".ais-held-field select")
        now = metal.input_value()
        metal.select_option("1" if now != "1" else "0")
        until(lambda: belief.get_by_role("button", name="Back to").count(), "it is not said to be moved")
        until(lambda: mean.evaluate(PIXEL) != before, "the picture did not follow", 60)

        # A place on the map is told before it is proposed, beside the AI's best; Enter proposes it.
        belief.locator(".ais-place").first.click(position={"x": 60, "y": 40})
        until(belief.locator(".ais-preview .ais-column").count, "nothing is said of the candidate", 60)
        columns = belief.locator(".ais-preview .ais-column")
        assert "±" in columns.first.inner_text()
        assert "Acquisition" in columns.first.inner_text()
        assert columns.count() == 2
        assert "the AI’s best that waits" in columns.nth(1).inner_text()
        said = book.kernel(
            "print(len([p for p in campaign.proposals.waiting if p.snapshot.origin == 'human']))"
        )
        assert said == "0"
        page.keyboard.press("Enter")
        until(lambda: not belief.locator(".ais-own").count(), "the form stays open")
        own = "print([p.parameters for p in campaign.proposals.waiting if p.snapshot.origin == 'human'])"
        assert "'temperature'" in book.kernel(own)
        until(page.locator(".ais-card.ais-tone-human").count, "no card of one's own")

        # The card says what would come next; the AI is kept out of a region, with the reason.
        page.locator(".ais-card.ais-tone-ai").first.click()
        until(
            lambda: "If rejected" in page.locator(".ais-card.ais-sel").inner_text(), "nothing comes next", 60
        )
        page.locator(".ais-steer .ais-fold").click()
        steer = page.locator(".ais-steer")
        steer.get_by_role("button", name="Where", exact=True).press("Enter")
        steer.get_by_label("Reason for what you set next").fill("it freezes")
        steer.get_by_label("temperature, from, or the value to pin").fill("300")
        steer.get_by_label("temperature, to").fill("500")
        steer.get_by_role("button", name="Forbid it").press("Enter")
        until(lambda: "set by" in steer.inner_text() and "it freezes" in steer.inner_text(), "nothing is set")
        until(belief.locator(".ais-region-forbidden").count, "the region is not on the map")
        assert (
            book.kernel("print(campaign.steering().settings)")
            == "{'forbidden': [{'temperature': [300, 500]}]}"
        )
        assert steer.get_by_label("temperature, to").input_value() == ""

        # Every other view of it shows a picture, and saves it.
        for label, view in (
            ("Slices", "slices"),
            ("What drives it", "drives"),
            ("Predicted and measured", "tested"),
        ):
            belief.locator(".ais-chip", has_text=label).click()
            until(belief.locator(f"[data-view={view}]:not(.ais-old)").count, f"no picture of {view}", 60)
        belief.get_by_role("button", name="Save figure").click()
        until(lambda: "predictions-r" in belief.inner_text(), "nothing is saved", 60)
        book.kernel("campaign.close()")
