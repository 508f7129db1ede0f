"""Live runs handled on the board, with the mouse and from the keyboard; the journal says what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from accessibility import faults, need_axe
from labs import Book, Lab, guarded, until
from playwright.sync_api import Browser, Locator, Page

OPEN = """
from steered import handled
campaign = handled("handling")
campaign.start()
campaign
"""


@pytest.fixture(scope="module")
def book(lab: Lab, browser: Browser) -> Iterator[Book]:
    """One campaign for the tests of this file; each handles runs of its own."""
    lab.write("handling.ipynb", [OPEN])
    with guarded(browser) as page:
        book = Book(page, lab, "handling.ipynb").open().run_all()
        page.wait_for_selector(".aisteer .ais-head", timeout=60_000)
        yield book


@pytest.fixture
def page(book: Book) -> Page:
    return book.page


def running(book: Book, **point: Any) -> tuple[str, Locator]:
    """A run that is live and selected on the board; its name and its row."""
    given = ", ".join(f"{k}={v!r}" for k, v in point.items())
    made = book.kernel(f"print(campaign.propose({given}).accept(hold=0).id)")
    return live(book, made)


def live(book: Book, proposal: str) -> tuple[str, Locator]:
    """The run of an accepted proposal once it runs, selected on the board."""
    name = until(
        lambda: book.kernel(f"print(campaign.proposals['{proposal}'].run or '')"), f"no run of {proposal}", 60
    )
    row = book.page.locator(f"tr[data-run={name}]")
    # What is new waits while the pointer or the keys are among the rows, where an earlier test may have left them.
    book.page.mouse.move(1, 1)
    book.page.evaluate("document.activeElement?.blur()")
    reads(row, "running", "starting")
    if row.get_attribute("aria-selected") != "true":
        row.click()
    return name, row


def reads(row: Locator, *words: str) -> None:
    """Wait until the row says one of these."""
    until(lambda: any(w in row.inner_text() for w in words), f"the row never says {' or '.join(words)}", 60)


def happened(book: Book, kind: str, run: str) -> list[dict[str, Any]]:
    """The journal's events of this kind about the run, in order, each with who did it."""
    code = (
        "import dataclasses, json; print(json.dumps([dataclasses.asdict(r.event) | {'by': r.actor.kind} "
        f"for r in campaign.journal.records(0) if r.event.kind == {kind!r} "
        f"and getattr(r.event, 'run', None) == {run!r}]))"
    )
    found: list[dict[str, Any]] = json.loads(book.kernel(code))
    return found


def asked(book: Book, run: str) -> list[tuple[str, str]]:
    """What was asked of the run by a human, each with the run's answer."""
    answers = {e["control"]: e["answer"] for e in happened(book, "control.acknowledged", run)}
    return [
        (e["verb"], answers.get(e["control"], ""))
        for e in happened(book, "control.requested", run)
        if e["by"] == "human"
    ]


def child_of(book: Book, run: str, action: str) -> dict[str, Any]:
    """The proposal that extends or branches the run."""
    made = until(
        lambda: [e for e in happened(book, "proposal.made", run) if e["action"] == action], f"no {action}"
    )
    assert len(made) == 1
    return dict(made[0])


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def at(page: Page, selector: str) -> bool:
    """Whether the focus is on (or in) what is selected."""
    return bool(page.evaluate("(s) => document.activeElement.closest(s) !== null", selector))


def test_a_live_run_is_paused_with_the_mouse_and_resumed_with_a_key(book, page):
    run, row = running(book, task="anneal", temperature=900.0)
    press(page, f"Pause {run}")
    reads(row, "paused")
    assert asked(book, run) == [("pause", "done")]
    (end,) = happened(book, "attempt.ended", run)
    assert (end["end"], end["final"]) == ("paused", False)
    assert end["checkpoint"]
    assert at(page, f"tr[data-run={run}]"), "the keys no longer speak of the run"

    page.keyboard.press("p")
    reads(row, "running")
    assert [e["by"] for e in happened(book, "run.resumed", run)] == ["human"]
    first, second = happened(book, "attempt.launched", run)
    assert (first["restart"], second["attempt"]) == (None, 2)
    assert second["restart"].endswith(f"-1/checkpoints/{end['checkpoint']}")
    assert "attempt 2" in row.inner_text()

    page.keyboard.press("s")
    reads(row, "partial")
    assert asked(book, run)[-1][0] == "stop"


