from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisteer.errors import BadDefinition
from aisteer.execution.rules import Rules
from aisteer.journal import commands as c
from aisteer.journal.events import Actor, SurrogateFitted
from aisteer.journal.state import Proposal, estimate_cost
from aisteer.steering.autonomy import (
    Accept,
    Ask,
    Context,
    First,
    Reject,
    Rule,
    Unanswered,
    judge,
    rule_from_json,
)
from aisteer.surrogates.calibration import coverage
from tests.steering.scenes import AI, HUMAN, Campaign, task

NAMED = st.sampled_from(["calibrated", "uncalibrated", "known", "unknown"])
COMPARED = st.builds(
    "{} {} {:g}{}".format,
    st.sampled_from(["coverage_bound", "std", "correlation", "cost"]),
    st.sampled_from(["<", "<=", ">", ">="]),
    st.floats(-10, 10),
    st.just(""),
)
ONE = NAMED | COMPARED | st.just("cost < 10 node_hours") | st.just("cost <= 3 runs")
CONDITIONS = st.none() | ONE | st.lists(ONE, min_size=1, max_size=3)
BOUNDS = st.one_of(st.none(), st.floats(0, 1e6, allow_nan=False))
SIMPLE = st.one_of(
    st.builds(Ask, CONDITIONS),
    st.builds(Reject, CONDITIONS),
    st.builds(
        Accept,
        BOUNDS,
        BOUNDS,
        CONDITIONS,
        st.one_of(st.none(), st.integers(0, 1000)),
        st.none() | st.integers(1, 99),
    ),
)
ANY = st.one_of(SIMPLE, st.builds(Unanswered, st.floats(0, 1e6), SIMPLE))
RULES = st.one_of(ANY, st.lists(ANY, min_size=1, max_size=6).map(lambda rules: First(tuple(rules))))

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["rule", "rules", "then", "after", "when", "cost_below", "limit", "x"]), inner
        ),
    ),
    max_leaves=12,
)


def proposal(**more: Any) -> Proposal:
    told: dict[str, Any] = {"cost": 0.1, "predicted": {"yield": [5.0, 0.2]}, "time": 1000.0, **more}
    return Proposal(
        id="P1", task="main", parameters={}, origin="ai", author=Actor("ai", "b"), revision=1, **told
    )


def context(**more: Any) -> Context:
    return Context(**{"now": 1010.0, "outcome": "yield", **more})


def verdict(rule: Rule, p: Proposal | None = None, **more: Any) -> str:
    return judge(rule.to_json(), p or proposal(), context(**more)).verdict


@given(RULES)
def test_a_rule_survives_the_journal(rule: Rule):
    assert rule_from_json(rule.to_json()) == rule


@given(st.one_of(JSON, RULES.map(lambda rule: {**rule.to_json(), "x": 1})))
def test_what_is_no_rule_asks_a_human_and_says_why(data: Any):
    try:
        rule_from_json(data)
    except BadDefinition:
        said = judge(data, proposal(), context())
        assert said.verdict == "ask"
        assert "cannot be read" in said.rule


@pytest.mark.parametrize(
    "data",
    [
        {"rule": "accept", "cost_below": math.nan},
        {"rule": "accept", "cost_below": "1"},
        {"rule": "accept", "limit": 1.5},
        {"rule": "accept", "limit": True},
        {"rule": "accept", "when": ["calibrated"]},
        {"rule": "accept", "else": "accept"},
        {"rule": "first", "rules": []},
        {"rule": "first", "rules": "accept"},
        {"rule": "first", "rules": [{"rule": "accept"}] * 1000},
        {"rule": "unanswered", "after": "soon", "then": {"rule": "accept"}},
        {"rule": "unanswered", "then": {"rule": "accept"}},
        {"rule": "__class__"},
        [],
        "accept",
        None,
    ],
)
def test_hostile_rules_accept_nothing(data: Any):
    assert judge(data, proposal(), context()).verdict == "ask"


def test_a_rule_nested_without_end_is_refused():
    data: dict[str, Any] = {"rule": "accept"}
    for _ in range(10_000):
        data = {"rule": "unanswered", "after": 0, "then": data}
    assert judge(data, proposal(), context()).verdict == "ask"


