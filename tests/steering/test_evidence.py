from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.state import estimate_cost
from aisteer.steering.evidence import evidence
from aisteer.steering.ledger import ledger
from tests.steering.scenes import AI, HUMAN, Campaign, task


def runs(campaign: Campaign, name: str = "main") -> list[str]:
    return [d.run for d in evidence(campaign.state, name).data]


def test_a_finished_run_is_evidence_with_its_error_and_what_was_predicted():
    campaign = Campaign()
    draft = cmd.Draft(
        task="main", parameters={"x": 0.1, "y": 0.2}, origin="ai", predicted={"yield": [1.0, 0.5]}, model=3
    )
    campaign.submit(cmd.Propose(actor=AI, epoch=1, drafts=[draft]))
    campaign.accept("P1")
    campaign.launch()
    campaign.end("R1", 1.5, error=0.1)
    (datum,) = evidence(campaign.state, "main").data
    assert datum.parameters == {"x": 0.1, "y": 0.2}
    assert datum.outcomes == {"yield": (1.5, 0.1)}
    assert (datum.predicted, datum.model, datum.origin) == ({"yield": [1.0, 0.5]}, 3, "ai")


def test_arms_never_mix():
    campaign = Campaign(main=task(), baseline=task(policy="random"))
    campaign.run(1.0, x=0.1, y=0.1)
    campaign.run(2.0, name="baseline", x=0.2, y=0.2)
    assert runs(campaign) == ["R1"]
    assert runs(campaign, "baseline") == ["R2"]


def test_stopped_failed_and_marked_runs_are_not_data():
    campaign = Campaign()
    campaign.run(1.0, x=0.1, y=0.1)
    campaign.run(2.0, x=0.2, y=0.2, how="partial")
    campaign.run(None, x=0.3, y=0.3, how="failed")
    campaign.run(None, x=0.4, y=0.4, how="lost")
    known = evidence(campaign.state, "main")
    assert [d.run for d in known.data] == ["R1"]
    assert [d.run for d in known.censored] == ["R2"]
    assert known.failed == ({"x": 0.3, "y": 0.3}, {"x": 0.4, "y": 0.4})
    campaign.submit(cmd.Mark(actor=HUMAN, run="R1", bad=True))
    assert runs(campaign) == []
    assert evidence(campaign.state, "main").bad == ({"x": 0.1, "y": 0.1},)
    campaign.submit(cmd.Mark(actor=HUMAN, run="R1", bad=False))
    assert runs(campaign) == ["R1"]


def test_what_runs_or_was_accepted_is_pending():
    campaign = Campaign()
    campaign.accept(campaign.propose(x=0.1, y=0.1))
    assert evidence(campaign.state, "main").pending == ({"x": 0.1, "y": 0.1},)
    campaign.launch()
    campaign.propose(x=0.2, y=0.2)
    known = evidence(campaign.state, "main")
    assert known.pending == ({"x": 0.1, "y": 0.1},)
    assert known.waiting == (("P2", {"x": 0.2, "y": 0.2}),)
    campaign.end("R1", 1.0)
    assert evidence(campaign.state, "main").pending == ()


def test_a_rejection_counts_the_decisions_that_follow_and_can_be_taken_back():
    campaign = Campaign()
    campaign.reject(campaign.propose(x=0.1, y=0.1))
    assert evidence(campaign.state, "main").rejected == (({"x": 0.1, "y": 0.1}, 0),)
    campaign.run(1.0, x=0.2, y=0.2)
    campaign.reject(campaign.propose(x=0.3, y=0.3))
    assert [since for _, since in evidence(campaign.state, "main").rejected] == [2, 0]
    revision = campaign.state.proposals["P1"].revision
    campaign.submit(cmd.Undo(actor=HUMAN, proposal="P1", revision=revision))
    known = evidence(campaign.state, "main")
    assert [since for _, since in known.rejected] == [0]
    assert known.waiting == (("P1", {"x": 0.1, "y": 0.1}),)


