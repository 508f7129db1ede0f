"""Campaigns with a history."""

from __future__ import annotations

import pytest
from told import GRID, Told, length_of, yield_of

import aisteer as ai


@pytest.fixture
def box(campaigns):
    """A campaign in a box, with a random arm; nothing has happened yet."""
    campaign = ai.Campaign(
        "kiln",
        simulation=yield_of,
        space=ai.Space(temperature=ai.Float(300, 2000, unit="K", log=True), share=ai.Float(0, 1)),
        objective=ai.Maximize("yield", unit="mol"),
        baseline=ai.RandomArm(runs=10, seed=1),
    )
    yield Told(campaign)
    campaign.close()


@pytest.fixture
def words(campaigns):
    """A campaign over a pool of words."""
    pool = ai.Pool(
        {"word": [chr(97 + i % 26) * (1 + i) for i in range(40)], "size": [float(i) for i in range(40)]},
        "word",
        features=["size"],
    )
    campaign = ai.Campaign("words", simulation=length_of, space=pool, objective=ai.Minimize("length"))
    yield Told(campaign)
    campaign.close()


@pytest.fixture
def steered(box):
    """Twelve of the AI's runs with predictions, an own one, three random ones, and one still running."""
    predicted = [{"yield": [yield_of(**p)["yield"] + 0.05 * (-1) ** i, 0.06]} for i, p in enumerate(GRID)]
    box.run(GRID, yield_of, predicted=predicted, error=0.01)
    box.run([{"temperature": 900.0, "share": 0.5}], yield_of, origin="human")
    random = [{"temperature": 350.0 * k, "share": 0.2 * k} for k in (1.0, 2.0, 4.0)]
    arm = next(name for name, one in box.campaign.definition["tasks"].items() if one.get("baseline"))
    box.run(random, yield_of, origin="random", task=arm)
    box.launch(box.propose([{"temperature": 800.0, "share": 0.3}]))
    return box