def test_the_first_rule_that_applies_wins():
    assert verdict(Accept(cost_below=1) | Reject()) == "accept"
    assert verdict(Accept(cost_below=0.05) | Reject()) == "reject"
    assert verdict(Ask(when="unknown") | Accept()) == "ask"
    assert verdict(Accept(cost_below=0.05)) == "ask"


def test_every_bound_of_an_acceptance_has_to_hold_and_is_named():
    rule = Accept(cost_below=0.5, std_below=0.3)
    said = judge(rule.to_json(), proposal(), context())
    assert said.verdict == "accept"
    assert said.evidence == {"cost": 0.1, "predicted std": 0.2}
    assert "cost 0.1 is below 0.5" in said.rule
    assert "predicted std 0.2 is below 0.3" in said.rule
    assert verdict(rule, proposal(cost=0.5)) == "ask"
    assert verdict(rule, proposal(predicted={})) == "ask"


def test_what_was_not_predicted_is_not_below_a_bound():
    assert verdict(Accept(std_below=1e9), proposal(predicted={"other": [0.0, 0.0]})) == "ask"


def test_calibrated_looks_at_the_fit():
    trusted = {"trusted": True, "words": "9 of 10 inside", "inside": 9, "of": 10}
    said = judge(Accept(when="calibrated").to_json(), proposal(), context(calibration=trusted))
    assert said.verdict == "accept"
    assert "9 of 10 inside" in said.rule
    assert said.evidence == {"inside": 9.0, "of": 10.0}
    assert verdict(Accept(when="calibrated"), calibration={"trusted": False}) == "ask"
    assert verdict(Accept(when="calibrated")) == "ask"
    assert verdict(Accept(when="calibrated"), calibration={"trusted": "yes"}) == "ask"


def test_known_looks_at_the_distance_from_what_has_run():
    near = {"kind": "distance", "correlation": 0.9, "length_scales": 0.3, "far": False, "run": "R7"}
    said = judge(Accept(when="known").to_json(), proposal(reasons=(near,)), context())
    assert said.verdict == "accept"
    assert "0.3 length scales from and 0.9 correlated with R7" in said.rule
    assert verdict(Accept(when="known"), proposal(reasons=({**near, "far": True},))) == "ask"
    assert verdict(Accept(when="known")) == "ask"
    assert verdict(Reject(when="unknown")) == "reject"


def test_what_is_not_known_accepts_nothing_whatever_the_condition():
    for condition in ("known", "unknown", "calibrated", "uncalibrated"):
        assert verdict(Accept(when=condition)) == "ask"
        assert verdict(Ask(when=condition) | Accept()) == "ask"
    far = {"kind": "distance", "correlation": 0.1, "far": True, "run": "R7"}
    assert verdict(Accept(when="unknown"), proposal(reasons=(far,))) == "accept"
    assert verdict(Accept(when="uncalibrated"), calibration={"trusted": False, "words": "bad"}) == "accept"


def test_a_cost_that_nobody_knows_is_below_no_bound():
    for rule in (Accept(cost_below=1e9), Accept(when="cost < 1e9"), Accept(when="cost >= 0")):
        said = judge(rule.to_json(), proposal(cost=0.0), context())
        assert said.verdict == "ask"
        assert "cost is not known" in said.rule
        assert verdict(rule, proposal(cost=0.0), free=True) == "accept"
    assert verdict(Ask(when="cost > 5") | Accept(), proposal(cost=0.0)) == "ask"


@pytest.mark.parametrize(("stated", "accepts"), [(None, False), (0.0, True), (0.2, True)])
def test_a_cost_is_known_once_it_is_stated_or_a_run_has_ended(stated: float | None, accepts: bool):
    campaign = Campaign(autonomy=Accept(cost_below=0.5).to_json(), main=task(cost=stated))
    first = campaign.propose(x=0.1, y=0.2)
    assert bool(Rules().verdicts(campaign.state, 2000.0)) is accepts
    campaign.accept(first)
    (run,) = campaign.launch()
    campaign.end(run, 1.0)
    cost = estimate_cost(campaign.state.definition["tasks"]["main"], campaign.state, "main")
    draft = c.Draft(task="main", parameters={"x": 0.3, "y": 0.2}, origin="ai", cost=cost)
    campaign.submit(c.Propose(actor=AI, epoch=1, drafts=[draft]))
    assert Rules().verdicts(campaign.state, 2000.0)


