"""Running simulations whose curves lead nowhere: stops are proposed, decided on, and what they leave is used."""

from __future__ import annotations

import time

import pytest

import aisteer as ai
from aisteer.errors import BadDefinition
from aisteer.steering.evidence import evidence


@ai.simulation
def relax(x: float):
    """Relaxes towards (x - 0.3)²; slowly from where it can be seen to lead nowhere, if x is large."""
    import math
    import time

    energy = (x - 0.3) ** 2
    for step in range(40):
        control = yield {"step": step, "energy": energy + 3.0 * math.exp(-step / 6.0)}
        if control.get("stop"):
            break
        if x > 5 and step > 20:
            time.sleep(0.5)
    return {"energy": energy + 3.0 * math.exp(-step / 6.0)}


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
    return found


def slow_one_beside(make, **more):
    """A campaign with 24 finished runs and a slow, hopeless one that is half way through."""
    campaign = make(
        simulation=relax,
        space=ai.Space(x=ai.Float(0, 10)),
        objective=ai.Minimize("energy", unit="eV"),
        policy="random",
        **more,
    )
    for i in range(24):
        campaign.propose(x=0.1 * i).accept(hold=0.0)
    campaign.start()
    until(lambda: sum(run.end == "done" for run in campaign.state.runs.values()) == 24)
    slow = campaign.propose(x=9.0)
    slow.accept(hold=0.0)
    return campaign, until(lambda: campaign.proposals[slow.id].run)


def stops(campaign):
    return [p for p in campaign.proposals.waiting if p.snapshot.action == "stop"]


def test_a_hopeless_run_is_stopped_as_proposed_and_teaches_what_was_foreseen(make):
    campaign, run = slow_one_beside(make)
    (stop,) = until(lambda: stops(campaign))
    assert stop.snapshot.run == run
    assert stop.snapshot.cost == 0
    (reason,) = stop.reasons
    assert reason["held"]["trusted"]
    stop.accept()
    ended = until(lambda: (found := campaign.state.runs[run]).state == "ended" and found)
    assert ended.end == "partial"
    known = evidence(campaign.state, "main")
    assert run not in {d.run for d in known.data}
    (foreseen,) = known.estimated
    assert (foreseen.run, foreseen.estimated) == (run, True)
    assert foreseen.outcomes["energy"] == tuple(stop.predicted["energy"])
    assert foreseen.outcomes["energy"][0] == pytest.approx(8.7**2, abs=4 * foreseen.outcomes["energy"][1])


def test_a_rule_that_speaks_of_stops_takes_them_and_names_its_bounds(make):
    rule = ai.Accept(of="stop", when=["chance < 0.01", "coverage_bound >= 0.6"], least=8) | ai.Ask()
    campaign, run = slow_one_beside(make, autonomy=rule)
    ended = until(lambda: (found := campaign.state.runs[run]).state == "ended" and found)
    assert ended.end == "partial"
    (stop,) = [p for p in campaign.state.proposals.values() if p.action == "stop"]
    assert stop.decision.rule.startswith("accept stops when chance < 0.01 and coverage_bound >= 0.6")


def test_it_can_be_turned_off_and_its_bound_set(make):
    campaign = make(early_stopping=False)
    assert campaign.definition["tasks"]["main"]["early_stopping"] == 0.0
    campaign.redefine(early_stopping=0.001)
    assert campaign.definition["tasks"]["main"]["early_stopping"] == 0.001
    campaign.redefine(early_stopping=True)
    assert "early_stopping" not in campaign.definition["tasks"]["main"]
    with pytest.raises(BadDefinition, match="chance below which a stop is proposed"):
        campaign.redefine(early_stopping=2)
