"""Molecular dynamics with a committee as the runs of a campaign, at a local endpoint."""

from __future__ import annotations

import asyncio

import ase.io
import numpy as np
import pytest
from ase import Atoms

import aisteer as ai

pytestmark = pytest.mark.full


@pytest.fixture
def box(answers) -> Atoms:
    positions, cells, symbols = answers.frames("sheared")
    return Atoms(symbols, positions=positions[0], cell=cells[0], pbc=True)


@pytest.fixture
def make(models, box, tmp_path):
    opened = []

    def made(**settings):
        simulation = ai.dp.MolecularDynamics(
            [models / f"water-{k}.ckpt.pt" for k in range(2)],
            box,
            thermostat="bussi",
            thermostat_time=20.0,
            **{
                "steps": 60,
                "equilibration": 20,
                "sample": 5,
                "timestep": 0.25,
                **settings.pop("dynamics", {}),
            },
        )
        campaign = ai.Campaign(
            "water",
            simulation=simulation,
            space=ai.Space(temperature=ai.Float(100, 2000, unit="K"), strain=ai.Float(-2, 10, unit="%")),
            objective=ai.Minimize("max_force_deviation", unit="eV/Å"),
            policy="manual",
            checkpoint_every=0.2,
            folder=tmp_path,
            **settings,
        )
        campaign.start()
        opened.append(campaign)
        return campaign

    yield made
    for campaign in opened:
        campaign.close()


def run(campaign, **parameters):
    campaign.propose(**parameters).accept(hold=0)
    ended = len([r for r in campaign.runs.values() if r.state == "ended"]) + 1
    asyncio.run(campaign.wait(ended=ended, timeout=100))
    return campaign.runs[list(campaign.runs)[-1]]


def test_a_run_ends_goes_further_and_is_branched_with_its_deviation_live(make, tmp_path):
    campaign = make()
    first = run(campaign, temperature=300.0, strain=0.0)
    assert first.end == "done", first.message
    assert {"energy_per_atom", "max_force_deviation", "pressure"} <= set(first.outcome)
    seen = first.observations.frame()
    assert seen["step"].tolist() == list(range(5, 85, 5))
    assert (seen["max_force_deviation"] >= seen["mean_force_deviation"]).all()
    (trajectory,) = tmp_path.rglob("trajectory.extxyz")
    assert len(ase.io.read(trajectory, ":")) == 16
    further = first.extend(steps=80, reason="longer")
    asyncio.run(campaign.wait(ended=2, timeout=100))
    longer = campaign.runs[further.refresh().run]
    assert longer.end == "done", longer.message
    assert longer.observations.frame()["step"].tolist() == [85, 90, 95, 100]
    branch = first.branch(temperature=600.0, reason="hotter")
    asyncio.run(campaign.wait(ended=3, timeout=100))
    hotter = campaign.runs[branch.refresh().run]
    assert hotter.end == "done", hotter.message
    assert hotter.observations.frame()["step"].tolist() == list(range(5, 85, 5))
    assert hotter.snapshot.parent == first.id or campaign.proposals[branch.id].run == hotter.id


def test_a_rule_stops_a_run_whose_deviation_is_too_large(make):
    campaign = make(stop_when="max_force_deviation > 0.01", dynamics={"steps": 100_000})
    stopped = run(campaign, temperature=300.0, strain=0.0)
    assert stopped.end == "partial", stopped.message
    assert "max_force_deviation is above 0.01" in stopped.message


def test_a_run_that_goes_wild_fails_by_name_and_keeps_what_it_wrote(make, tmp_path):
    campaign = make(dynamics={"timestep": 5.0, "equilibration": 0, "steps": 2000, "sample": 1})
    wild = run(campaign, temperature=2000.0, strain=0.0)
    assert wild.end == "failed", wild.message
    assert "Runaway" in wild.message
    assert "left what its model can describe" in wild.message
    assert len(wild.observations) > 0
    (trajectory,) = tmp_path.rglob("trajectory.extxyz")
    assert np.isfinite(ase.io.read(trajectory, -1).positions).all()