def test_rows_stay_where_they_are_while_the_pointer_is_over_them(book, page):
    ended, row = running(book, task="anneal", temperature=950.0)
    page.keyboard.press("s")
    reads(row, "partial")

    def rows() -> list[str | None]:
        return [one.get_attribute("data-run") for one in page.locator("tr[data-run]").all()]

    row.hover()
    before = rows()
    made = book.kernel("print(campaign.propose(task='anneal', temperature=960.0).accept(hold=0).id)")
    begun = until(lambda: book.kernel(f"print(campaign.proposals['{made}'].run or '')"), f"no run of {made}")
    page.wait_for_selector(".ais-runs .ais-more")
    assert [one for one in rows() if one in before] == before
    page.locator(".ais-runs h2 b").hover()
    until(
        lambda: rows()[0] == begun and rows().index(begun) < rows().index(ended), "rows are not put in order"
    )
    book.kernel(f"campaign.runs['{begun}'].stop()")


@pytest.mark.full
def test_a_live_run_is_extended_then_stopped_and_its_child_goes_on_from_there(book, page):
    run, row = running(book, task="anneal", temperature=1000.0)
    press(page, f"Extend… {run}")
    page.get_by_label("steps").fill("500")
    page.keyboard.press("Enter")
    until(lambda: asked(book, run) == [("set", "done")], "it is not told")
    until(
        lambda: book.kernel(f"print(campaign.runs['{run}'].observations.last['goal'])") == "500",
        "the simulation never hears of it",
    )
    assert row.get_by_role("progressbar").count() == 1

    press(page, f"Stop {run}")
    reads(row, "partial")
    assert asked(book, run)[-1] == ("stop", "sent")
    (end,) = happened(book, "attempt.ended", run)
    assert (end["end"], end["final"]) == ("partial", True)
    assert end["outcome"]["order"][0] > 1

    row.click() if row.get_attribute("aria-selected") != "true" else row.focus()
    page.keyboard.press("x")
    page.get_by_label("steps").fill("600")
    page.keyboard.press("Enter")
    made = child_of(book, run, "extend")
    assert made["parameters"]["steps"] == 600
    assert made["restart"].endswith(f"-1/checkpoints/{end['checkpoint']}")
    child, row = live(book, made["proposal"])
    (launched,) = happened(book, "attempt.launched", child)
    assert (launched["parent"], launched["restart"]) == (run, made["restart"])
    page.keyboard.press("s")
    reads(row, "partial")


def test_a_paused_run_is_branched_with_another_parameter_and_given_up(book, page):
    run, row = running(book, task="anneal", temperature=1100.0)
    page.keyboard.press("p")
    reads(row, "paused")
    page.keyboard.press("b")
    field = page.get_by_label("temperature, 300 to 2,000")
    assert field.input_value() == "1100"
    field.fill("1500")
    begin = page.get_by_label("From observation")
    begin.fill("soon")
    begin.press("Enter")
    page.locator(".ais-runs").get_by_text("'soon' is no number of an observation").wait_for()
    begin.fill("0")
    begin.press("Enter")
    made = child_of(book, run, "branch")
    assert (made["parameters"], made["observation"]) == ({"temperature": 1500}, 0)
    child, below = live(book, made["proposal"])
    (launched,) = happened(book, "attempt.launched", child)
    assert launched["parent"] == run
    assert launched["restart"]
    assert f"of {run}" in below.inner_text()

    row.click()
    press(page, f"Stop {run}")
    reads(row, "partial")
    assert len(happened(book, "run.closed", run)) == 1
    press(page, f"Stop {child}")
    reads(below, "partial")


