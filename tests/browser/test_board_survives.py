"""What is on the screen when the kernel goes, comes back, or was never what it seemed."""

from __future__ import annotations

from labs import Book, Lab, guarded, until
from playwright.sync_api import Browser

OPEN = """
from steered import campaign as make
campaign = make("surviving", runs=1, batch=1)
campaign
"""


def test_a_campaign_goes_on_after_a_kernel_restart_and_stays_readable_without_one(lab: Lab, browser: Browser):
    lab.write("surviving.ipynb", [OPEN])
    with guarded(browser) as page:
        book = Book(page, lab, "surviving.ipynb").open().run_all()
        page.wait_for_selector(".aisteer .ais-head", timeout=60_000)
        assert not page.locator(".aisteer-summary").first.is_visible()
        book.kernel("campaign.start(); p = campaign.propose(temperature=900, density=8.1)")
        page.wait_for_selector(".ais-card")

        # The kernel restarts in the middle of a run; the same cell brings the same campaign back.
        book.kernel("campaign.propose(temperature=901, density=8.2, reason='long').accept(hold=0)")
        until(lambda: book.kernel("print(len(campaign.runs))") == "1", "it is not launched", 60)
        page.evaluate(
            "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
        )

        # At once the board says that it is not live, and the summary takes its place; what it advises works alone.
        banner = page.locator(".ais-notlive")
        until(banner.count, "the board does not say that it is not live")
        assert "Not live any more. The kernel was restarted" in banner.inner_text()
        assert page.locator(".ais-stale").count() == 1
        until(
            page.locator(".aisteer-summary").first.is_visible, "the summary does not take the board's place"
        )
        until(lambda: not page.locator(".ais-head").count(), "the board stays beside its summary")
        assert not page.locator(".aisteer-advice").first.is_visible()  # it is said once, above
        page.get_by_role("button", name="Show the last picture").click()
        page.wait_for_selector(".ais-head")
        assert page.get_by_role("button", name="Pause campaign").get_attribute("aria-disabled") == "true"
        line = page.locator(".ais-again").inner_text()
        book.ready()
        assert book.kernel(
            f"{line.replace('ai.open', 'c = ai.open')}; print(c.name, len(c.runs)); c.close()"
        ) == ("surviving 1")
        book.command("notebook:run-all-cells")
        until(lambda: "P1" in page.locator(".aisteer").last.inner_text(), "the campaign is not back", 60)
        page.locator(".aisteer").last.get_by_role("button", name="Drive campaign").first.click()
        until(lambda: book.kernel("print(campaign.runs['R1'].end)") == "done", "the run is not picked up", 60)
        assert book.kernel("print(len(campaign.runs['R1'].attempts))") == "1"
        until(
            lambda: "done" in page.locator("tr[data-run=R1]").last.inner_text(), "the end does not show", 30
        )

        # The summary is written at important moments; then the kernel goes for good and the page is loaded anew.
        until(
            lambda: "1 done" in page.locator(".aisteer-summary").last.inner_text(), "the summary is old", 30
        )
        book.save()
        kernel = page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id")
        page.goto("about:blank")
        lab.ask("DELETE", f"/api/kernels/{kernel}")
        book.open()
        page.wait_for_selector(".aisteer-summary", timeout=30_000)
        summary = page.locator(".aisteer-summary").last
        assert summary.is_visible()
        text = summary.inner_text()
        assert "surviving" in text
        assert not page.get_by_text("Error displaying widget").is_visible()
        assert "P1" in text
        assert "works in a fresh kernel by itself" in text
        assert "Running the notebook's cells from the top works too." in text
        assert 'ai.open("surviving")' in text
        assert not page.get_by_text("Loading widget").is_visible()


HOSTILE = """
import aisteer as ai
name = '<img src=x onerror="window.hacked=1">' + "🙂" * 60
text = '<script>window.hacked=1</script>"><b onmouseover=window.hacked=1>' + "x" * 10_000

@ai.simulation
def evil(choice):
    yield {text[:200]: 1.0, text[1:200]: 2.0}
    raise ValueError(text)

campaign = ai.Campaign(
    name, simulation=evil, policy="random", runs=1, hold=0,
    space=ai.Space(choice=ai.Choice(["plain", text])), objective=ai.Maximize(text[:300], unit=text[:300]),
)
campaign.propose(choice="plain", reason=text).accept()
campaign.propose(choice=text, reason=text)
campaign.start()
campaign
"""


def test_hostile_names_and_messages_are_text_and_break_nothing(lab: Lab, browser: Browser):
    lab.write("hostile.ipynb", [HOSTILE])
    with guarded(browser) as page:
        book = Book(page, lab, "hostile.ipynb").open().run_all()
        page.wait_for_selector(".ais-card", timeout=60_000)
        until(lambda: "✕" in page.locator(".ais-runs").inner_text(), "the failure does not show", 60)
        page.locator("tr[data-run=R1]").click()
        page.locator(".ais-card").first.click()
        page.keyboard.press("e")
        page.wait_for_selector(".ais-form")
        assert page.evaluate("window.hacked") is None
        assert "onerror" in page.locator(".aisteer h1").inner_text()
        assert page.locator(".aisteer img:not(.ais-molecule), .aisteer script, .aisteer b b").count() == 0
        page.locator(".ais-ledger .ais-fold").click()
        page.wait_for_selector(".ais-ledger tbody tr")
        wide = page.evaluate(
            "() => { const r = document.querySelector('.aisteer'); return r.scrollWidth - r.clientWidth; }"
        )
        assert wide <= 1
        assert page.locator(".aisteer-summary script, .aisteer-summary img").count() == 0
        book.kernel("campaign.close()")