def test_a_stale_proposal_that_the_ai_took_back_is_no_rejection():
    campaign = Campaign()
    campaign.propose(origin="ai", x=0.1, y=0.1)
    campaign.submit(cmd.Withdraw(actor=AI, proposals=["P1"], reason="stale", epoch=1))
    assert not campaign.state.waiting
    assert evidence(campaign.state, "main").rejected == ()


def stop_proposed() -> tuple[Campaign, str, str]:
    """A run under way, and the AI's proposal to stop it, with what it foresees."""
    campaign = Campaign()
    campaign.accept(campaign.propose(x=0.1, y=0.1))
    (run,) = campaign.launch()
    told = {"yield": [5.0, 0.2]}
    draft = cmd.Draft(task="main", parameters={}, origin="ai", action="stop", run=run, predicted=told)
    (made,) = campaign.submit(cmd.Propose(actor=AI, epoch=1, drafts=[draft]))
    return campaign, run, made.proposal  # type: ignore[attr-defined]


def test_what_a_curve_belied_teaches_nothing_when_its_run_is_stopped_by_hand():
    campaign, run, stop = stop_proposed()
    campaign.submit(cmd.Withdraw(actor=AI, epoch=1, proposals=[stop], reason="it recovered"))
    campaign.end(run, 77.0, how="partial")
    assert evidence(campaign.state, "main").estimated == ()
    campaign.submit(cmd.Mark(actor=HUMAN, run=run, bad=True))
    campaign.submit(cmd.Mark(actor=HUMAN, run=run, bad=False))
    assert evidence(campaign.state, "main").estimated == evidence(campaign.again(), "main").estimated == ()


def test_what_was_foreseen_teaches_where_a_human_was_faster_than_his_answer():
    campaign, run, stop = stop_proposed()
    campaign.end(run, 77.0, how="partial")
    campaign.submit(cmd.Withdraw(actor=AI, epoch=1, proposals=[stop], reason="it has ended"))
    for bad in (True, False):
        campaign.submit(cmd.Mark(actor=HUMAN, run=run, bad=bad))
    (foreseen,) = evidence(campaign.state, "main").estimated
    assert foreseen.outcomes == {"yield": (5.0, 0.2)}


def test_an_extension_takes_the_place_of_what_it_extends_and_knows_its_parent():
    campaign = Campaign()
    campaign.run(1.0, x=0.1, y=0.1)
    for action in ("branch", "extend"):
        draft = cmd.Draft(
            task="main", parameters={"x": 0.1, "y": 0.1}, origin="human", action=action, run="R1", restart="5"
        )
        campaign.submit(cmd.Propose(actor=HUMAN, drafts=[draft], accept=True, repeat=True))
    for run, value in zip(campaign.launch(), (2.0, 3.0), strict=True):
        campaign.end(run, value)
    known = evidence(campaign.state, "main")
    assert [(d.run, d.parent) for d in known.data] == [("R2", "R1"), ("R3", "R1")]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "propose",
                "accept",
                "reject",
                "undo",
                "launch",
                "done",
                "partial",
                "failed",
                "mark",
                "unmark",
                "look",
            ]
        ),
        st.integers(0, 30),
    ),
    max_size=60,
)


def step(campaign: Campaign, what: str, pick: int) -> None:
    state = campaign.state

    def one(names: list[str]) -> str | None:
        return names[pick % len(names)] if names else None

    if what == "propose":
        campaign.propose(x=pick / 30, y=0.5)
    elif what in {"accept", "reject"} and (name := one(list(state.waiting))):
        (campaign.accept if what == "accept" else campaign.reject)(name)
    elif what == "undo":
        name = one([p.id for p in state.proposals.values() if p.state in {"accepted", "rejected"}])
        if name:
            campaign.submit(cmd.Undo(actor=HUMAN, proposal=name, revision=state.proposals[name].revision))
    elif what == "launch":
        campaign.launch()
    elif what in {"done", "partial", "failed"} and (name := one(list(state.live))):
        campaign.end(name, None if what == "failed" else pick / 10, how=what)
    elif what in {"mark", "unmark"} and (name := one([r for r in state.runs if r not in state.live])):
        campaign.submit(cmd.Mark(actor=HUMAN, run=name, bad=what == "mark"))
    elif what == "look":
        evidence(state, "main")


