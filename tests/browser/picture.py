"""``python -m tests.browser.picture`` takes the README's picture of the board, from the first notebook as it runs.

The notebook runs from top to bottom in JupyterLab; then some of the proposals that wait are accepted from the
keyboard, and the picture is taken while two of them run. The notebook's seconds are printed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from tests.browser.labs import FLAGS, Book, Lab, guarded, until
from tests.services.system import need

ROOT = Path(__file__).parents[2]
NOTEBOOK = "01_first_campaign.ipynb"
PICTURE = ROOT / "docs" / "images" / "board.png"
SCALE = 1.6
"""Pixels of the picture to one of the page: sharp where the README is shown, and not heavy."""
WIDTH, HEIGHT = 1300, 2000


def whole_notebook(lab: Lab) -> None:
    """Cells that are out of sight stay in the page."""
    place = lab.folder / "jupyter" / "settings" / "@jupyterlab" / "notebook-extension"
    place.mkdir(parents=True)
    (place / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')


def run_through(book: Book) -> float:
    """Run all cells; how many seconds that took."""
    begun = time.monotonic()
    book.ready()
    book.command("notebook:run-all-cells")
    return time.monotonic() - begun


def at_work(board: Locator) -> bool:
    """Whether two runs are running, both with a curve to show, while proposals wait."""
    rows = board.locator(".ais-run", has_text="running").filter(has=board.page.locator(".ais-sparkcell"))
    return rows.count() >= 2 and board.locator(".ais-card").count() >= 1


def save(shot: bytes, target: Path) -> None:
    """Keep it in 256 colours, which the board's are: less than half of the bytes."""
    Image.open(BytesIO(shot)).convert("RGB").quantize(256).save(target, optimize=True)


def take(page: Page, target: Path) -> None:
    """Accept proposals as a user does, and take the board while two of them run; they are short, so try again."""
    page.set_default_timeout(60_000)
    board = page.locator(".aisteer").first
    cards = board.locator(".ais-card")
    for _ in range(10):
        until(lambda: cards.count() >= 2, "proposals wait", 120)
        cards.first.click()
        for _again in range(2):
            waiting = cards.count()
            page.keyboard.press("a")
            until(lambda n=waiting: cards.count() < n, "the accepted one is no longer among those that wait")
        deadline = time.monotonic() + 15.0
        while time.monotonic() < deadline:
            if at_work(board):
                shot = board.screenshot(animations="disabled")
                save(shot, target)
                if at_work(board):  # they were when it was taken
                    return
    print("It may have been taken when a run had just ended: look at it.")


def main() -> int:
    """Take it; ``AISTEER_SIZE`` is ``full`` unless it says otherwise."""
    os.environ.setdefault("AISTEER_SIZE", "full")
    with tempfile.TemporaryDirectory(prefix="aisteer-picture-") as folder, sync_playwright() as play:
        lab = Lab(Path(folder))
        try:
            whole_notebook(lab)
            shutil.copy(ROOT / "notebooks" / NOTEBOOK, lab.folder / "books" / NOTEBOOK)
            browser = play.chromium.launch(executable_path=str(need("chromium")), args=FLAGS)
            with guarded(browser, device_scale_factor=SCALE) as page:
                page.set_default_timeout(900_000)
                page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
                book = Book(page, lab, NOTEBOOK).open()
                book.command("application:toggle-left-area")
                print(f"{NOTEBOOK} ran in {run_through(book):.0f} s", flush=True)
                take(page, PICTURE)
            print(PICTURE)
            browser.close()
        finally:
            lab.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