def test_a_failed_run_is_tried_again_and_what_it_cannot_do_is_said_on_the_screen(book, page):
    name = book.kernel("print(campaign.propose(task='boil', power=95.0).accept(hold=0).id)")
    run = until(lambda: book.kernel(f"print(campaign.proposals['{name}'].run or '')"), "no run", 60)
    row = page.locator(f"tr[data-run={run}]")
    reads(row, "failed")
    assert "the pan ran dry" in row.inner_text()
    row.click()
    page.keyboard.press("t")
    page.wait_for_selector(".ais-form")
    page.keyboard.press("Escape")
    until(lambda: at(page, f"tr[data-run={run}]"), "the keys no longer speak of the run")

    press(page, f"Retry… {run}")
    page.get_by_label("power, 0 to 100").fill("40")
    page.keyboard.press("Enter")
    card = page.locator(".ais-card.ais-sel")
    until(card.count, "the new proposal is not shown")
    again = str(card.get_attribute("data-proposal"))
    until(lambda: at(page, f"[data-proposal={again}]"), "the keys do not speak of the new proposal")
    page.keyboard.press("a")
    second, row = live(book, again)
    assert book.kernel(f"print(campaign.proposals['{again}'].reason)") == f"again after {run}"
    assert [e["proposal"] for e in happened(book, "attempt.launched", second)] == [again]
    assert len(happened(book, "attempt.launched", run)) == 1

    detail = page.locator(".ais-detail")
    until(lambda: "no checkpoints" in detail.inner_text(), "the reason is not on the screen")
    assert "Pause, Branch: This simulation writes no checkpoints" in detail.inner_text()
    assert "Extend: It takes no new values while it runs" in detail.inner_text()
    for control in ("Pause", "Extend…", "Branch…"):
        assert (
            page.get_by_role("button", name=f"{control} {second}", exact=True).get_attribute("aria-disabled")
            == "true"
        )
    row.focus()
    page.keyboard.press("p")
    page.wait_for_selector(".ais-detail .ais-error")
    assert asked(book, second) == []
    page.keyboard.press("s")
    reads(row, "partial")
    assert asked(book, second)[0][0] == "stop"


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_no_fault_in_the_runs_their_controls_and_forms(book, page, theme):
    need_axe()
    light = "false" if theme == "Dark" else "true"
    book.command("apputils:change-theme", theme=f"JupyterLab {theme}")
    page.wait_for_selector(f"[data-jp-theme-light={light}] .aisteer")
    _, row = running(book, task="anneal", temperature=1200.0 + len(theme))
    found = faults(page)
    page.keyboard.press("x")
    page.wait_for_selector(".ais-form")
    found += faults(page)
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    reads(row, "partial")
    assert not found, "\n\n".join(dict.fromkeys(found))


def test_rows_that_a_page_held_which_is_gone_are_put_in_order_by_the_next(lab: Lab, browser: Browser):
    lab.write("held.ipynb", [OPEN.replace("handling", "held")])
    with guarded(browser) as page:
        book = Book(page, lab, "held.ipynb").open().run_all()
        page.wait_for_selector(".aisteer .ais-head", timeout=60_000)
        ended, row = running(book, task="anneal", temperature=950.0)
        page.keyboard.press("s")
        reads(row, "partial")
        row.hover()
        made = book.kernel("print(campaign.propose(task='anneal', temperature=960.0).accept(hold=0).id)")
        page.wait_for_selector(".ais-runs .ais-more")
        book.save()
        page.goto("about:blank")  # the pointer has left nothing
        page.mouse.move(0, 0)
        book.open().ready()
        begun = book.kernel(f"print(campaign.proposals['{made}'].run)")

        def rows() -> list[str | None]:
            return [one.get_attribute("data-run") for one in page.locator("tr[data-run]").all()]

        def instead() -> str:
            boards = [board.inner_text() for board in page.locator(".aisteer").all()]
            return f"rows are {rows()} instead of {[begun, ended]} in {boards}"

        until(lambda: rows() == [begun, ended], instead, 60)
        assert not page.locator(".ais-runs .ais-more").count()
        book.kernel(f"campaign.runs['{begun}'].stop()")