@settings(max_examples=60, deadline=None)
@given(STEPS)
@example([(what, 0) for what in ("propose", "accept", "launch", "done", "mark", "look", "unmark")])
@example(
    [(w, 0) for w in ("propose", "propose", "accept", "accept", "launch")]
    + [("failed", 1), ("look", 0), ("failed", 0)]
)
def test_evidence_remembered_step_by_step_is_that_of_the_whole_story(steps):
    campaign = Campaign()
    for what, pick in steps:
        step(campaign, what, pick)
    assert evidence(campaign.state, "main") == evidence(campaign.again(), "main")


def test_evidence_of_an_earlier_state_is_not_that_of_a_later_one():
    campaign = Campaign()
    campaign.run(1.0, x=0.1, y=0.1)
    earlier = list(campaign.records)
    campaign.run(2.0, x=0.2, y=0.2)
    assert runs(campaign) == ["R1", "R2"]
    late, campaign.records = campaign.records, earlier
    old = campaign.again()
    old.uuid = campaign.state.uuid
    assert [d.run for d in evidence(old, "main").data] == ["R1"]
    campaign.records = late
    assert runs(campaign) == ["R1", "R2"]


# --- cost and ledger --------------------------------------------------------------------------


def test_cost_is_what_the_task_says_or_what_runs_took_or_their_walltime():
    campaign = Campaign()
    two_nodes = {"nodes": 2}
    assert estimate_cost(task(cost=0.5), campaign.state, "main") == 0.5
    assert estimate_cost(task(cost=0.5), campaign.state, "main", two_nodes) == 1.0
    assert estimate_cost(task(), campaign.state, "main") == 0.0
    assert estimate_cost(task(resources={"nodes": 2, "walltime": 1800}), campaign.state, "main") == 1.0
    campaign.run(1.0, x=0.1, y=0.1)  # 36 s
    assert estimate_cost(task(), campaign.state, "main", two_nodes) == pytest.approx(0.02)
    counted = replace(campaign.state, unit="runs")
    assert estimate_cost(task(cost=0.5), counted, "main") == 1.0


def test_the_ledger_pairs_the_ais_choice_with_the_humans_edit_and_what_came_of_it():
    campaign = Campaign()
    draft = cmd.Draft(
        task="main", parameters={"x": 0.1, "y": 0.2}, origin="ai", predicted={"yield": [1.0, 0.5]}, cost=0.1
    )
    campaign.submit(cmd.Propose(actor=AI, epoch=1, drafts=[draft]))
    edit = cmd.Edit(actor=HUMAN, proposal="P1", revision=4, parameters={"x": 0.3, "y": 0.2}, reason="safer")
    campaign.submit(edit)
    told = ev.ProposalPredicted(proposal="P2", predicted={"yield": [2.0, 0.3]}, model=1)
    campaign.submit(cmd.Predict(actor=AI, epoch=1, predictions=[told]))
    campaign.accept("P2")
    campaign.launch()
    campaign.end("R1", 2.5, error=0.4)
    ais, humans = ledger(campaign.state)
    assert (ais["decision"], ais["reason"], ais["child"], ais["run"]) == ("edited", "safer", "P2", None)
    assert (humans["by"], humans["parent"], humans["run"], humans["state"]) == ("ada", "P1", "R1", "done")
    assert (humans["ai_parameters"], humans["ai_mean"], humans["ai_std"]) == ({"x": 0.1, "y": 0.2}, 1.0, 0.5)
    assert (humans["outcome"], humans["standard_error"]) == (2.5, 0.4)
    assert humans["surprise"] == pytest.approx(1.0)  # 0.5 off, of hypot(0.3, 0.4)