def test_one_objective_that_is_not_to_be_trusted_is_enough_to_ask():
    two = {"outcome": "yield", "kind": "maximize"}, {"outcome": "purity", "kind": "maximize"}
    campaign = Campaign(
        autonomy=Accept(when="calibrated").to_json(), main=task(objective=two[0], objectives=list(two))
    )
    campaign.propose(x=0.1, y=0.2)
    good, bad = ({"calibration": {"trusted": one, "words": str(one), "of": 9}} for one in (True, False))
    for purity, accepts in ((bad, False), (good, True)):
        summary = {**good, "outcomes": {"yield": good, "purity": purity}}
        campaign.state.models["main"] = SurrogateFitted(task="main", model=1, runs=9, summary=summary)
        assert bool(Rules().verdicts(campaign.state, 2000.0)) is accepts


def test_a_question_that_nobody_answers_is_decided_when_its_time_has_come():
    rule = Accept(cost_below=0.01) | Ask() | Unanswered("1 min", Reject())
    early = judge(rule.to_json(), proposal(), context())
    assert (early.verdict, early.next_look) == ("ask", 1060.0)
    late = judge(rule.to_json(), proposal(), context(now=1060.0))
    assert late.verdict == "reject"
    assert "nobody answered for 1 min" in late.rule
    assert late.evidence["waited"] == 60.0


def test_durations_are_read_as_they_are_written():
    assert [Unanswered(d, Accept()).after for d in (5, "90 s", "30min", "2h", "1 d")] == [
        5.0,
        90.0,
        1800.0,
        7200.0,
        86400.0,
    ]
    for nonsense in ("2 parsecs", -1, math.inf, "", True):
        with pytest.raises(BadDefinition):
            Unanswered(nonsense, Accept())


def test_a_rule_never_spends_more_than_is_left():
    said = judge(Accept().to_json(), proposal(cost=2.0), context(remaining=1.5))
    assert said.verdict == "ask"
    assert "costs 2 and 1.5 of the budget is left" in said.rule


def test_a_limit_counts_what_was_accepted_without_a_human():
    assert verdict(Accept(limit=3), automatic=lambda: 2) == "accept"
    assert verdict(Accept(limit=3), automatic=lambda: 3) == "ask"


def test_the_context_is_made_of_the_state():
    campaign = Campaign()
    name = campaign.propose(x=0.1, y=0.2)
    campaign.state.models["main"] = SurrogateFitted(
        task="main", model=1, runs=3, summary={"calibration": {"trusted": True, "words": "good"}}
    )
    made = Context.of(campaign.state, campaign.state.proposals[name], 5.0)
    assert (made.now, made.outcome, made.calibration["words"]) == (5.0, "yield", "good")
    assert made.remaining == math.inf
    assert made.automatic() == 0


# --- trust that is earned ---------------------------------------------------------------------

EARNED = Accept(when=["coverage_bound >= 0.8", "cost < 10 node_hours"], least=20)


def predicted(campaign: Campaign, inside: int, outside: int = 0) -> list[str]:
    """Runs of which it was said beforehand that the yield would be 0 ± 1; the last ``outside`` are far off."""
    points = [{"x": i / 100, "y": 0.5} for i in range(inside + outside)]
    drafts = [
        c.Draft(task="main", parameters=p, origin="ai", predicted={"yield": [0.0, 1.0]}) for p in points
    ]
    for event in campaign.submit(c.Propose(actor=AI, drafts=drafts, epoch=1)):
        campaign.accept(event.proposal)  # type: ignore[attr-defined]
    runs = campaign.launch()
    for i, run in enumerate(runs):
        campaign.end(run, 0.5 if i < inside else 9.0)
    return runs


