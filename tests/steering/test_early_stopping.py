"""A run is proposed to be stopped once its curve says that it adds nothing, as far as such sayings have held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from foreseen import Runs, approaching
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import AI, SQUARE, Campaign

from aisteer.journal import commands as cmd
from aisteer.journal.events import Actor
from aisteer.journal.state import Proposal
from aisteer.problem.goals import Goals
from aisteer.steering.autonomy import Context, judge
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.beliefs import at_runs
from aisteer.steering.chances import Standing, adds
from aisteer.steering.curves import Curve, stages
from aisteer.steering.early_stopping import suits
from aisteer.steering.evidence import evidence
from aisteer.steering.extrapolation import Final, Told, extrapolate
from aisteer.steering.protocols import Datum
from aisteer.steering.rules import Accept, Ask, Reject, rule_from_json


def test_a_run_that_goes_nowhere_is_proposed_to_be_stopped_with_what_speaks_for_it():
    runs = Runs()
    thought = runs.look(approaching(2.0, runs.rng, length=25))
    (draft,) = thought.drafts
    (reason,) = draft.reasons
    assert (draft.action, draft.run, draft.origin) == ("stop", "R99", "ai")
    mean, std = draft.predicted["energy"]
    assert abs(mean - 2.0) < 3 * std < 0.6
    assert reason["final"] == [mean, std]
    assert reason["chance"] < 0.02
    best = int(np.argmin(runs.finals))
    assert (reason["best_run"], reason["best"]) == (f"R{best}", runs.finals[best])
    assert f"beats R{best}" in reason["words"]
    assert reason["held"]["trusted"]
    assert reason["held"]["of"] >= 8
    assert "would have been stopped" in reason["held"]["words"]
    assert len(reason["curve"]) == 25
    assert reason["stage"] <= reason["count"] == 25


def test_a_run_that_may_be_the_best_goes_on():
    runs = Runs()
    assert not runs.look(approaching(-3.0, runs.rng, length=25)).drafts
    assert not runs.look(approaching(2.0, runs.rng, length=4)).drafts


def test_nothing_is_said_before_predictions_have_held_often_enough():
    for n in (5, 9, 17):
        runs = Runs(n)
        assert not runs.look(approaching(2.0, runs.rng, length=40)).drafts
    assert Runs(30).look(approaching(2.0, np.random.default_rng(1), length=40)).drafts


def test_curves_that_misled_before_stop_nothing():
    """Outcomes that jump after the curve was seen: spreads that were learned on quiet runs do not cover them."""
    runs = Runs(40)
    jumps = np.where(np.arange(40) >= 20, runs.rng.choice([-6.0, 6.0], 40), 0.0)
    runs.data = tuple(
        replace(d, outcomes={"energy": (d.outcomes["energy"][0] + jump, 0.0)})
        for d, jump in zip(runs.data, jumps, strict=True)
    )
    thought = runs.look(approaching(2.0, runs.rng, length=25))
    assert not thought.drafts


def test_a_stop_is_proposed_once_and_taken_back_when_the_curve_recovers():
    runs = Runs()
    assert not runs.look(approaching(2.0, runs.rng, length=25), asked=frozenset({"R99"})).drafts
    recovered = approaching(-3.0, runs.rng, length=50)
    thought = runs.look(recovered, asked=frozenset({"R99"}), stops={"R99": "P7"})
    assert thought.withdrawals == {"what R99 has shown since speaks for letting it go on": ["P7"]}
    gone = runs.look(recovered, gone={"R99 has ended meanwhile (done)": ["P7"]}, underway=())
    assert gone.withdrawals == {"R99 has ended meanwhile (done)": ["P7"]}


@pytest.mark.parametrize(
    "more",
    [
        {"objective": {"kind": "learn", "outcome": "energy"}},
        {"objective": {"kind": "level_set", "outcome": "energy", "threshold": 0.0}},
        {"context": ["x"]},
        {"fidelity": "x"},
        {"baseline": True},
        {"early_stopping": 0.0},
    ],
)
def test_where_every_run_teaches_or_none_can_be_compared_nothing_is_stopped(more):
    runs = Runs(**more)
    assert not runs.look(approaching(2.0, runs.rng, length=25)).drafts


def test_a_target_and_several_objectives_are_judged_by_what_they_seek():
    runs = Runs(objective={"kind": "target", "outcome": "energy", "value": 2.0})
    assert not runs.look(approaching(2.0, runs.rng, length=40)).drafts
    assert suits({"objective": {}, "objectives": [{"kind": "minimize", "outcome": n} for n in "ab"]})
    goals = Runs(
        objectives=[{"kind": "minimize", "outcome": "a"}, {"kind": "maximize", "outcome": "b"}]
    ).stopping.goals
    data = [
        Datum("R1", {}, {"a": (0.0, 0.0), "b": (0.0, 0.0)}),
        Datum("R2", {}, {"a": (1.0, 0.0), "b": (1.0, 0.0)}),
    ]
    front = Standing.of(goals, data)
    assert len(front.rows) == 2
    told = {n: Final(0.5, 1e-3, 20, "", 20, 10) for n in "ab"}
    assert adds(goals, told, front) == 1.0  # between the two
    worse = {"a": Final(0.5, 1e-3, 20, "", 20, 10), "b": Final(-0.5, 1e-3, 20, "", 20, 10)}
    assert adds(goals, worse, front) == 0.0


def test_without_a_feasible_run_none_is_stopped():
    runs = Runs(feasible=["energy >= 100"])
    assert not runs.look(approaching(2.0, runs.rng, length=25)).drafts


def test_a_lucky_measurement_sets_no_bar():
    runs = Runs()
    assert not runs.look(approaching(2.0, runs.rng, length=25), best=2.0).drafts


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), noise=st.sampled_from([0.01, 0.2, 1.0]))
def test_what_is_foreseen_covers_what_comes(seed, noise):
    """Of 40 runs of any noise, 90 % intervals hold at least seven in ten, whatever the stage."""
    rng = np.random.default_rng(seed)
    finals = rng.normal(0, 1, 60)
    told = [
        Told(approaching(f, rng, noise=noise), None, float(f + noise * rng.standard_normal())) for f in finals
    ]
    inside = []
    for place in range(20, 60):
        final = extrapolate(told[:place], told[place], 20)
        assert final is not None
        inside.append(abs(told[place].final - final.mean) <= 1.645 * final.std)
    assert np.mean(inside) >= 0.7


def test_what_was_predicted_before_a_run_is_used_where_the_curve_says_little():
    rng = np.random.default_rng(3)
    finals = rng.normal(0, 1, 40)
    told = [Told(approaching(0.0, rng), float(f + 0.05 * rng.standard_normal()), float(f)) for f in finals]
    final = extrapolate(told, Told(approaching(0.0, rng, length=20), 1.5), 20)
    assert final is not None
    assert abs(final.mean - 1.5) < 4 * final.std
    assert final.std < 0.2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.floats(), st.none(), st.text(max_size=3), st.booleans()), max_size=60))
def test_curves_take_whatever_was_yielded(values):
    curve = Curve()
    curve.feed({"step": i, "energy": value, "other": 1} for i, value in enumerate(values))
    for name in curve.names:
        assert np.isfinite(curve.values(name)).all()
        for stage in stages(len(values)):
            found = curve.features(name, stage)
            assert found is None or np.isfinite(found).all()


def test_long_curves_stay_small_and_keep_their_course():
    curve = Curve()
    curve.feed({"energy": float(i)} for i in range(100_000))
    assert len(curve.values("energy")) < 2048
    value, slope = curve.features("energy", 80_000) or (0.0, 0.0)
    assert value == pytest.approx(75_000, rel=0.01)
    assert slope == pytest.approx(20_000, rel=0.01)
    assert len(curve.picture("energy")) <= 48


def stop_proposal(chance: float = 0.001) -> Proposal:
    held = {"inside": 30, "of": 31, "bound": 0.85}
    reason = {"kind": "early_stop", "chance": chance, "held": held}
    return Proposal(
        "P7", "main", {}, "ai", Actor("ai", "foresight"), 0.0, 7, action="stop", run="R9", reasons=(reason,)
    )


def test_only_a_rule_that_speaks_of_stops_decides_on_one():
    context = Context(now=0.0, remaining=0.0)
    for rule in (Accept(), Accept() | Ask(), Reject(), Accept(when="known")):
        assert judge(rule.to_json(), stop_proposal(), context).verdict == "ask"
    rule = Accept(of="stop", when=["chance < 0.005", "coverage_bound >= 0.8"]) | Accept()
    assert rule_from_json(rule.to_json()) == rule
    verdict = judge(rule.to_json(), stop_proposal(), context)
    assert verdict.verdict == "accept"
    assert verdict.rule.startswith("accept stops when chance < 0.005 and coverage_bound >= 0.8")
    assert verdict.evidence == {"chance": 0.001, "coverage_bound": 0.85, "inside": 30.0, "of": 31.0}
    assert judge(rule.to_json(), stop_proposal(0.01), context).verdict == "ask"
    start = replace(stop_proposal(), action="start", reasons=())
    assert judge(Accept(of="stop").to_json(), start, context).verdict == "ask"


def stopped_campaign() -> tuple[Campaign, str]:
    """A campaign with a finished run in each corner, and one that was stopped as the AI proposed."""
    campaign = Campaign()
    for x, y in ((0.1, 0.1), (0.1, 0.9), (0.9, 0.1), (0.9, 0.9)):
        campaign.run(x + y, x=x, y=y)
    campaign.accept(campaign.propose(x=0.5, y=0.5))
    (run,) = campaign.launch()
    draft = cmd.Draft(
        task="main", parameters={}, origin="ai", action="stop", run=run, predicted={"yield": [5.0, 0.2]}
    )
    campaign.submit(cmd.Propose(actor=AI, drafts=[draft], epoch=1))
    (stop,) = campaign.state.waiting
    campaign.accept(stop)
    campaign.end(run, 77.0, how="partial")
    return campaign, run


def test_what_a_stopped_run_returned_is_never_taken_for_its_outcome_but_what_was_foreseen_is():
    campaign, run = stopped_campaign()
    seen = evidence(campaign.state, "main")
    assert evidence(campaign.again(), "main").estimated == seen.estimated
    assert run not in {d.run for d in seen.data}
    (foreseen,) = seen.estimated
    assert foreseen.outcomes == {"yield": (5.0, 0.2)}
    policy = BayesianBox(SQUARE, {"kind": "maximize", "outcome": "yield", "unit": "g"})
    with_it, without = policy.fitter.belief(seen), None
    assert with_it is not None
    mean = with_it.first.predict(np.array([[0.5, 0.5]]))[0][0]
    without = policy.fitter.belief(replace(seen, estimated=()))
    assert without is not None
    assert mean > 3.0 > without.first.predict(np.array([[0.5, 0.5]]))[0][0]
    assert with_it.best_run != run, "nobody has reached what was only foreseen"
    told = at_runs(policy, seen)
    assert run not in told["runs"]
    assert len(told["loo_mean"]) == len(told["runs"]) == 4


def test_without_a_foreseen_end_a_stopped_run_only_says_that_it_was_stopped():
    campaign = Campaign()
    run = campaign.run(77.0, how="partial", x=0.5, y=0.5)
    seen = evidence(campaign.state, "main")
    assert seen.estimated == seen.data == ()
    assert [d.run for d in seen.censored] == [run]


def test_a_lucky_measurement_sets_no_bar_and_the_run_that_does_is_named():
    goals = Goals.of({"objective": {"kind": "maximize", "outcome": "yield", "unit": "g"}})
    data = [Datum(f"R{i}", {}, {"yield": (value, 0.0)}) for i, value in enumerate((1.0, 9.0, 4.0), 1)]
    measured = Standing.of(goals, data)
    assert (measured.run, measured.value, measured.believed) == ("R2", 9.0, False)
    believed = measured.relaxed(goals, 5.0, "R3")
    assert (believed.run, believed.value, believed.believed) == ("R3", 5.0, True)
    assert measured.relaxed(goals, 9.5, "R3") is measured
