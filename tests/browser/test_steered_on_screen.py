"""Who proposes, tables of one's own and regions of a pool, from the board as a human sees it."""

from __future__ import annotations

import pytest
from labs import Book, Lab, guarded, until
from playwright.sync_api import Browser, Locator

OPEN = """
import aisteer as ai
from steered import alloyed
campaign = alloyed("swapped")
campaign.autonomy = ai.Accept(limit=6) | ai.Ask()
campaign.start()

def near(history, n, rng, *, width=0.1):
    return [{"temperature": float(rng.uniform(300, 2000)), "density": 8.0, "metal": "Cu"} for _ in range(n)]

campaign
"""
TABLE = "temperature (K)\tDensity\tmetal\tdiffusion\n900\t8\tCu\t2.1\n9000\t8\tNi\t2.2\n950\t8.5\tNi\t1.9\n"
POOL = """
import aisteer as ai
import pandas as pd
from steered import weigh
frame = pd.DataFrame(
    {"smiles": ["C" * (i + 1) for i in range(30)], "length": range(1, 31), "kind": ["odd", "even"] * 15}
)
pool = ai.Pool(frame, "smiles", features=["length"])
campaign = ai.Campaign("weighed", simulation=weigh, space=pool, objective=ai.Minimize("mass"))
campaign.start()
campaign
"""


def opened(page, place: str) -> Locator:
    steer = page.locator(".ais-steer")
    steer.locator(".ais-fold").click()
    steer.get_by_role("button", name=place, exact=True).press("Enter")
    return steer


@pytest.mark.full
@pytest.mark.timeout(300)
def test_a_mind_is_swapped_and_a_table_is_added_from_the_board(lab: Lab, browser: Browser):
    lab.write("swapped.ipynb", [OPEN])
    with guarded(browser) as page:
        book = Book(page, lab, "swapped.ipynb").open().run_all()
        until(page.locator(".ais-card").count, "nothing is proposed", 180)
        steer = opened(page, "Who proposes")
        steer.get_by_label("Reason for what you set next").fill("a colleague's idea")
        steer.get_by_label("Let somebody else propose").select_option("named")
        steer.get_by_label("Its name in this notebook").fill("near")
        steer.get_by_label("Its options").press("Enter")
        until(lambda: "a function of your own" in steer.inner_text(), steer.inner_text, 60)
        assert "a colleague's idea" in steer.inner_text()
        until(page.locator(".ais-card", has_text="near").count, "it proposes nothing", 60)
        steer.get_by_role("button", name="Back to Bayesian optimisation").press("Enter")
        until(lambda: "the change is taken back" in steer.inner_text(), steer.inner_text, 60)

        steer.get_by_role("button", name="What it learns from").press("Enter")
        steer.get_by_label("Table, pasted").fill(TABLE)
        until(lambda: "line 3: temperature = 9000 K" in steer.inner_text(), steer.inner_text, 30)
        assert "taken as g/cm³" in steer.inner_text()
        steer.get_by_label("leave it out").check()
        steer.get_by_label("Where they come from").fill("Smith 2021")
        steer.get_by_role("button", name="Add 2 results").press("Enter")
        until(lambda: "D1: 2 rows from Smith 2021" in steer.inner_text(), steer.inner_text, 30)
        assert book.kernel("print(len(campaign.data['D1']))") == "2"

        chosen = {
            "name": "points.csv",
            "mimeType": "text/csv",
            "buffer": b"temperature,density,metal\n700,7.5,Cu\n",
        }
        steer.get_by_label("Choose a file with a table").set_input_files(chosen)
        steer.get_by_role("button", name="Propose 1 point").press("Enter")
        until(page.locator(".ais-card.ais-tone-human").count, "no card of one's own", 30)

        steer.get_by_role("button", name="What it works on").press("Enter")
        steer.get_by_label("Reason for what you set next").fill("the furnace")
        steer.get_by_label("temperature (K), from").fill("500")
        steer.get_by_role("button", name="Ask it otherwise").press("Enter")
        until(lambda: "temperature 500 to 2,000" in steer.inner_text(), steer.inner_text, 60)
        assert ": the furnace" in steer.inner_text()
        steer.get_by_role("button", name="Back to what was asked before").press("Enter")
        until(lambda: "temperature 300 to 2,000" in steer.inner_text(), steer.inner_text, 60)
        book.kernel("campaign.close()")


@pytest.mark.full
@pytest.mark.timeout(240)
def test_a_region_of_a_pool_is_said_by_its_columns(lab: Lab, browser: Browser):
    lab.write("weighed.ipynb", [POOL])
    with guarded(browser) as page:
        book = Book(page, lab, "weighed.ipynb").open().run_all()
        until(page.locator(".ais-card").count, "nothing is proposed", 120)
        steer = opened(page, "Where")
        steer.get_by_label("length, to").fill("10")
        steer.get_by_label("kind", exact=True).select_option("odd")
        steer.get_by_role("button", name="Forbid it").press("Enter")
        until(
            lambda: "length 1 to 10 and kind odd (5 candidates)" in steer.inner_text(), steer.inner_text, 30
        )
        steer.get_by_role("button", name="Lift").press("Enter")
        until(lambda: "it goes by itself" in steer.inner_text(), steer.inner_text, 30)
        book.kernel("campaign.close()")
