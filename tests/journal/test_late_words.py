"""What comes too late: a thought about what is no longer asked, a rule's answer that a human was faster than."""

from __future__ import annotations

from typing import Any

import pytest

from aisteer.errors import Refused
from aisteer.execution.rules import Rules
from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal.commands import Verdict
from aisteer.problem.parameters import Float
from aisteer.problem.space import Space
from aisteer.steering.evidence import evidence
from tests.steering.scenes import AI, DRIVER, HUMAN, Campaign, task

RULE = ev.Actor("rule", "autonomy")
ACCEPT = {"rule": "accept"}
MINIMIZE = {"kind": "minimize", "outcome": "yield", "unit": "g"}


def redefine(campaign: Campaign, **changes: Any) -> None:
    """Another definition of the first task; a change to ``None`` takes the task away."""
    tasks = {**campaign.state.definition["tasks"]}
    tasks["main"] = {**tasks["main"], **changes}
    command = c.Redefine(actor=HUMAN, definition={**campaign.state.definition, "tasks": tasks}, changes=["x"])
    campaign.submit(command)


def thought(campaign: Campaign, asked: dict[str, Any], **parameters: float) -> list[ev.Event]:
    draft = c.Draft(task="main", parameters=parameters, origin="ai")
    return campaign.submit(c.Propose(actor=AI, epoch=1, drafts=[draft], asked=asked))


@pytest.mark.parametrize(
    "change",
    [
        {"objective": MINIMIZE},
        {"space": Space(x=Float(5, 6), y=Float(0, 1)).to_json()},
        {"policy": {"name": "random"}},
        {"feasible": ["yield >= 0.5"]},
    ],
)
def test_a_thought_about_what_is_no_longer_asked_is_left_out(change: dict[str, Any]) -> None:
    campaign = Campaign()
    asked = campaign.state.definition["tasks"]["main"]
    own = campaign.propose(x=0.5, y=0.5)
    redefine(campaign, **change)
    assert thought(campaign, asked, x=0.1, y=0.1) == []
    fit = ev.SurrogateFitted(task="main", model=0, runs=3, summary={"data": "d"})
    assert campaign.submit(c.Fitted(actor=AI, epoch=1, fit=fit, asked=asked)) == []
    told = ev.ProposalPredicted(proposal=own, predicted={"yield": [1.0, 0.1]})
    assert campaign.submit(c.Predict(actor=AI, epoch=1, predictions=[told], asked=asked)) == []
    assert thought(campaign, campaign.state.definition["tasks"]["main"], x=0.1, y=0.1)


def test_a_thought_about_a_task_that_is_gone_is_left_out() -> None:
    campaign = Campaign(main=task(), other=task())
    asked = campaign.state.definition["tasks"]["main"]
    definition = {"tasks": {"other": campaign.state.definition["tasks"]["other"]}}
    campaign.submit(c.Redefine(actor=HUMAN, definition=definition, changes=["main is gone"]))
    assert thought(campaign, asked, x=0.1, y=0.1) == []


def test_a_thought_outlives_a_change_that_asks_nothing_else() -> None:
    campaign = Campaign()
    asked = campaign.state.definition["tasks"]["main"]
    redefine(campaign, batch=8, slots=1)
    assert thought(campaign, asked, x=0.1, y=0.1)


def waits(campaign: Campaign, **more: Any) -> tuple[str, list[Verdict]]:
    """A proposal that the rules accept, and their answer, which the gate has not seen yet."""
    name = campaign.propose(x=0.3, y=0.4, **more)
    verdicts = list(Rules().verdicts(campaign.state, 2000.0))
    assert [(one.proposal, one.verdict) for one in verdicts] == [(name, "accepted")]
    return name, verdicts


def decide(campaign: Campaign, verdicts: list[Verdict]) -> list[ev.Event]:
    return campaign.submit(c.Decide(actor=RULE, epoch=1, verdicts=verdicts))


def test_rules_that_were_changed_meanwhile_decide_nothing() -> None:
    campaign = Campaign(autonomy=ACCEPT)
    _, verdicts = waits(campaign)
    campaign.submit(c.SetAutonomy(actor=HUMAN, rule={"rule": "ask"}))
    assert decide(campaign, verdicts) == []


def test_a_decision_that_a_human_took_back_meanwhile_is_left_to_humans() -> None:
    campaign = Campaign(autonomy=ACCEPT)
    name, verdicts = waits(campaign)
    campaign.accept(name)
    campaign.submit(c.Undo(actor=HUMAN, proposal=name, revision=campaign.state.proposals[name].revision))
    assert decide(campaign, verdicts) == []