def answers(campaign: Campaign, **more: Any) -> list[tuple[str, str]]:
    """What the rules say of a proposal of the AI that waits: verdict and reason."""
    draft = c.Draft(task="main", parameters={"x": 0.9, "y": 0.9}, origin="ai", **{"cost": 2.0, **more})
    (made,) = campaign.submit(c.Propose(actor=AI, drafts=[draft], epoch=1))
    found = Rules().verdicts(campaign.state, 0.0)
    campaign.submit(c.Withdraw(actor=AI, proposals=[made.proposal], reason=""))  # type: ignore[attr-defined]
    return [(one.verdict, one.rule) for one in found]


def test_trust_has_to_be_earned_and_is_lost_again():
    campaign = Campaign(autonomy=EARNED.to_json())
    predicted(campaign, 19)
    assert answers(campaign) == []
    predicted(campaign, 1)
    ((word, reason),) = answers(campaign)
    assert word == "accepted"
    assert reason == (
        "accept when coverage_bound >= 0.8 and cost < 10 node-hours, counted from 20 on: coverage_bound 0.861 "
        "(20 of 20 outcomes of yield inside the 90 % interval predicted before they ran, 20 needed); cost 2 node-hours"
    )
    assert answers(campaign, cost=10.0) == []
    off = predicted(campaign, 0, 4)
    assert answers(campaign) == []
    for run in off:  # what is marked bad counts no more, at once
        campaign.submit(c.Mark(actor=HUMAN, run=run, bad=True))
    assert [word for word, _ in answers(campaign)] == ["accepted"]


def test_only_the_latest_outcomes_count():
    campaign = Campaign(autonomy=EARNED.to_json())
    predicted(campaign, 30, 20)
    assert answers(campaign) == []
    predicted(campaign, 50)
    assert [word for word, _ in answers(campaign)] == ["accepted"]


def test_what_cannot_be_told_asks():
    few = context(earned=lambda: ("yield", coverage(*[np.zeros(3)] * 2, np.ones(3))))
    assert judge(EARNED.to_json(), proposal(), few).verdict == "ask"
    careful = Ask(when="coverage_bound < 0.8") | Accept()
    assert judge(careful.to_json(), proposal(), few).verdict == "ask"
    assert verdict(Accept(when="cost < 3 runs"), unit="node-hours") == "ask"
    assert verdict(Accept(when="cost < 3 runs"), unit="runs") == "accept"
    assert verdict(Reject(when="std > 0.1"), proposal(predicted={})) == "ask"
    assert verdict(Accept(when="correlation >= 0.5")) == "ask"


def test_why_it_asks_names_the_numbers():
    asked = judge(EARNED.to_json(), proposal(), context())
    assert "coverage_bound 0.000 (0 of 0 outcomes inside" in asked.rule
    assert "so a human decides" in asked.rule


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("coverag_bound > 1", "Did you mean 'coverage_bound'"),
        ("cost = 3", "is no condition"),
        ("cost < 3 days", "node_hours or in runs"),
        ("std < 3 runs", "nothing else has a unit"),
        ("cost < 1e999", "no finite number"),
        ("cost < 1.2.3", "no finite number"),
        ([], "1 to 16"),
        (["known", 3], "is no condition"),
    ],
)
def test_a_condition_that_is_none_is_refused_in_words(when: Any, words: str):
    with pytest.raises(BadDefinition, match=words):
        Accept(when=when)
    with pytest.raises(BadDefinition, match="least must be"):
        Accept(when="known", least=0)


def test_where_a_human_is_asked_the_rules_before_say_why_they_do_not_apply():
    rule = Accept(cost_below=0.05) | Accept(when="calibrated", std_below=0.5) | Ask()
    words = "7 of 20 outcomes fell inside: do not trust it"
    said = judge(rule.to_json(), proposal(), context(calibration={"trusted": False, "words": words}))
    assert said.verdict == "ask"
    assert "cost 0.1 is not below 0.05" in said.rule
    assert words in said.rule
    assert judge(Ask().to_json(), proposal(), context()).rule == "ask"
