"""A definition of an older release lacks keys that came later: it still says the same, and still runs."""

from __future__ import annotations

import asyncio
import json

import pytest

import aisteer as ai
from aisteer.campaign.differences import differences
from aisteer.errors import DefinitionChanged
from aisteer.journal import commands as cmd
from aisteer.journal.events import Actor
from aisteer.journal.store import Journal

CAMPAIGN = {"tasks", "main", "endpoint"}
TASK = {
    "simulation",
    "space",
    "objective",
    "kind",
    "outcome",
    "parameters",
    "low",
    "high",
    "key",
    "pool",
    "size",
    "rule",
}
CODE = {"name", "mode", "code", "reference", "identity", "python", "argv"}
OWN = {"lost", "steps", "temperature", "density", "seconds", "c", "energy", "file", "pattern"}
NEEDED = CAMPAIGN | TASK | CODE | OWN
"""What was there from the first release on, or is somebody's own name."""


@ai.simulation
def melt(temperature, density, *, steps=3):
    for step in range(steps):
        yield {"step": step, "energy": temperature * density}
    return {"diffusion": temperature / density}


PROBLEMS = {
    "function": {
        "simulation": melt,
        "space": ai.Space(temperature=ai.Float(300, 2000), density=ai.Float(7, 9)),
        "objective": ai.Maximize("diffusion"),
    },
    "executable": {
        "simulation": ai.CommandSimulation(
            ["solve", "{seconds}", "{c}"],
            outcome={"energy": {"file": "out.txt", "pattern": r"E = (?P<value>\S+)"}},
        ),
        "space": ai.Space(seconds=ai.Float(0.1, 1.0), c=ai.Choice(["a", "b"])),
        "objective": ai.Minimize("energy"),
    },
}


def needed(key, where):
    """Whether a definition cannot be without the key."""
    return key in NEEDED or (key == "options" and where[-1] == "c")


def left_out(definition, where=()):
    """The definition less each key that it can lack, one at a time, with the way to that key."""
    for key, value in definition.items():
        way = (*where, key)
        if not needed(key, where):
            less = {other: kept for other, kept in definition.items() if other != key}
            yield way, less
        if isinstance(value, dict):
            for further, less in left_out(value, way):
                yield further, {**definition, key: less}


def older(definition, where=()):
    """The definition as a release wrote it that knew none of the later keys."""
    return {
        key: older(value, (*where, key)) if isinstance(value, dict) else value
        for key, value in definition.items()
        if needed(key, where)
    }


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_key_that_a_definition_lacks_says_what_it_says_by_default(make, problem):
    campaign = make(**PROBLEMS[problem])
    whole = campaign.definition
    ways = []
    for way, less in left_out(whole):
        ways.append(way)
        assert less != whole
        assert differences(less, whole, campaign.folder) == [], way
        assert differences(whole, less, campaign.folder) == [], way
    assert ("hold",) in ways
    assert ("tasks", "main", "batch") in ways
    assert ("tasks", "main", "resources", "nodes") in ways
    assert differences(older(whole), whole, campaign.folder) == []


def test_what_differs_from_the_default_is_still_a_change(make):
    campaign = make(**PROBLEMS["function"])
    old = older(campaign.definition)
    new = json.loads(json.dumps(campaign.definition))
    task = new["tasks"]["main"]
    new["hold"], task["batch"], task["cost"], task["resources"]["nodes"] = 9.0, 8, 0.0, 2
    task["simulation"]["units"] = {"energy": "eV"}
    assert differences(old, new, campaign.folder) == [
        "simulation units: none → {'energy': 'eV'}",
        "batch: 4 → 8",
        "resources nodes: 1 → 2",
        "cost: none → 0.0",
        "hold: 3.0 → 9.0",
    ]


def test_a_campaign_of_an_older_release_opens_with_the_same_cell_and_runs(make, forget):
    cell = PROBLEMS["function"]
    first = make(**cell)
    folder, old = first.folder, older(first.definition)
    forget()
    (folder / "journal.db").unlink()
    define = cmd.Define(
        actor=Actor("human", "ada"), name="copper-melt", uuid="u" * 32, nonce="n" * 32, definition=old
    )
    Journal.create(folder, define).close()
    campaign = make(**cell)
    assert campaign.definition == old
    assert campaign.hold == 3.0
    with pytest.raises(DefinitionChanged) as refused:
        make(**cell, batch=8)
    assert refused.value.differences == ["batch: 4 → 8"]
    campaign.redefine(policy="manual")
    campaign.start()
    campaign.propose(temperature=900, density=8.1).accept(hold=0)
    assert asyncio.run(campaign.wait(ended=1, timeout=60)).reached
    assert campaign.runs["R1"].end == "done"
