"""The board in a real JupyterLab, steered with mouse and keys, over a real campaign at the local endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from accessibility import faults, need_axe
from labs import Book, Lab, guarded, until
from playwright.sync_api import Browser, Page

OPEN = """
from steered import campaign as make
campaign = make("melting", runs=2)
campaign
"""


@pytest.fixture(scope="module")
def book(lab: Lab, browser: Browser) -> Iterator[Book]:
    """One notebook for the tests of this file; each makes proposals of its own."""
    lab.write("melting.ipynb", [OPEN])
    with guarded(browser) as page:
        book = Book(page, lab, "melting.ipynb").open().run_all()
        page.wait_for_selector(".aisteer .ais-head", timeout=60_000)
        page.get_by_role("button", name="Start campaign").click()
        until(lambda: page.locator("text=Pause campaign").count(), "the campaign does not start", 60)
        yield book


@pytest.fixture
def page(book: Book) -> Page:
    return book.page


def propose(book: Book, **point: float) -> str:
    """A proposal made in a cell; its name."""
    arguments = ", ".join(f"{k}={v}" for k, v in point.items())
    name = book.kernel(f"print(campaign.propose({arguments}).id)")
    book.page.wait_for_selector(f"[data-proposal={name}]")
    return name


def state_of(book: Book, name: str) -> str:
    return book.kernel(f"print(campaign.proposals['{name}'].state)")


def select(book: Book, name: str) -> None:
    card = book.page.locator(f"[data-proposal={name}]")
    card.locator(".ais-id").click()
    book.page.wait_for_selector(f"[data-proposal={name}].ais-sel")


def test_the_policy_proposes_after_the_start(book, page):
    page.wait_for_selector(".ais-card.ais-tone-ai, .ais-card.ais-tone-random", timeout=60_000)


def test_no_button_of_the_toolbar_leads_nowhere(page):
    """Panel's asks a server extension that ``make lab`` does without."""
    page.wait_for_selector('[data-jp-item-name="panelRender"]', state="attached")
    assert page.locator('[data-jp-item-name="panelRender"]').is_hidden()


def test_a_click_accepts_and_a_live_curve_grows_until_the_outcome_is_there(book, page):
    name = propose(book, temperature=900, density=8.1)
    select(book, name)
    page.get_by_role("button", name=f"Accept {name}").click()
    page.wait_for_selector(".ais-heldline")
    run = until(
        lambda: book.kernel(f"print(campaign.proposals['{name}'].run or '')"), "it is not launched", 60
    )
    curve = page.locator(f"path[data-run={run}]")
    until(curve.count, "no curve", 60)
    first = int(curve.get_attribute("data-length"))
    until(lambda: int(curve.get_attribute("data-length") or 0) > first + 3, "the curve does not grow")
    until(lambda: "±" in page.locator(f"tr[data-run={run}]").inner_text(), "the outcome does not show", 60)
    assert state_of(book, name) == "launched"


def test_keys_accept_and_undo_while_it_is_held(book, page):
    name = propose(book, temperature=905, density=8.2)
    select(book, name)
    page.keyboard.press("a")
    until(lambda: state_of(book, name) == "accepted", "the key does not accept")
    page.wait_for_selector(".ais-heldline")
    page.keyboard.press("u")
    until(lambda: state_of(book, name) == "waiting", "the key does not undo")
    assert book.kernel(f"print(campaign.proposals['{name}'].run)") == "None"


def test_an_edit_is_a_new_proposal_with_the_values_that_were_typed(book, page):
    name = propose(book, temperature=910, density=8.3)
    select(book, name)
    page.keyboard.press("e")
    field = page.get_by_label("temperature, 300 to 2,000")
    field.fill("99999")
    assert field.get_attribute("aria-invalid") == "true"
    field.press("Enter")
    page.wait_for_selector(f"[data-proposal={name}] .ais-error")
    assert state_of(book, name) == "waiting"
    field.fill("1234")
    field.press("Enter")
    until(lambda: state_of(book, name) == "edited", "the edit is not recorded")
    child = book.kernel(f"print(campaign.proposals['{name}'].child)")
    page.wait_for_selector(f"[data-proposal={child}].ais-sel")
    assert (
        json.loads(book.kernel(f"import json; print(json.dumps(campaign.proposals['{child}'].parameters))"))[
            "temperature"
        ]
        == 1234
    )
    assert "910" in page.locator(f"[data-proposal={child}] s").inner_text()


def test_a_rejection_keeps_its_reason(book, page):
    name = propose(book, temperature=915, density=8.4)
    select(book, name)
    page.keyboard.press("r")
    page.keyboard.type("jaeu unphysical")
    page.keyboard.press("Enter")
    until(lambda: state_of(book, name) == "rejected", "the rejection is not recorded")
    assert book.kernel(f"print(campaign.proposals['{name}'].decision.reason)") == "jaeu unphysical"
    line = page.locator(".ais-heldline", has_text=name)
    until(lambda: "rejected: jaeu unphysical" in line.inner_text(), "the rejection leaves no trace")
    assert f"{name} is rejected." in page.locator(".ais-told").inner_text()
    page.keyboard.press("u")
    until(lambda: state_of(book, name) == "waiting", "the key does not undo a rejection")
    until(
        lambda: f"{name} waits for a decision again." in page.locator(".ais-told").inner_text(),
        "what the key did is not said",
    )