def test_rules_decide_nothing_in_a_campaign_that_was_paused_meanwhile() -> None:
    campaign = Campaign(autonomy=ACCEPT)
    _, verdicts = waits(campaign)
    campaign.submit(c.Pause(actor=HUMAN))
    assert decide(campaign, verdicts) == []


def test_rules_begin_nothing_once_an_end_is_proposed_however_late_their_answer_comes() -> None:
    campaign = Campaign(autonomy=ACCEPT)
    _, verdicts = waits(campaign)
    campaign.submit(c.Propose(actor=AI, epoch=1, drafts=[ending()]))
    assert decide(campaign, verdicts) == []


def ending(name: str = "main") -> c.Draft:
    return c.Draft(task=name, parameters={}, origin="ai", action="finish", reasons=[{"kind": "finish"}])


def test_rules_begin_nothing_more_in_a_task_that_was_ended_while_another_goes_on() -> None:
    campaign = Campaign(autonomy=ACCEPT, main=task(), other=task())
    name, verdicts = waits(campaign)
    (made,) = campaign.submit(c.Propose(actor=AI, epoch=1, drafts=[ending()]))
    campaign.accept(made.proposal)  # type: ignore[attr-defined]
    assert campaign.state.active
    assert decide(campaign, verdicts) == []
    assert Rules().verdicts(campaign.state, 2000.0) == []
    campaign.accept(name)  # a human still may


def test_a_rule_stops_no_run_that_is_over() -> None:
    campaign = Campaign(autonomy={"rule": "accept", "of": "stop"})
    campaign.accept(campaign.propose(x=0.1, y=0.1))
    (run,) = campaign.launch()
    stop = c.Draft(task="main", parameters={"x": 0.1, "y": 0.1}, origin="ai", action="stop", run=run)
    campaign.submit(c.Propose(actor=AI, epoch=1, drafts=[stop]))
    verdicts = list(Rules().verdicts(campaign.state, 2000.0))
    assert len(verdicts) == 1
    campaign.end(run, 1.0)
    assert decide(campaign, verdicts) == []
    assert Rules().verdicts(campaign.state, 2000.0) == []


def test_an_ai_decides_nothing_whatever_it_asks() -> None:
    campaign = Campaign()
    name = campaign.propose(x=0.3, y=0.4)
    revision = campaign.state.proposals[name].revision
    draft = c.Draft(task="main", parameters={"x": 0.1, "y": 0.1}, origin="ai")
    for command in (
        c.Accept(actor=AI, proposal=name, revision=revision),
        c.Reject(actor=AI, proposal=name, revision=revision),
        c.Edit(actor=AI, proposal=name, revision=revision, parameters={"x": 0.2, "y": 0.2}),
        c.Decide(actor=AI, epoch=1, verdicts=[Verdict(proposal=name, verdict="accepted", rule="accept")]),
        c.Propose(actor=AI, epoch=1, drafts=[draft], accept=True),
        c.SetAutonomy(actor=AI, rule=ACCEPT),
        c.SetBudget(actor=AI, budget=None),
        c.Steer(actor=AI, task="main", change={"batch": 100}),
    ):
        with pytest.raises(Refused, match="decides"):
            campaign.submit(command)
    assert campaign.state.proposals[name].state == "waiting"


def test_the_ai_takes_nothing_back_that_a_human_proposed() -> None:
    campaign = Campaign()
    own, its = campaign.propose(x=0.3, y=0.4), campaign.propose(x=0.5, y=0.4, origin="ai")
    campaign.submit(c.Withdraw(actor=AI, epoch=1, proposals=[own, its], reason="stale"))
    assert [campaign.state.proposals[name].state for name in (own, its)] == ["waiting", "withdrawn"]


def test_what_is_said_of_a_run_that_has_ended_is_no_prediction() -> None:
    campaign = Campaign()
    name = campaign.propose(x=0.3, y=0.4)
    campaign.accept(name)
    (run,) = campaign.launch()
    told = [ev.ProposalPredicted(proposal=name, predicted={"yield": [1.0, 0.1]})]
    assert campaign.submit(c.Predict(actor=AI, epoch=1, predictions=told))
    later = [ev.ProposalPredicted(proposal=name, predicted={"yield": [2.0, 0.1]})]
    campaign.end(run, 2.0)
    evidence(campaign.state, "main")
    assert campaign.submit(c.Predict(actor=DRIVER, epoch=1, predictions=later)) == []
    assert evidence(campaign.state, "main").data == evidence(campaign.again(), "main").data
    assert campaign.state.proposals[name].predicted == {"yield": [1.0, 0.1]}
