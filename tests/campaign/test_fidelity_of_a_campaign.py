"""Fidelities and costs in the user's hands: stated, changed, refused, and kept in the journal."""

from __future__ import annotations

import numpy as np
import pytest

import aisteer as ai
from aisteer.errors import BadDefinition, DefinitionChanged
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.steering.evidence import evidence
from aisteer.steering.mind import Mind
from tests.steering.scenes import DRIVER, Campaign, task


@ai.simulation
def flow(x, mesh):
    return {"drag": (x - 0.4) ** 2 + 1 / mesh}


SPACE = ai.Space(x=ai.Float(0, 1), mesh=ai.Int(10, 100, log=True))


@pytest.fixture
def stated(make):
    def _stated(**options):
        return make(
            "flow", **{"simulation": flow, "space": SPACE, "objective": ai.Minimize("drag"), **options}
        )

    return _stated


def test_a_fidelity_and_its_costs_stand_in_the_definition_and_can_be_changed(stated):
    campaign = stated(fidelity="mesh", cost={100: 2.0, 10: 0.1})
    main = campaign.definition["tasks"]["main"]
    assert main["fidelity"] == "mesh"
    assert main["cost"] == 2.0
    assert main["costs"] == [[10.0, 0.1], [100.0, 2.0]]
    assert stated(fidelity="mesh", cost={10: 0.1, 100: 2.0}).name == campaign.name
    with pytest.raises(DefinitionChanged, match="costs"):
        stated(fidelity="mesh", cost={10: 0.2, 100: 2.0})
    assert campaign.redefine(initial=3)
    assert campaign.definition["tasks"]["main"]["costs"] == [[10.0, 0.1], [100.0, 2.0]]
    campaign.redefine(fidelity=None, cost=None, cost_aware=True)
    main = campaign.definition["tasks"]["main"]
    assert set(main) & {"fidelity", "costs"} == set()
    assert main["cost_aware"] is True
    with pytest.raises(BadDefinition, match="leave out cost_aware"):
        campaign.redefine(fidelity="mesh")


def test_what_is_not_asked_for_is_not_in_the_definition(stated):
    assert set(stated().definition["tasks"]["main"]) & {"fidelity", "costs", "cost_aware"} == set()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fidelity": "mash"}, r"no parameter of the space.*Did you mean 'mesh'"),
        ({"fidelity": "mesh", "context": ["mesh"]}, "is in context"),
        ({"fidelity": "mesh", "objective": ai.Learn("drag")}, "one largest or smallest outcome"),
        ({"fidelity": "mesh", "cost": {10: 0.0}}, "a cost is above 0"),
        ({"fidelity": "mesh", "cost": {"low": 1.0}}, "a cost is above 0"),
        ({"cost": {10: 1.0}}, "takes the name of that parameter"),
        ({"fidelity": "mesh", "cost_aware": True}, "weighed anyway"),
        ({"cost_aware": "yes"}, "True or False"),
        ({"cost": -1.0}, "not negative"),
        (
            {"fidelity": "mesh", "space": ai.Space(x=ai.Float(0, 1), mesh=ai.Choice([10, 100]))},
            r"ordered=True",
        ),
    ],
)
def test_what_cannot_be_a_fidelity_is_refused_before_anything_runs(stated, options, words):
    with pytest.raises(BadDefinition, match=words):
        stated(**options)


class Meshed(Campaign):
    """Runs whose cost grows with the mesh."""

    def ran(self, x: float, mesh: int) -> str:
        self.accept(self.propose(x=x, mesh=mesh))
        (run,) = self.launch()
        outcome = {"yield": [(x - 0.4) ** 2 + 1 / mesh]}
        ended = ev.AttemptEnded(run=run, attempt=1, end="done", outcome=outcome, seconds=36.0 * mesh)
        self.submit(cmd.Report(actor=DRIVER, epoch=1, events=[ended]))
        return run


def test_costs_are_what_runs_took(tmp_path):
    objective = {"kind": "minimize", "outcome": "yield", "unit": ""}
    campaign = Meshed(main=task(SPACE, fidelity="mesh", objective=objective, cost=5.0, initial=3))
    for x, mesh in ((0.1, 10), (0.4, 50), (0.9, 100), (0.5, 10), (0.45, 100), (0.3, 20)):
        campaign.ran(x, mesh)
    known = evidence(campaign.state, "main")
    assert [d.cost for d in known.data] == pytest.approx(np.array([10, 50, 100, 10, 100, 20]) / 100)
    thought = campaign.think(Mind(tmp_path))
    assert thought.drafts
    for draft in thought.drafts:
        said = next(r for r in draft.reasons if r["kind"] == "fidelity")
        assert draft.cost == said["cost"] < 3.0
    shown = [campaign.state.proposals[name] for name in campaign.state.waiting]
    assert [p.cost for p in shown] == pytest.approx([d.cost for d in thought.drafts])
    own = campaign.propose(x=0.2, mesh=10)
    campaign.think(Mind(tmp_path))
    proposal = campaign.state.proposals[own]
    assert 0.02 < proposal.cost < 0.5
    assert "fidelity" in {r["kind"] for r in proposal.reasons}