def test_an_own_candidate_from_the_keyboard(book, page):
    before = book.kernel("print(campaign.state.next_proposal)")
    page.locator(".ais-review h2").click()
    page.locator(".ais-card").first.focus()
    page.keyboard.press("n")
    page.get_by_label("temperature, 300 to 2,000").fill("777")
    page.get_by_label("density, 7 to 9").fill("7.7")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"[data-proposal=P{before}].ais-sel")
    assert book.kernel(f"print(campaign.proposals['P{before}'].origin)") == "human"


def test_a_run_is_stopped_from_the_board_and_says_so(book, page):
    name = propose(book, temperature=920, density=8.5)
    select(book, name)
    page.keyboard.press("a")
    run = until(
        lambda: book.kernel(f"print(campaign.proposals['{name}'].run or '')"), "it is not launched", 60
    )
    row = page.locator(f"tr[data-run={run}]")
    until(lambda: "running" in row.inner_text(), "it does not run", 60)
    row.click()
    page.keyboard.press("s")
    until(lambda: book.kernel(f"print(campaign.runs['{run}'].end)") == "partial", "it does not stop", 60)
    until(lambda: "partial" in row.inner_text(), "the stop does not show")


def test_a_decision_made_elsewhere_meanwhile_is_told_at_the_card(book, page):
    name = propose(book, temperature=925, density=8.6)
    select(book, name)
    page.keyboard.press("r")
    other = (
        f"p = campaign.proposals['{name}']\nwith campaign.journal.lock:\n    p.reject('in a cell'); p.undo()"
    )
    assert book.kernel(other) == ""
    page.keyboard.type("too late")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"[data-proposal={name}] .ais-error")
    assert "changed since you looked" in page.locator(f"[data-proposal={name}] .ais-error").inner_text()
    assert state_of(book, name) == "waiting"


def test_a_card_that_is_decided_elsewhere_while_one_writes_is_told(book, page):
    name = propose(book, temperature=926, density=8.6)
    select(book, name)
    page.keyboard.press("r")
    book.kernel(f"campaign.proposals['{name}'].reject('in a cell')")
    page.wait_for_selector(".ais-head .ais-error")
    assert "was decided elsewhere" in page.locator(".ais-head .ais-error").inner_text()
    page.locator(".ais-head .ais-error button").click()


