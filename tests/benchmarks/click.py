"""From the browser's click on Accept to the committed decision, while a fit at 1,000 points is under way
and 100 runs stream 100 observations a second each.

Each card that is accepted is run, and its outcome has the surrogate fitted anew and what waits predicted
anew; a click is made only while the mind is at work. Both clocks are this machine's: the event's own time
stamp in the page, and the time at which a follower of the journal is told, once the decision is committed.
There is no peer: nobody else has a decision to commit.
"""

from __future__ import annotations

import json
import math
import re
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Page, sync_playwright

import aisteer as ai
from tests.benchmarks._campaigns import make, wait
from tests.benchmarks._report import show
from tests.services.system import need

if TYPE_CHECKING:
    from labs import Book

sys.path.insert(0, str(Path(__file__).parent.parent / "browser"))

BESIDE = 4
"""Slots beside the streaming runs, for those that are accepted by a click."""
LISTEN = """() => {
    window.clicks = {};
    window.addEventListener('click', e => {
        const words = e.target.closest('button')?.getAttribute('aria-label') || e.target.closest('button')?.textContent;
        const found = /^Accept (P\\d+)/.exec(words || '');
        if (found) window.clicks[found[1]] ??= (performance.timeOrigin + e.timeStamp) / 1000;
    }, true);
}"""
ACCEPT = re.compile(r"^Accept P\d+$")
STREAMING = """
import json
import math
live = [c.state.runs[n] for n in list(c.state.live)]
print(json.dumps([sum(r.state == 'running' for r in live), c.opened.driver.thinking]))
"""
FOLLOW = """
import time
told = []
c.journal.subscribe(lambda position: told.append((position, time.time())))
print(c.state.position)
"""
SAID = """
import json
import math
from aisteer.journal.events import ProposalAccepted
print(json.dumps({{r.event.proposal: min(t for position, t in told if position >= r.position)
    for r in c.journal.records({after}, limit=100000)
    if isinstance(r.event, ProposalAccepted) and r.actor.kind == 'human'}}))
"""
NUDGE = "c.propose(x={x}, y=0.3).accept(hold=0)"
STOP = "[c.runs[n].stop() for n in list(c.state.live)]"
LEFT = "print(len(c.state.live))"
RATES = """
import json
import math
ends = [c.state.runs[n].attempt for n in c.state.runs if c.state.runs[n].state == 'ended']
print(json.dumps([a.observations / a.seconds for a in ends if a.end == 'partial' and a.seconds]))
"""


@ai.simulation
def streaming(x, y, *, rate=100.0, seconds=900.0):
    """Yields ``rate`` observations a second until it is stopped; off the line y = 0.5 it ends within a second."""
    import math
    import time

    begin = time.time()
    for step in range(int(rate * (seconds if y == 0.5 else 1.0))):
        control = yield {"step": step, "energy": x * step}
        if control.get("stop"):
            break
        time.sleep(max(0.0, begin + (step + 1) / rate - time.time()))
    return {"value": math.sin(x) + y}


def prepare(folder: Path, points: int, runs: int, cards: int) -> None:
    """A campaign of ``points`` outcomes, with ``runs`` accepted that will stream, and ``cards`` that wait.

    The cards are all that the AI has left to propose, so that it fits and predicts, and does not search.
    """
    local = ai.connect("local", workers=runs + BESIDE)
    options = {"policy": "bayesian", "batch": cards, "runs": points + cards, "autonomy": ai.Ask()}
    place = make("click", points, 0, folder, simulation=streaming, endpoint=local, **options)
    campaign = ai.open("click", folder=place.parent)
    for i in range(runs):
        campaign.propose(x=10 * i / runs, y=0.5).accept(hold=0)
    campaign.close()
    # Near the best, or the AI would take them back as soon as it has fitted.
    wait(place, [(math.pi / 2 + i / cards - 0.5, 0.95) for i in range(cards)])


def accept(page: Page, book: Book, times: int) -> None:
    """Click the first card's Accept, again and again, each time while the mind is at work."""
    for i in range(times):
        button = page.get_by_role("button", name=ACCEPT).first
        button.wait_for(timeout=120_000)
        waited = 0
        while not json.loads(book.kernel(STREAMING))[1]:
            if waited % 30 == 0:  # a run of our own gives it something to think about
                book.kernel(NUDGE.format(x=10 * (i + 0.5) / times + waited / 1e4))
            waited += 1
            time.sleep(0.1)
        button.click()
        time.sleep(0.3)


def main(points: int, runs: int, clicks: int) -> None:
    """Measure it once."""
    from labs import FLAGS, Book, Lab, guarded

    with tempfile.TemporaryDirectory(prefix="aisteer-bench-") as folder:
        prepare(Path(folder) / "campaigns", points, runs, clicks)
        lab = Lab(Path(folder))
        lab.write("click.ipynb", ["import aisteer as ai; c = ai.open('click'); c.start(); c"])
        with closing(lab), sync_playwright() as play:
            browser = play.chromium.launch(executable_path=str(need("chromium")), args=FLAGS)
            with guarded(browser) as page:
                book = Book(page, lab, "click.ipynb").open().run_all()
                page.get_by_role("button", name=ACCEPT).first.wait_for(timeout=180_000)
                while json.loads(book.kernel(STREAMING) or "[0]")[0] < runs:
                    time.sleep(0.5)
                page.evaluate(LISTEN)
                after = int(book.kernel(FOLLOW))
                accept(page, book, clicks)
                time.sleep(1.0)
                clicked = page.evaluate("() => window.clicks")
                said = json.loads(book.kernel(SAID.format(after=after)))
                book.kernel(STOP)
                while int(book.kernel(LEFT) or 1):
                    time.sleep(0.5)
                rates = json.loads(book.kernel(RATES))
                book.kernel("c.close()")
            browser.close()
    taken = sorted(1000 * (said[name] - at) for name, at in clicked.items())
    show(
        "click",
        unit="ms",
        ours=statistics.quantiles(taken, n=20)[-1],
        target=50.0,
        details={
            "clicks": len(taken),
            "median": statistics.median(taken),
            "all": taken,
            "observations a second of each run": [min(rates), statistics.median(rates)],
        },
    )


if __name__ == "__main__":
    main(1000, int(sys.argv[1]) if len(sys.argv) > 1 else 100, 40)
