"""The AI proposes the end, with its evidence; a human accepts it or goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scenes import HUMAN, Campaign, task

from aisteer.errors import Refused
from aisteer.execution.rules import Rules
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.steering.mind import Mind
from aisteer.steering.rules import Accept
from aisteer.steering.thought import situation


def ending(campaign: Campaign) -> list[Any]:
    return [p for n in campaign.state.waiting if (p := campaign.state.proposals[n]).action == "finish"]


def grown(tmp_path: Path, values: list[float], **rules: Any) -> tuple[Campaign, Mind]:
    """A campaign whose runs gave ``values``, and which has thought since."""
    campaign = Campaign(main=task(finish=rules, cost=2.0))
    for i, value in enumerate(values):
        campaign.run(value, x=(i + 0.5) / 30, y=(7 * i % 30) / 30)
    mind = Mind(tmp_path)
    campaign.think(mind)
    return campaign, mind


def test_without_rules_nobody_proposes_the_end(tmp_path: Path):
    campaign, _ = grown(tmp_path, [1.0] * 12)
    assert not ending(campaign)


def test_stagnation_is_proposed_with_its_evidence_and_work_goes_on_meanwhile(tmp_path: Path):
    campaign, mind = grown(tmp_path, [1.0, 3.0, *[2.0] * 6], stagnation=6)
    (proposal,) = ending(campaign)
    (reason,) = proposal.reasons
    assert reason["words"] == "the last 6 runs were no better than R2, beyond their standard errors"
    assert (reason["rule"], reason["since"], reason["best_run"]) == ("stagnation", 6, "R2")
    assert proposal.parameters == {}
    assert proposal.cost == 0
    assert len(campaign.state.waiting) > 1
    campaign.think(mind)
    assert len(ending(campaign)) == 1
    campaign.run(9.0, x=0.99, y=0.99)
    campaign.think(mind)
    assert not ending(campaign)
    assert campaign.state.proposals[proposal.id].decision.reason == "new results speak for going on"


def at_an_edge(tmp_path: Path, **rules: Any) -> tuple[Campaign, Mind]:
    """A campaign whose outcome grows up to x = 0.6, beyond which every run fails, as the last nine found."""
    campaign = Campaign(main=task(finish=rules, batch=2))
    for i in range(16):
        x, y = 0.6 * (i + 0.5) / 16, (7 * i % 16) / 15
        campaign.run(x - 2 * (y - 0.4) ** 2, x=x, y=y)
    campaign.run(0.599, x=0.599, y=0.4)
    for i in range(9):
        campaign.run(how="failed", x=0.61 + 0.04 * i, y=0.4 + 0.1 * (i % 3 - 1))
    mind = Mind(tmp_path)
    campaign.think(mind)
    return campaign, mind


def test_where_only_a_region_that_fails_is_left_the_end_is_proposed_and_the_region_named(tmp_path: Path):
    campaign, mind = at_an_edge(tmp_path)
    (proposal,) = ending(campaign)
    (reason,) = proposal.reasons
    assert (reason["rule"], reason["failed"], reason["of"]) == ("failing", 8, 8)
    assert reason["region"]["x"][0] >= 0.6
    assert "8 of the last 8 runs failed in x 0.65 to" in reason["words"]
    assert "none was better than R17" in reason["words"]
    assert "campaign.steer(forbidden=" in reason["words"]
    assert len(campaign.state.waiting) > 1, "a human can go on as well"
    campaign.reject(proposal.id)
    campaign.think(mind)
    assert not ending(campaign), "a human has just said to go on"
    for i in range(10):
        campaign.run(how="failed", x=0.62 + 0.03 * i, y=0.45)
    for name in list(campaign.state.waiting):
        campaign.reject(name)
    campaign.think(mind)
    assert len(ending(campaign)) == 1, "and ten runs later they still fail"


def test_it_is_not_where_it_was_turned_off_or_runs_succeed(tmp_path: Path):
    campaign, _ = at_an_edge(tmp_path, failing=False)
    assert not ending(campaign)
    campaign, mind = at_an_edge(tmp_path)
    for i in range(3):
        campaign.run(0.3 + 0.01 * i, x=0.3, y=0.1 * i)
    campaign.submit(cmd.Steer(actor=HUMAN, task="main", change={"forbidden": [{"x": [0.6, 1.0]}]}))
    campaign.think(mind)
    assert not ending(campaign)


@pytest.mark.full
@pytest.mark.parametrize("batch", [1, 4])
def test_a_search_at_such_an_edge_ends_before_most_of_its_runs_have_failed(tmp_path: Path, batch: int):
    campaign, mind = Campaign(main=task(batch=batch, slots=batch)), Mind(tmp_path)
    runs: list[dict[str, Any]] = []
    while not ending(campaign) and len(runs) < 44:
        campaign.think(mind)
        for name in list(campaign.state.waiting):
            if campaign.state.proposals[name].action == "start":
                campaign.accept(name)
        for run in campaign.launch():
            point = campaign.state.runs[run].parameters
            runs.append(point)
            if point["x"] > 0.6:
                campaign.end(run, how="failed")
            else:
                campaign.end(run, point["x"] - 2 * (point["y"] - 0.4) ** 2)
    assert ending(campaign)
    assert sum(point["x"] > 0.6 for point in runs) <= 20
    assert max(p["x"] - 2 * (p["y"] - 0.4) ** 2 for p in runs if p["x"] <= 0.6) > 0.57


def test_a_gain_that_is_not_worth_its_cost_is_named_with_both(tmp_path: Path):
    flat = [1.0 + 1e-9 * (i % 3) for i in range(14)]
    campaign, _ = grown(tmp_path, flat, gain_below=0.5)
    (proposal,) = ending(campaign)
    (reason,) = proposal.reasons
    assert reason["per_cost"] == pytest.approx(reason["gain"] / 2.0)
    assert reason["per_cost"] < 0.5
    assert "per unit of cost (node-hours): less than 0.5" in reason["words"]
    steep, _ = grown(tmp_path, [float(i) for i in range(14)], gain_below=1e-6)
    assert not ending(steep)


def test_a_budget_that_covers_no_further_run_ends_it_once_nothing_runs(tmp_path: Path):
    campaign = Campaign(main=task(finish={"budget": True}, cost=2.0))
    campaign.submit(
        cmd.SetBudget(actor=HUMAN, budget={"amount": 5.0, "unit": "node-hours", "counts": "estimated"})
    )
    for x in (0.1, 0.2):
        campaign.accept(campaign.propose(x=x, y=0.5))
    mind, (one, two) = Mind(tmp_path), campaign.launch()
    campaign.end(one, 1.0)
    campaign.think(mind)
    assert not ending(campaign)
    campaign.end(two, 1.0)
    campaign.think(mind)
    (proposal,) = ending(campaign)
    assert "1 node-hour left of the budget" in proposal.reasons[0]["words"]


def test_whoever_accepts_ends_the_campaign_and_whoever_rejects_goes_on_for_a_while(tmp_path: Path):
    campaign, mind = grown(tmp_path, [3.0, *[2.0] * 6], stagnation=6)
    (proposal,) = ending(campaign)
    campaign.reject(proposal.id)
    for i in range(5):
        campaign.run(2.0, x=0.9, y=i / 10)
    campaign.think(mind)
    assert not ending(campaign)
    campaign.run(2.0, x=0.95, y=0.9)
    campaign.think(mind)
    (again,) = ending(campaign)
    campaign.accept(again.id)
    assert not campaign.state.active
    assert campaign.state.pause_reason.startswith(
        f"finished, as {again.id} proposed: the last 12 runs were no better"
    )
    assert not campaign.state.accepted
    revision = campaign.state.proposals[again.id].revision
    with pytest.raises(Refused, match=r"campaign\.start\(\)"):
        campaign.submit(cmd.Undo(actor=HUMAN, proposal=again.id, revision=revision))
    other = cmd.Draft(task="main", parameters={}, origin="ai", action="finish")
    (made,) = campaign.submit(cmd.Propose(actor=HUMAN, drafts=[other], repeat=True))
    edit = cmd.Edit(actor=HUMAN, proposal=made.proposal, revision=campaign.state.position, parameters={})
    with pytest.raises(Refused, match="nothing in it to edit"):
        campaign.submit(edit)
    campaign.submit(cmd.Start(actor=HUMAN))
    assert situation(campaign.state, "main").active
    assert campaign.again().finished == campaign.state.finished == {}


def test_rules_never_end_a_campaign(tmp_path: Path):
    campaign, _ = grown(tmp_path, [3.0, *[2.0] * 6], stagnation=6)
    campaign.submit(cmd.SetAutonomy(actor=HUMAN, rule=Accept().to_json()))
    (proposal,) = ending(campaign)
    assert proposal.id not in {verdict.proposal for verdict in Rules().verdicts(campaign.state, 0.0)}
    forced = cmd.Verdict(proposal=proposal.id, verdict="accepted", rule="accept")
    assert campaign.submit(cmd.Decide(actor=HUMAN, epoch=1, verdicts=[forced])) == []


def test_rules_begin_nothing_more_while_it_waits_whether_to_end(tmp_path: Path):
    campaign, _ = grown(tmp_path, [3.0, *[2.0] * 6], stagnation=6)
    campaign.submit(cmd.SetAutonomy(actor=HUMAN, rule=Accept().to_json()))
    (proposal,) = ending(campaign)
    assert campaign.state.ending("main") == proposal.id
    assert Rules().verdicts(campaign.state, 0.0) == []
    campaign.reject(proposal.id)
    assert campaign.state.ending("main") == ""
    assert Rules().verdicts(campaign.state, 0.0)


def test_what_is_run_for_comparison_waits_with_the_last_of_the_others():
    campaign = Campaign(a=task(), b=task(), arm=task(policy="random", baseline=True))
    for name, held in (("a", ""), ("b", "P1")):
        draft = cmd.Draft(task=name, parameters={}, origin="ai", action="finish")
        (made,) = campaign.submit(cmd.Propose(actor=HUMAN, drafts=[draft], repeat=True))
        assert campaign.state.ending(name) == made.proposal
        assert campaign.state.ending("arm") == held


def test_of_several_tasks_one_ends_and_the_others_go_on():
    campaign = Campaign(a=task(), b=task(), arm=task(policy="random", baseline=True))
    for name in ("a", "b"):
        draft = cmd.Draft(task=name, parameters={}, origin="ai", action="finish")
        (made,) = campaign.submit(cmd.Propose(actor=HUMAN, drafts=[draft], repeat=True))
        assert campaign.state.active
        campaign.accept(made.proposal)
        assert not situation(campaign.state, name).active
    assert not campaign.state.active
    assert any(isinstance(record.event, ev.CampaignPaused) for record in campaign.records)
