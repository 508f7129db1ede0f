from __future__ import annotations

import json

import pytest
from stories import HUMAN, MELT, Story, shown

from aisteer.campaign.columns import decided_by, decision_row, proposal_row, rule_in_force
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer.steering.ledger import ledger
from aisteer.steering.rules import Accept, Ask, Unanswered
from aisteer_widgets.view_models.scene import Wishes
from aisteer_widgets.view_models.screen import parts

POINT = {"temperature": 900.0, "density": 8.0}


def ruled(rule: object) -> Story:
    """A proposal that the rule has decided on, as the driver lets it."""
    from aisteer.execution.rules import Rules

    story = Story().start()
    story.submit(cmd.SetAutonomy(actor=HUMAN, rule=rule.to_json()))
    story.propose(POINT)
    story.now += 5
    verdicts = Rules().verdicts(story.state, story.now)
    actor = Actor("rule", "autonomy")
    story.submit(cmd.Decide(actor=actor, epoch=story.state.epoch, verdicts=verdicts))
    return story


@pytest.mark.parametrize(
    ("rule", "who", "why"),
    [
        (Accept(cost_below=1.5), "accept when cost below 1.5", "cost 0.8 is below 1.5"),
        (Accept(), "accept all", ""),
        (Unanswered("1 s", Accept()) | Ask(), "accept when nobody answers for 1 s", ""),
        (
            Unanswered("2 s", Accept(cost_below=1.5)),
            "accept when cost below 1.5 when nobody answers for 2 s",
            "cost 0.8 is below 1.5",
        ),
    ],
)
def test_the_ledger_names_the_rule_that_decided_and_the_numbers_that_it_compared(rule, who, why):
    story = ruled(rule)
    (row,) = shown(story)["ledger"]["rows"]
    assert (row["verdict"], row["who"], row["reason"]) == ("accepted", f"autonomy: {who}", why)
    (told,) = ledger(story.state)
    assert decision_row(told)["by"] == f"autonomy: {who}"
    assert proposal_row(story.state.proposals["P1"])["by"] == f"autonomy: {who}"


def test_a_human_decides_under_their_own_name():
    assert decided_by("ada", None) == "ada"
    assert decided_by(None, None) is None
    assert rule_in_force("accept when known: 0.3 length scales from R2") == (
        "accept when known",
        "0.3 length scales from R2",
    )


def test_who_proposed_stands_apart_from_who_decided():
    story = Story().start()
    story.propose(POINT)
    story.propose({**POINT, "density": 8.1}, origin="human")
    story.propose({**POINT, "density": 8.2}, task="random arm")
    rows = {r["id"]: r for r in shown(story)["ledger"]["rows"]}
    assert [rows[f"P{i}"]["by"] for i in (1, 2, 3)] == ["AI", "you", "random arm"]
    story.accept("P2")
    assert shown(story)["ledger"]["rows"][1]["who"] == "ada"


def test_values_have_their_unit_in_the_head_or_each_its_own():
    story = Story().start()
    story.run(POINT, 2.0, 0.1, predicted={"diffusion": [1.0, 0.5]})
    made = shown(story)["ledger"]
    assert (made["unit"], made["rows"][0]["outcome"]) == ("10⁻⁹ m²/s", "2.00 ± 0.10")
    definition = json.loads(json.dumps(MELT))
    definition["tasks"]["random arm"]["objective"] = {"kind": "maximize", "outcome": "energy", "unit": "eV"}
    two = Story(definition).start()
    two.run(POINT, 2.0, 0.1)
    two.propose({**POINT, "density": 8.1}, task="random arm")
    made = parts(two.scene(), Wishes(task="main"))["ledger"]
    assert made["unit"] == ""
    assert made["rows"][1]["outcome"] == "(2.00 ± 0.10)×10⁻⁹ m²/s"


def test_what_decisions_brought_is_reckoned_once_somebody_opens_it():
    story = Story().start()
    for i in range(3):
        story.run({**POINT, "density": 7.5 + i / 10}, 2.0, 0.1, predicted={"diffusion": [2.05, 0.1]})
    (name,) = story.propose({**POINT, "density": 8.5}, predicted={"diffusion": [3.0, 0.2]})
    made = story.submit(
        cmd.Edit(
            actor=HUMAN,
            proposal=name,
            revision=story.state.proposals[name].revision,
            parameters={**POINT, "density": 8.4},
            reason="it boils above",
        )
    )
    child = next(e.proposal for e in made if hasattr(e, "parent"))
    story.append(ev.ProposalPredicted(proposal=child, predicted={"diffusion": [2.5, 0.2]}, model=1))
    story.accept(child)
    run = story.launch(child)
    story.end(run, 2.6, 0.1)
    assert shown(story)["hindsight"] == {}
    told = shown(story, hindsight=True)["hindsight"]
    rates = {rate["term"]: rate for rate in told["rates"]}
    taken = rates["Humans took the AI's proposals as they were"]
    assert (taken["text"], taken["more"], taken["claimed"]) == ("3 of 4", "1 edited, 0 rejected", None)
    assert rates["Predictions held where the AI chose"]["text"] == "3 of 3"
    assert rates["Predictions held where humans chose"]["claimed"] == 0.9
    (edit,) = told["edits"]
    assert (edit["id"], edit["parent"], edit["reason"]) == (child, name, "it boils above")
    assert "→" in edit["changed"]
    assert edit["changed"].startswith("density 8.5")
    assert (edit["ai_predicted"], edit["predicted"], edit["outcome"]) == (
        "3.00 ± 0.20",
        "2.50 ± 0.20",
        "2.60 ± 0.10",
    )
    assert edit["ai_outcome"] == ""
    assert "cannot be said" in told["effect"]


def test_a_long_reason_ends_at_the_end_of_a_word_and_is_there_in_full():
    story = Story().start()
    (name,) = story.propose({"temperature": 900.0, "density": 8.0})
    reason = "because " * 40 + "of all that"
    story.submit(
        cmd.Reject(actor=HUMAN, proposal=name, revision=story.state.proposals[name].revision, reason=reason)
    )
    (row,) = shown(story)["ledger"]["rows"]
    assert row["reason"] == "because " * 17 + "because…"
    assert row["reason_full"] == reason
