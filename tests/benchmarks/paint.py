"""First paint of a campaign of 10,000 runs and 1,000,000 observations, in JupyterLab in Chromium.

The clock runs from the moment the cell is sent to the kernel (which has imported aisteer) to the moment
the board's runs stand in the page. There is no peer: none shows a campaign in a cell.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.benchmarks._campaigns import make
from tests.benchmarks._report import show
from tests.services.system import need

sys.path.insert(0, str(Path(__file__).parent.parent / "browser"))


def main(runs: int, observations: int) -> None:
    """Make the campaign, open it three times in fresh kernels, report the median."""
    from labs import FLAGS, Book, Lab, guarded

    taken = []
    with tempfile.TemporaryDirectory(prefix="aisteer-bench-") as folder:
        make("large", runs, observations, Path(folder) / "campaigns")
        lab = Lab(Path(folder))
        lab.write("large.ipynb", ["import aisteer as ai", "ai.open('large')"])
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=str(need("chromium")), args=FLAGS)
            for _ in range(3):
                with guarded(browser) as page:
                    book = Book(page, lab, "large.ipynb").open().ready()
                    book.kernel("import aisteer as ai, aisteer_widgets")
                    page.locator(".jp-Cell").nth(1).click()
                    begin = time.perf_counter()
                    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")
                    page.get_by_text(f"R{runs}").first.wait_for()
                    taken.append(time.perf_counter() - begin)
                for kernel in lab.ask("GET", "/api/kernels") or []:
                    lab.ask("DELETE", f"/api/kernels/{kernel['id']}")
            browser.close()
        lab.close()
    show(
        "paint",
        unit="s",
        ours=sorted(taken)[len(taken) // 2],
        target=2.0,
        details={"runs": runs, "observations": runs * observations, "all": taken},
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, 100)
