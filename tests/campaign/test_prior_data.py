"""What the AI learns from: outcomes measured elsewhere, and runs that a human takes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from by_hand import ended, launched, proposed

import aisteer as ai
from aisteer.errors import BadParameters, Refused, UnknownName
from aisteer.problem.goals import Goals
from aisteer.steering.domains import Box
from aisteer.steering.evidence import evidence
from aisteer.steering.fitting import Fitter


def table(n=20, **more):
    rng = np.random.default_rng(0)
    columns = {"temperature": rng.uniform(300, 2000, n), "density": rng.uniform(7, 9, n)}
    return pd.DataFrame({**columns, "diffusion": rng.random(n), **more})


def known(campaign):
    return evidence(campaign.state, "main").data


def test_what_was_measured_elsewhere_informs_the_ai_and_is_no_run(make, forget):
    campaign = make()
    added = campaign.add_data(table(**{"diffusion error": 0.1}), source="smith2021", reason="the same rig")
    (first, *_), rows = known(campaign), table()
    assert len(known(campaign)) == len(added) == 20
    assert first.run == "D1.0"
    assert first.origin == "prior"
    assert first.parameters["density"] == rows.density[0]
    assert first.outcomes == {"diffusion": (rows.diffusion[0], 0.1)}
    assert len(campaign.runs) == len(campaign.proposals) == 0
    forget()
    assert known(make()) == known(make()) != ()
    assert "20 rows from 'smith2021'" in repr(make().data)


def test_it_is_one_event_and_the_same_again_is_none(make):
    campaign = make()
    position = campaign.state.position
    campaign.add_data(table(1000), source="a")
    assert campaign.state.position == position + 1
    assert campaign.add_data(table(1000), source="a").id == "D1"
    assert campaign.state.position == position + 1
    with pytest.raises(Refused, match=r"1,000 rows from .a. already \(D1\)"):
        campaign.add_data(table(10), source="a")
    assert campaign.add_data(table(10), source="b").id == "D2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(density=[8.0] * 7 + [9.5] + [8.0] * 12), "Row 7 does not fit.*density = 9.5"),
        (lambda t: t.assign(diffusion=[1.0] * 3 + [np.nan] + [1.0] * 16), "Row 3 has no outcome"),
        (lambda t: t.assign(diffusion=[1.0] * 4 + [np.inf] + [1.0] * 15), "Row 4: diffusion = inf"),
        (lambda t: t.assign(**{"diffusion error": [0.0] * 5 + [-1.0] + [0.0] * 14}), "Row 5: .* is negative"),
        (lambda t: t.assign(temperature=["hot"] * 20), "Row 0 does not fit"),
        (lambda t: t.rename(columns={"density": "densty"}), "no column 'density'. Did you mean 'densty'"),
        (lambda t: t.drop(columns="diffusion"), "no column of an outcome"),
        (lambda t: t.head(0), "no rows"),
        (lambda t: [1, 2], "not list"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_named_and_nothing_is_added(make, change, words):
    campaign = make()
    with pytest.raises(BadParameters, match=words):
        campaign.add_data(change(table()), source="a")
    assert not campaign.data


def test_columns_that_were_not_taken_are_told(make):
    added = make().add_data(table(lab="x", when=pd.Timestamp("2026-01-01")), source="a")
    assert added.left_out == ("lab", "when")


def test_rows_are_taken_out_and_put_back(make):
    campaign = make()
    added = campaign.add_data(table(), source="a").mark_bad([3, 4], reason="the rig leaked")
    assert {d.run for d in known(campaign)} == {f"D1.{i}" for i in range(20)} - {"D1.3", "D1.4"}
    assert "2 of them taken out" in repr(added)
    assert list(added.frame().query("bad").index) == [3, 4]
    added.unmark(3)
    assert added.bad == [4]
    assert len(known(campaign)) == 19
    added.mark_bad()
    assert known(campaign) == ()
    assert campaign.add_data(
        table(), source="a"
    ).bad  # a cell that runs again does not put back what was taken out
    assert campaign.add_data(table(5), source="a").id == "D2"
    with pytest.raises(UnknownName, match="rows 0 to 19"):
        added.mark_bad(20)
    with pytest.raises(UnknownName, match="no data 'D9'"):
        campaign.data["D9"]


def test_a_pool_needs_only_the_key(make):
    @ai.simulation
    def weigh(key):
        return {"y": 1.0}

    pool = ai.Pool({"key": ["a", "b"], "mass": [1.0, 2.0]}, key="key", features=["mass"])
    campaign = make(simulation=weigh, space=pool, objective=ai.Maximize("y"))
    campaign.add_data({"key": ["b"], "y": [2.0]}, source="a")
    assert [(d.parameters, d.outcomes) for d in known(campaign)] == [({"key": "b"}, {"y": (2.0, 0.0)})]
    with pytest.raises(BadParameters, match="Row 1 does not fit"):
        campaign.add_data({"key": ["b", "z"], "y": [2.0, 1.0]}, source="b")
    (own,) = campaign.propose(pd.DataFrame({"key": ["a"]}))
    assert own.parameters == {"key": "a"}


def test_own_points_come_as_a_table_in_one_transaction(make):
    campaign = make()
    points = table(1000).drop(columns="diffusion")
    first = campaign.propose(temperature=points.temperature[5], density=points.density[5])
    made = campaign.propose(points, reason="a scan")
    assert len(made) == len(campaign.proposals) == 1000
    assert made[5].id == first.id
    assert made[7].parameters == points.loc[7].to_dict()
    assert made[7].reason == "a scan"
    assert [p.id for p in campaign.propose(points)] == [p.id for p in made]
    with pytest.raises(BadParameters, match="'densiti' is no parameter"):
        campaign.propose(points.assign(densiti=1.0))
    with pytest.raises(BadParameters, match="Row 2 does not fit"):
        campaign.propose(points.assign(density=[8.0, 8.0, 99.0] + [8.0] * 997))


def test_a_run_that_is_marked_bad_leaves_the_fit_and_its_calibration_until_it_is_put_back(make):
    campaign = make()
    points = [{"temperature": 300.0 + 100 * i, "density": 8.0} for i in range(10)]
    for name in proposed(campaign, *points, predicted={"diffusion": [1.0, 0.1]}):
        campaign.proposals[name].accept(hold=0)
    for i, run in enumerate(launched(campaign)):
        ended(campaign, run, diffusion=50.0 if i == 3 else 1.0 + 0.01 * i)

    def fitted():
        fitter = Fitter(Box(campaign.space()), Goals.of(campaign.definition["tasks"]["main"]))
        return fitter.belief(evidence(campaign.state, "main"))

    before = fitted()
    campaign.runs["R4"].mark_bad("the thermostat failed")
    without = fitted()
    assert "R4" not in {d.run for d in without.data}
    assert (before.calibration.inside, before.calibration.of) == (9, 10)
    assert (without.calibration.inside, without.calibration.of) == (9, 9)
    who = campaign.runs["R4"].snapshot.bad_by
    assert f"marked bad by {who}: the thermostat failed" in repr(campaign.runs["R4"])
    assert campaign.runs.frame().loc["R4", ["bad by", "bad reason"]].tolist() == [
        who,
        "the thermostat failed",
    ]
    campaign.runs["R4"].unmark()
    assert campaign.runs["R4"].snapshot.bad_reason == ""
    assert fitted().digest == before.digest
    assert fitted().calibration == before.calibration
