"""From the browser's click on Accept to the committed decision, while a fit at 1,000 points is under way
and 100 runs stream 100 observations a second each.

Both clocks are this machine's: the event's own time stamp in the page, and the record's time in the
journal. There is no peer: nobody else has a decision to commit.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import aisteer as ai
from tests.benchmarks._campaigns import make, streaming
from tests.benchmarks._report import show
from tests.services.system import need

sys.path.insert(0, str(Path(__file__).parent.parent / "browser"))

LISTEN = """() => {
    window.clicks = [];
    window.addEventListener('click', e => {
        if (e.target.closest('button')?.textContent.startsWith('Accept'))
            window.clicks.push((performance.timeOrigin + e.timeStamp) / 1000);
    }, true);
}"""
ACCEPT = re.compile(r"^Accept P\d+$")
STREAM = """
for i in range({runs}):
    c.propose(x=10 * i / {runs}, y=0.5).accept(hold=0)
"""
STREAMING = "print(sum(c.state.runs[n].state == 'running' for n in list(c.state.live)))"
SAID = """
import json
from aisteer.journal.events import ProposalAccepted
print(json.dumps([r.time for r in c.journal.records({after}, limit=100000)
    if isinstance(r.event, ProposalAccepted) and r.actor.kind == 'human']))
"""


def accept(page: Page, times: int) -> None:
    """Click the first card's Accept, again and again, as cards come."""
    for _ in range(times):
        button = page.get_by_role("button", name=ACCEPT).first
        button.wait_for(timeout=120_000)
        button.click()
        time.sleep(0.3)


def main(points: int, runs: int, clicks: int) -> None:
    """Measure it once."""
    from labs import FLAGS, Book, Lab, guarded

    with tempfile.TemporaryDirectory(prefix="aisteer-bench-") as folder:
        local = ai.connect("local", workers=runs)
        options = {"policy": "bayesian", "batch": 8, "autonomy": ai.Ask(), "endpoint": local, "hold": 60.0}
        make("click", points, 0, Path(folder) / "campaigns", simulation=streaming, **options)
        lab = Lab(Path(folder))
        lab.write("click.ipynb", ["import aisteer as ai; c = ai.open('click'); c.start(); c"])
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=str(need("chromium")), args=FLAGS)
            with guarded(browser) as page:
                book = Book(page, lab, "click.ipynb").open().run_all()
                page.get_by_role("button", name=ACCEPT).first.wait_for(timeout=180_000)
                book.kernel(STREAM.format(runs=runs))
                while int(book.kernel(STREAMING) or 0) < runs:
                    time.sleep(0.5)
                page.evaluate(LISTEN)
                after = int(book.kernel("print(c.state.position)"))
                accept(page, clicks)
                time.sleep(1.0)
                clicked = page.evaluate("() => window.clicks")
                said = json.loads(book.kernel(SAID.format(after=after)))
                book.kernel("[c.runs[n].stop() for n in list(c.state.live)]; c.close()")
            browser.close()
        lab.close()
    taken = sorted(1000 * (there - here) for here, there in zip(clicked, said, strict=True))
    show(
        "click",
        unit="ms",
        ours=statistics.quantiles(taken, n=20)[-1],
        target=50.0,
        details={"clicks": len(taken), "median": statistics.median(taken), "all": taken},
    )


if __name__ == "__main__":
    main(1000, int(sys.argv[1]) if len(sys.argv) > 1 else 100, 40)
