"""What a human tells the AI while it runs: it obeys, says so, and forgets when it is taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes import AI, HUMAN, SQUARE, Campaign, known, task

from aisteer.errors import BadParameters, Refused, UnknownName
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.problem.parameters import Choice, Float, Int
from aisteer.problem.pool import Pool
from aisteer.problem.regions import rows_left, ruled_out
from aisteer.problem.space import Space
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.bayesian_pool import BayesianPool
from aisteer.steering.evidence import evidence
from aisteer.steering.mind import Mind
from aisteer.steering.random_arm import RandomArm
from aisteer.steering.restraint import restrained
from aisteer.steering.thought import situation

OBJECTIVE = {"kind": "maximize", "outcome": "yield", "unit": "g"}
MIXED = Space(x=Float(0, 1), n=Int(1, 9), kind=Choice(["a", "b", "c"]), constraints=["x + n <= 8"])


def steer(campaign: Campaign, **change):
    return campaign.submit(cmd.Steer(actor=HUMAN, task="main", change=change, reason="to see"))


def some(n: int = 8, **more):
    rng = np.random.default_rng(3)
    points = [{"x": float(a), "y": float(b)} for a, b in rng.random((n, 2))]
    return known(points, [-((p["x"] - 0.7) ** 2) - (p["y"] - 0.3) ** 2 for p in points], **more)


# --- the journal ------------------------------------------------------------------------------


def test_settings_stand_beside_who_set_them_and_what_was_before():
    campaign = Campaign()
    steer(campaign, batch=2, exploration=2)
    steer(campaign, batch=6)
    assert campaign.state.steering["main"] == {"batch": 6, "exploration": 2.0}
    said = campaign.state.steered["main"]["batch"]
    assert (said["by"], said["reason"], said["before"]) == ("ada", "to see", 2)
    assert campaign.again().steering == campaign.state.steering
    assert situation(campaign.state, "main").batch == 6


def test_none_takes_a_setting_back_and_the_same_again_changes_nothing():
    campaign = Campaign()
    steer(campaign, batch=2)
    assert steer(campaign, batch=2) == []
    steer(campaign, batch=None)
    assert campaign.state.steering["main"] == {}
    assert situation(campaign.state, "main").batch == 4


def test_a_steering_can_be_taken_back_until_what_it_set_was_changed():
    campaign = Campaign()
    steer(campaign, pinned={"x": 0.5})
    steer(campaign, pinned={"x": 0.25}, batch=2)
    place = campaign.state.position
    steer(campaign, batch=3)
    campaign.submit(cmd.Unsteer(actor=HUMAN, task="main", position=place))
    assert campaign.state.steering["main"] == {"pinned": {"x": 0.5}, "batch": 3}
    with pytest.raises(Refused, match="changed since"):
        campaign.submit(cmd.Unsteer(actor=HUMAN, task="main", position=place))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bach": 3}, "Did you mean 'batch'"),
        ({"batch": 0}, "batch must be"),
        ({"exploration": -1}, "exploration must be"),
        ({"exploration": float("nan")}, "exploration must be"),
        ({"trust_region": 2}, "trust_region must be"),
        ({"weights": {"yeild": 1}}, "Did you mean 'yield'"),
        ({"weights": {"yield": 0}}, "above 0"),
        ({"acquisition": ""}, "acquisition must be"),
        ({"acquisition": "improvment"}, "Did you mean 'improvement'"),
        ({"pinned": {"z": 1}}, "no parameter 'z'"),
        ({"pinned": {"x": 2}}, "x = 2"),
        ({"pinned": [1]}, "by name"),
        ({"forbidden": {"x": [0.5, 0.2]}}, "low at most high"),
        ({"forbidden": {"x": [2, 3]}}, "nothing of it lies in"),
        ({"forbidden": [{}]}, "names at least one"),
        ({"favoured": {"q": [0, 1]}}, "no parameter 'q'"),
        ({"forbidden": {"x": [0, 1]}}, "no point is left"),
        ({"pinned": {"x": 0.5}, "forbidden": {"x": [0.4, 0.6]}}, "no point is left"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_nothing_is_written(change, words):
    campaign = Campaign()
    place = campaign.state.position
    with pytest.raises(BadParameters, match=words):
        steer(campaign, **change)
    assert campaign.state.position == place


def test_pins_that_a_constraint_leaves_no_room_for_are_refused():
    campaign = Campaign(main=task(MIXED))
    with pytest.raises(BadParameters, match="no point is left"):
        steer(campaign, pinned={"n": 9})
    steer(campaign, pinned={"n": 7, "kind": "b"}, forbidden={"kind": ["a"], "x": [0, 1]})


def test_steering_a_task_that_is_not_there_is_refused():
    with pytest.raises(UnknownName, match="no task 'other'"):
        Campaign().submit(cmd.Steer(actor=HUMAN, task="other", change={"batch": 2}))


def test_waiting_proposals_of_the_ai_that_are_ruled_out_are_withdrawn_and_those_of_humans_stay():
    campaign = Campaign()
    drafts = [cmd.Draft(task="main", parameters={"x": x, "y": 0.5}, origin="ai") for x in (0.2, 0.8)]
    campaign.submit(cmd.Propose(actor=AI, drafts=drafts, epoch=1))
    own = campaign.propose(x=0.2, y=0.1)
    made = steer(campaign, forbidden={"x": [0.0, 0.5]})
    assert list(campaign.state.waiting) == ["P2", own]
    gone = campaign.state.proposals["P1"]
    assert gone.decision.reason == "it lies in a forbidden region (x 0 to 0.5)"
    assert [type(event) for event in made] == [ev.Steered, ev.ProposalWithdrawn]
    assert evidence(campaign.state, "main").rejected == ()  # nobody judged the point itself


def test_what_was_thought_of_before_a_steering_is_not_proposed_after_it():
    campaign = Campaign()
    steer(campaign, pinned={"x": 0.5})
    drafts = [cmd.Draft(task="main", parameters={"x": x, "y": 0.5}, origin="ai") for x in (0.2, 0.5)]
    campaign.submit(cmd.Propose(actor=AI, drafts=drafts, epoch=1))
    assert [p.parameters["x"] for p in campaign.state.proposals.values()] == [0.5]


# --- policies ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 20])
def test_a_box_is_searched_at_the_pinned_values_and_out_of_forbidden_regions(n):
    told = {"pinned": {"y": 0.9}, "forbidden": [{"x": [0.6, 1.0]}, {"x": [0.0, 0.2], "y": [0.5, 1.0]}]}
    batch = BayesianBox(SQUARE, OBJECTIVE, initial=4).propose(some(n, steering=told), 4)
    assert len(batch.drafts) == 4
    for draft in batch.drafts:
        assert draft.parameters["y"] == 0.9
        assert 0.2 < draft.parameters["x"] < 0.6


def test_whole_numbers_and_choices_are_pinned_and_forbidden_too():
    told = {"pinned": {"n": 3}, "forbidden": [{"kind": ["a", "b"]}]}
    rng = np.random.default_rng(1)
    points = MIXED.sample(12, rng)
    data = known(points, [p["x"] for p in points], steering=told)
    batch = BayesianBox(MIXED, OBJECTIVE, initial=2).propose(data, 4)
    assert {(d.parameters["n"], d.parameters["kind"]) for d in batch.drafts} == {(3, "c")}
    assert all(MIXED.feasible(d.parameters) for d in batch.drafts)


def test_the_best_of_a_pinned_slice_is_found_as_well_as_in_a_box_of_its_own():
    told = {"pinned": {"y": 0.8}}
    chosen = BayesianBox(SQUARE, OBJECTIVE, initial=2).propose(some(30, steering=told), 1).drafts[0]
    assert abs(chosen.parameters["x"] - 0.7) < 0.1


def test_a_favoured_region_draws_the_search_at_first_and_is_forgotten_with_the_decisions():
    box = {"x": [0.0, 0.4], "y": [0.4, 1.0]}

    def proposed(**told):
        return [
            d.parameters
            for d in BayesianBox(SQUARE, OBJECTIVE, initial=2).propose(some(10, **told), 4).drafts
        ]

    def inside(points) -> int:
        return sum(p["x"] <= 0.41 and p["y"] >= 0.39 for p in points)

    plain = proposed()
    assert inside(proposed(steering={"favoured": [box]}, steered={"favoured": 0})) >= 3 > inside(plain)
    assert proposed(steering={"favoured": [box]}, steered={"favoured": 1000}) == plain


def test_a_favoured_region_counts_where_the_best_is_found_already_too():
    """At first each proposal is of the region, then ever fewer; the others are where they would be."""
    points = [{"x": 0.5 + 0.02 * i, "y": 0.5 - 0.02 * j} for i in range(4) for j in range(4)]
    points += [{"x": x, "y": y} for x in (0.05, 0.95) for y in (0.05, 0.95)]
    values = [-100 * ((p["x"] - 0.52) ** 2 + (p["y"] - 0.48) ** 2) for p in points]
    policy = BayesianBox(SQUARE, OBJECTIVE, initial=2)

    def inside(since: int) -> int:
        told = known(points, values, steering={"favoured": [{"x": [0.8, 0.9]}]}, steered={"favoured": since})
        drafts = policy.propose(told, 4).drafts
        return sum(0.8 - 1e-9 <= d.parameters["x"] <= 0.9 + 1e-9 for d in drafts)

    assert inside(0) == 4
    assert 0 < inside(11) < 4


def test_a_favoured_region_that_a_redefinition_has_left_behind_counts_for_nothing():
    policy, plain = BayesianBox(SQUARE, OBJECTIVE, initial=2), some(10)
    left_behind = some(10, steering={"favoured": [{"x": [1.5, 2.0]}]}, steered={"favoured": 0})
    told = [[d.parameters for d in policy.propose(one, 2).drafts] for one in (plain, left_behind)]
    assert told[0] == told[1]


def test_a_favoured_part_of_a_pool_counts_however_poor_it_is():
    data = [{"key": k} for k in "abcdef"]
    policy = BayesianPool(POOL, OBJECTIVE, initial=2)
    told = known(data, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], steering={"favoured": [{"key": ["g"]}]})
    assert policy.propose(told, 2).drafts[0].parameters["key"] == "g"
    assert policy.propose(replace(told, steering={}), 1).drafts[0].parameters["key"] == "j"


def test_without_steering_the_space_is_the_space():
    assert restrained(SQUARE, some()) is SQUARE


POOL = Pool(
    {"key": list("abcdefghij"), "mass": [float(i) for i in range(10)], "family": ["odd", "even"] * 5},
    key="key",
    features=["mass"],
)


@given(
    pinned=st.dictionaries(st.just("family"), st.sampled_from(["odd", "even"]), max_size=1),
    boxes=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "mass": st.tuples(st.integers(0, 9), st.integers(0, 9)),
                "key": st.lists(st.sampled_from("abcj")),
            },
        ),
        max_size=2,
    ),
)
def test_all_candidates_at_once_are_judged_as_each_by_itself(pinned, boxes):
    settings = {"pinned": pinned, "forbidden": [{k: list(v) for k, v in box.items()} for box in boxes]}
    alone = [not ruled_out(POOL, settings, {"key": key}) for key in POOL.keys]
    assert rows_left(POOL, settings) == alone


@pytest.mark.parametrize("n", [0, 4])
def test_candidates_of_a_pool_are_forbidden_by_any_column(n):
    keys = list("abcd")[:n]
    told = {"pinned": {"family": "even"}, "forbidden": [{"mass": [6, 9]}]}
    data = known([{"key": k} for k in keys], [float(i) for i in range(n)], steering=told)
    drafts = BayesianPool(POOL, OBJECTIVE, initial=4).propose(data, 5).drafts
    assert {d.parameters["key"] for d in drafts} == {"b", "d", "f"} - set(keys)


def test_a_favoured_candidate_of_a_pool_comes_first():
    data = [{"key": k} for k in "abcde"]
    values = [5.0, 4.0, 3.0, 2.0, 1.0]
    policy = BayesianPool(POOL, OBJECTIVE, initial=2)
    told = known(data, values, steering={"favoured": [{"mass": [9, 9]}]})
    assert policy.propose(told, 1).drafts[0].parameters["key"] == "j"


def test_random_draws_obey_too():
    told = {"pinned": {"y": 0.25}, "forbidden": [{"x": [0.5, 1.0]}]}
    drafts = RandomArm(SQUARE, 0).propose(some(0, steering=told), 8).drafts
    assert len(drafts) == 8
    assert all(d.parameters["y"] == 0.25 and d.parameters["x"] < 0.5 for d in drafts)


# --- a trust region ---------------------------------------------------------------------------


def test_a_trust_region_keeps_the_search_near_the_best_run():
    best = max(some(20).data, key=lambda d: d.outcomes["yield"]).parameters
    told = some(20, steering={"trust_region": 0.2})
    drafts = BayesianBox(SQUARE, OBJECTIVE, initial=2).propose(told, 4).drafts
    assert len(drafts) == 4
    for draft in drafts:
        assert all(abs(draft.parameters[name] - best[name]) <= 0.3 for name in "xy")
    assert max(abs(d.parameters[n] - best[n]) for d in drafts for n in "xy") <= 0.3


def test_it_obeys_pins_and_forbidden_regions_too_and_gives_way_where_nothing_is_left():
    told = {"trust_region": 0.3, "pinned": {"y": 0.9}, "forbidden": [{"x": [0.7, 1.0]}]}
    drafts = BayesianBox(SQUARE, OBJECTIVE, initial=2).propose(some(20, steering=told), 3).drafts
    assert all(d.parameters["y"] == 0.9 and d.parameters["x"] < 0.7 for d in drafts)
    away = {"trust_region": 0.05, "forbidden": [{"x": [0.2, 1.0]}]}
    drafts = BayesianBox(SQUARE, OBJECTIVE, initial=2).propose(some(20, steering=away), 3).drafts
    assert len(drafts) == 3
    assert all(d.parameters["x"] < 0.2 for d in drafts)


# --- the mind ---------------------------------------------------------------------------------


def test_proposals_say_what_steering_had_to_do_with_them(tmp_path: Path):
    campaign = Campaign()
    steer(campaign, pinned={"x": 0.5}, favoured={"y": [0.0, 1.0]})
    campaign.think(Mind(tmp_path))
    waiting = [campaign.state.proposals[name] for name in campaign.state.waiting]
    assert len(waiting) == 4
    for proposal in waiting:
        words = next(r["words"] for r in proposal.reasons if r["kind"] == "steering")
        assert words == "x is pinned to 0.5; it lies in a favoured region (y 0 to 1)"


def test_proposals_of_a_pool_that_are_ruled_out_are_withdrawn_by_the_next_thought(tmp_path: Path):
    POOL.save(tmp_path)
    campaign = Campaign(main=task(POOL))
    mind = Mind(tmp_path)
    campaign.think(mind)
    steer(campaign, pinned={"family": "even"})
    campaign.think(mind)
    waiting = [campaign.state.proposals[name].parameters["key"] for name in campaign.state.waiting]
    assert set(waiting) <= set("bdfhj")
    gone = [p for p in campaign.state.proposals.values() if p.state == "withdrawn"]
    assert all(p.decision.reason == "family is pinned to even" for p in gone)