def test_keys_stay_in_the_board(book, page):
    page.locator(".ais-card .ais-id").first.click()
    cells = page.locator(".jp-Cell").count()
    for key in ("d", "d", "b", "x", "y", "m", "Shift+Enter", "0", "0"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    assert page.locator(".jp-Cell").first.get_attribute("class").find("jp-CodeCell") >= 0
    assert page.evaluate("document.activeElement.closest('.aisteer') !== null")
    assert page.locator(".jp-Dialog").count() == 0


def test_the_keys_are_shown_and_hidden(book, page):
    page.locator(".ais-card .ais-id").first.click()
    page.keyboard.press("?")
    page.wait_for_selector(".ais-help")
    page.keyboard.press("Escape")
    until(lambda: not page.locator(".ais-help").count(), "the keys stay")


def test_the_board_follows_the_dark_theme(book, page):
    def light() -> float:
        return float(
            page.evaluate(
                """() => { const board = getComputedStyle(document.querySelector('.aisteer'));
                           const c = board.backgroundColor.match(/[0-9.]+/g).map(Number);
                           return (c[0] + c[1] + c[2]) / 765; }"""
            )
        )

    book.command("apputils:change-theme", theme="JupyterLab Light")
    until(lambda: light() > 0.9, "the board is not light")
    book.command("apputils:change-theme", theme="JupyterLab Dark")
    until(lambda: light() < 0.2, "the board stays light")
    book.command("apputils:change-theme", theme="JupyterLab Light")
    until(lambda: light() > 0.9, "the board stays dark")


def test_a_figure_is_saved_from_the_keyboard_and_says_where(book, page):
    save = page.get_by_role("button", name="Save figure of best so far")
    panel = page.locator(".ais-convergence")
    until(
        save.count,
        lambda: f"no button to save with, but {panel.evaluate_all('e => e.map(n => n.outerHTML)')}",
    )
    save.focus()
    page.keyboard.press("Enter")
    saved = page.locator(".ais-convergence .ais-saved")
    until(lambda: saved.count() and "Saved" in saved.inner_text(), "the figure is not saved", 60)
    folder = book.kernel("print((campaign.folder / 'figures').resolve())")
    assert folder in saved.inner_text()
    written = book.kernel("print(sorted(p.suffix for p in (campaign.folder / 'figures').iterdir()))")
    assert written == "['.csv', '.json', '.pdf', '.svg']"
    page.locator(".ais-convergence .ais-saved button").press("Enter")
    until(lambda: not saved.count(), "the message stays")


def test_no_short_word_is_broken_in_the_tables_however_narrow(book, page):
    page.locator(".ais-ledger .ais-fold").click()
    page.wait_for_selector(".ais-ledger tbody tr")
    size = page.viewport_size
    for width in (1440, 1000):
        page.set_viewport_size({"width": width, "height": 1100})
        page.wait_for_timeout(300)
        broken = page.evaluate(
            """() => [...document.querySelectorAll('.aisteer td, .aisteer th')].flatMap((cell) => {
                const found = [], walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
                while (walk.nextNode()) for (const word of walk.currentNode.data.matchAll(/[^\\s\\-/·]{1,14}/g)) {
                    const range = document.createRange();
                    range.setStart(walk.currentNode, word.index);
                    range.setEnd(walk.currentNode, word.index + word[0].length);
                    const lines = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
                    if (lines.size > 1) found.push(word[0]);
                }
                return found; })"""
        )
        assert broken == [], width
        too_wide = page.evaluate(
            """() => ['.aisteer', '.ais-runs .ais-scroll', '.ais-why dd', '.ais-rates'].flatMap((s) =>
                [...document.querySelectorAll(s)].filter((n) => n.scrollWidth > n.clientWidth + 1).map(() => s))"""
        )
        assert too_wide == [], width
    page.set_viewport_size(size)
    page.locator(".ais-ledger .ais-fold").click()


def test_the_saved_notebook_is_small_and_holds_the_summary(book, page):
    saved = book.save()
    assert saved["bytes"] < 100_000
    text = json.dumps(saved["cells"][0]["outputs"])
    assert "aisteer-summary" in text
    assert "melting" in text
    assert "widgets" not in saved["metadata"]


def test_the_board_has_no_serious_fault_of_accessibility(book, page):
    unnamed = page.evaluate(
        """() => ['button', 'input', 'select'].flatMap((t) => [...document.querySelectorAll(`.aisteer ${t}`)])
              .filter((n) => !(n.getAttribute('aria-label') || n.textContent.trim()
                                || n.labels?.[0]?.textContent.trim()))
              .map((n) => n.outerHTML)"""
    )
    assert unnamed == []
    silent = page.evaluate(
        """() => [...document.querySelectorAll('.aisteer [aria-disabled=true]')].filter((n) =>
              !n.getAttribute('aria-description') && !n.classList.contains('ais-busy')).map((n) => n.outerHTML)"""
    )
    assert silent == []


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_no_fault_in_the_proposals_their_forms_and_the_ledger(book, page, theme):
    need_axe()
    light = "false" if theme == "Dark" else "true"
    book.command("apputils:change-theme", theme=f"JupyterLab {theme}")
    page.wait_for_selector(f"[data-jp-theme-light={light}] .aisteer")
    fold = page.locator(".ais-ledger .ais-fold")
    if fold.get_attribute("aria-expanded") == "false":
        fold.click()
    page.wait_for_selector(".ais-ledger table")
    page.locator(".ais-card .ais-id").first.click()
    found = faults(page)
    for key in ("e", "r", "n", "?"):
        page.keyboard.press(key)
        page.wait_for_selector(".ais-help" if key == "?" else ".ais-form")
        found += [f"after {key!r}: {fault}" for fault in faults(page)]
        page.keyboard.press("Escape")
    assert not found, "\n\n".join(dict.fromkeys(found))


PICKING = """
from steered import chosen_from
campaign = chosen_from("picking", ["CO", "CCO", "CCN", "c1ccccc1"])
campaign.start()
campaign
"""


def test_a_candidate_is_searched_and_proposed_with_enter_alone(lab: Lab, browser: Browser):
    lab.write("picking.ipynb", [PICKING])
    with guarded(browser) as page:
        book = Book(page, lab, "picking.ipynb").open().run_all()
        page.wait_for_selector(".aisteer .ais-head", timeout=60_000)
        page.locator(".ais-review h2").click()
        page.keyboard.press("n")
        page.keyboard.type("C1=CC=CC=C1")
        page.keyboard.press("Enter")  # it is looked up first, however fast this comes
        page.wait_for_selector("[data-proposal=P1]")
        assert book.kernel("print(campaign.proposals['P1'].parameters['smiles'])") == "c1ccccc1"

        page.keyboard.press("n")
        page.keyboard.type("CC")
        page.keyboard.press("Enter")  # several: the first is picked, and can be moved away from
        page.wait_for_selector(".ais-picked")
        page.keyboard.press("ArrowDown")
        until(lambda: "Chosen: CCN" in page.locator(".ais-picker").inner_text(), "the choice does not show")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-proposal=P2]")
        assert book.kernel("print(campaign.proposals['P2'].parameters['smiles'])") == "CCN"
        book.kernel("campaign.close()")
