from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisteer.errors import BadDefinition
from aisteer.journal.events import Actor, SurrogateFitted
from aisteer.journal.state import Proposal
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
from tests.steering.scenes import Campaign

CONDITIONS = st.sampled_from([None, "calibrated", "uncalibrated", "known", "unknown"])
BOUNDS = st.one_of(st.none(), st.floats(0, 1e6, allow_nan=False))
SIMPLE = st.one_of(
    st.builds(Ask, CONDITIONS),
    st.builds(Reject, CONDITIONS),
    st.builds(Accept, BOUNDS, BOUNDS, CONDITIONS, st.one_of(st.none(), st.integers(0, 1000))),
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
