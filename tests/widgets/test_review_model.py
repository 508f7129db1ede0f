from __future__ import annotations

import dataclasses
import json

import pytest
from melting import melting
from stories import AI, DRIVER, HUMAN, MELT, MOLECULES, Story, shown

from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer_widgets.view_models.asked import Beliefs, Question
from aisteer_widgets.view_models.review import review
from aisteer_widgets.view_models.status import footer
from aisteer_widgets.view_models.tally import Tally
from aisteer_widgets.view_models.trace import Trace

POINT = {"temperature": 900.0, "density": 8.0}


def cards_of(story: Story) -> dict:
    return {c["id"]: c for c in shown(story)["review"]["cards"]}


def test_a_card_says_what_is_expected_why_and_at_what_cost():
    card = next(iter(cards_of(melting()).values()))
    assert card["who"] == "AI, 1st of 512 sampled candidates"
    assert "by the acquisition" in card["ranked"]
    assert [(p["name"], p["value"]) for p in card["parameters"]] == [
        ("temperature", "1,385\u00a0K"),
        ("density", "7.92\u00a0g/cm³"),
    ]
    assert card["expected"]["text"] == "4.21 ± 0.38"
    assert card["expected"]["band"] == "95\u00a0%: 3.47 to 4.95"
    assert card["expected"]["half"] == pytest.approx(1.96 * 0.38, abs=1e-4)
    assert card["expected"]["low"] < 3.47
    assert card["expected"]["high"] > 4.95
    assert card["why"]["parts"] == ["0.08", "0.13"]
    assert card["why"]["text"] == (
        "38\u00a0% of the acquisition from the predicted mean (exploit), 62\u00a0% from the uncertainty (explore)"
    )
    assert "0.08×10⁻⁹" not in card["why"]["title"]  # a unit that is a factor stands in the head, once
    assert "sum of two parts: 0.08 from the predicted mean (exploit" in card["why"]["title"]
    assert card["nearest"][0].startswith("R12, 3\u00a0% away: 3.80 ± 0.11")
    assert card["cost"] == "0.8\u00a0node-hours"


def test_a_mean_below_the_best_promises_nothing_and_no_percentage_stands_alone():
    far = list(cards_of(melting()).values())[2]
    assert far["why"]["text"] == "all of the acquisition from the uncertainty (explore)"
    assert "−0.02 from the predicted mean" in far["why"]["title"]
    assert far["warnings"] == ["far from any run (2.3 length scales)"]


def test_an_edit_stands_where_its_parent_stood_and_shows_what_changed():
    cards = list(cards_of(melting()).values())
    edit = cards[1]
    assert edit["who"] == f"your edit of {edit['edited']}"
    assert [(p["old"], p["value"]) for p in edit["parameters"]] == [
        ("1,640\u00a0K", "1,200\u00a0K"),
        ("", "8.4\u00a0g/cm³"),
    ]
    assert edit["expected"]["parent"] == "the AI's point 3.61 ± 0.74"
    assert edit["note"] == "below melting at this density"


def test_an_accepted_proposal_can_be_undone_while_it_is_held():
    story = melting()
    (held,) = shown(story)["review"]["held"]
    assert (held["left"], held["hold"], held["words"]) == (3.0, 3.0, "launching in")
    story.now += 3.5
    (held,) = shown(story)["review"]["held"]
    assert held["words"] == "launches when a slot is free"


def test_what_a_human_accepted_can_be_undone_on_the_board_however_many_a_rule_did():
    story = Story().start()
    names = story.propose(*({"temperature": 900.0 + i, "density": 8.0} for i in range(12)))
    for name in names:
        if name == names[10]:
            story.accept(name)
        else:
            story.append(ev.ProposalAccepted(proposal=name, rule="accept"), ev.Actor("rule", "autonomy"))
    held = shown(story)["review"]["held"]
    assert [h["id"] for h in held] == [*names[:7], names[10]]
    assert [bool(h["by"]) for h in held] == [True] * 7 + [False]


def test_nothing_counts_down_to_a_launch_that_nobody_makes():
    story = melting()
    (held,) = review(story.scene(driver=""))["held"]
    assert (held["left"], held["words"]) == (0, "launches once the campaign has a driver")


def test_rejections_are_offered_to_be_undone_and_the_latest_for_as_long_as_it_is_one():
    story = Story().start()
    names = story.propose({"temperature": 900.0, "density": 8.0}, {"temperature": 950.0, "density": 8.0})
    for name in reversed(names):
        story.now += 1
        revision = story.state.proposals[name].revision
        story.submit(cmd.Reject(actor=HUMAN, proposal=name, revision=revision, reason="no"))
    recent = shown(story)["review"]["recent"]
    assert [(r["id"], r["words"]) for r in recent] == [(name, "rejected: no") for name in names]
    assert recent[0]["what"] == "temperature 900\u00a0K, density 8\u00a0g/cm³"
    story.now += 3600
    assert [(r["id"], r["fresh"]) for r in shown(story)["review"]["recent"]] == [(names[0], False)]
    story.submit(cmd.Undo(actor=HUMAN, proposal=names[0], revision=story.state.proposals[names[0]].revision))
    assert [r["id"] for r in shown(story)["review"]["recent"]] == names[1:]


def test_the_last_batch_is_told_in_words():
    assert (
        shown(melting())["review"]["last"]
        == "Last batch of proposals: you accepted 1 and edited 1; 2 still wait"
    )


def test_what_a_human_steered_away_from_is_told_as_ruled_out():
    story = Story().start()
    names = story.propose(*({"temperature": 900.0 + i, "density": 8.0} for i in range(3)))
    story.accept(names[0])
    story.submit(cmd.Steer(actor=HUMAN, task="main", change={"forbidden": [{"temperature": [300, 1000]}]}))
    assert shown(story)["review"]["last"] == (
        "Last batch of proposals: you accepted 1 and ruled out 2 (the ledger says why)"
    )


def test_what_the_ai_took_back_is_told_in_english_and_with_its_ranks():
    story = Story().start()
    names = story.propose(*({"temperature": 900.0 + i, "density": 8.0} for i in range(4)))
    story.accept(names[0])
    for name in names[1:3]:
        revision = story.state.proposals[name].revision
        story.submit(cmd.Reject(actor=HUMAN, proposal=name, revision=revision, reason="no"))
    told = "new results moved it from 4th to 300th of 512 candidates"
    story.submit(cmd.Withdraw(actor=AI, epoch=story.state.epoch, proposals=[names[3]], reason=told))
    made = shown(story)
    assert made["review"]["last"] == (
        "Last batch of proposals: you accepted 1 and rejected 2; the AI withdrew 1 (the ledger says why)"
    )
    assert (made["ledger"]["rows"][0]["who"], made["ledger"]["rows"][0]["reason"]) == ("AI (bayesian)", told)


def test_a_first_point_says_that_it_is_one_whatever_its_rank():
    story = Story().start()
    story.propose({"temperature": 900.0, "density": 8.0}, reasons=[[{"kind": "initial", "of": 8}]])
    card = next(iter(cards_of(story).values()))
    assert card["who"] == "AI, a first point, 1st of 512 sampled candidates"
    assert card["reasons"] == [
        "one of 8 first points, spread out so that there is something to learn from, whatever its rank"
    ]


def test_a_rank_stands_with_the_acquisition_where_the_head_does_not_say_it():
    story = melting()
    edit = list(cards_of(story).values())[1]
    story.append(
        ev.ProposalPredicted(
            proposal=edit["id"],
            predicted={"diffusion": [3.0, 0.2]},
            model=9,
            acquisition=0.1,
            rank=31,
            of=513,
        )
    )
    assert cards_of(story)[edit["id"]]["acquisition"] == "0.1, 31st of 513 sampled candidates"


def test_the_foot_says_what_it_means_that_nobody_drives():
    story = Story(name="my campaign")
    foot = footer(story.scene())
    assert foot["driver"] == (
        "No driver: nothing launches until campaign.start() or `aisteer drive 'my campaign'`"
    )
    story.start()
    assert footer(story.scene())["driver"] == "Driven by this kernel"


def test_an_empty_review_says_why_and_what_will_move_it():
    story = Story()
    empty = shown(story)["review"]["empty"]
    assert (empty["title"], empty["start"]) == ("Ready to start", True)
    story.start()
    assert shown(story)["review"]["empty"]["title"] == "All decided"
    story.submit(cmd.Trouble(actor=DRIVER, source="proposals of main", message="The AI could not think."))
    assert shown(story)["review"]["empty"]["title"] == "The AI cannot propose now"
    alone = review(story.scene(driver=""))["empty"]
    assert alone["title"] == "The campaign has no driver"
    assert "until campaign.start() or `aisteer drive copper-melt`" in alone["text"]
    story.submit(cmd.Pause(actor=HUMAN, reason="maintenance on Friday"))
    empty = shown(story)["review"]["empty"]
    assert (empty["title"], empty["text"], empty["start"]) == (
        "The campaign is paused",
        "maintenance on Friday",
        True,
    )


def limited(runs: int, **more) -> Story:
    definition = json.loads(json.dumps(MOLECULES))
    definition["tasks"]["main"] |= {"runs": runs, "policy": {"name": "bayesian"}, **more}
    return Story(definition).start()


def test_when_the_ai_may_propose_no_more_the_board_says_so_and_what_lets_it_go_on():
    story = limited(2)
    story.run({"smiles": "CO"}, 10.8)
    assert "looking at what is known" in shown(story)["review"]["empty"]["text"]
    (last,) = story.propose({"smiles": "CN"})
    story.accept(last)
    run = story.launch(last)
    empty = shown(story)["review"]["empty"]
    assert empty["title"] == "All 2 runs are used"
    assert empty["text"].startswith("1 run on the way goes on. The AI may propose no more;")
    story.end(run, 9.1)
    assert shown(story)["review"]["empty"]["text"] == (
        "The AI may propose no more; raise the limit with campaign.redefine(runs=…). Press n to propose your own."
    )


def test_where_only_humans_propose_nothing_is_promised_of_the_ai():
    story = limited(9, policy={"name": "manual"})
    story.run({"smiles": "CO"}, 10.8)
    assert shown(story)["review"]["empty"]["text"].startswith("Nobody proposes here but you.")


def test_a_prediction_that_is_not_there_says_whether_it_will_come():
    story = Story().start()
    story.propose({"temperature": 900.0, "density": 8.0}, origin="human")
    assert "when three runs have ended" in next(iter(cards_of(story).values()))["expected"]["text"]
    story.append(ev.SurrogateFitted(task="main", model=1, runs=9))
    assert next(iter(cards_of(story).values()))["expected"]["text"] == "prediction on its way…"


def test_a_candidate_of_a_pool_is_drawn_where_it_can_be():
    story = Story(MOLECULES, "ionise").start()
    story.propose({"smiles": "c1ccccc1O"})
    scene = dataclasses.replace(story.scene(), draw=lambda smiles: f"data:image/svg+xml;{smiles}")
    (card,) = review(scene)["cards"]
    assert card["picture"] == "data:image/svg+xml;c1ccccc1O"
    assert card["cost"] == "0.8\u00a0node-hours"


def test_names_of_any_kind_and_length_are_shown_short():
    hostile = "<script>alert(1)</script>" + "🙂" * 10_000
    definition = json.loads(json.dumps(MELT))
    definition["tasks"]["main"]["space"]["parameters"] = {"x": {"kind": "choice", "options": [hostile, "b"]}}
    definition["tasks"]["main"]["objective"] = {"kind": "maximize", "outcome": hostile, "unit": hostile}
    story = Story(definition, name=hostile).start()
    story.propose({"x": hostile}, origin="human", reason=hostile)
    run = story.run({"x": "b"}, 1.0)
    story.append(ev.TroubleNoted(source=hostile, message=hostile, run=run))
    story.traces[run] = Trace()
    story.traces[run].feed([{hostile: 1.0}, {hostile: 2.0}])
    made = shown(story)
    said = {
        k: v for k, v in made.items() if k not in {"fields", "runs"}
    }  # what an edit sends back stays whole
    assert len(json.dumps(said, ensure_ascii=False, default=bytes.hex)) < 60_000
    assert len(made["header"]["name"]) <= 60


def test_a_thousand_waiting_proposals_travel_as_one_page():
    story = Story().start()
    story.propose(*({"temperature": 300.0 + i, "density": 8.0} for i in range(1000)))
    review = shown(story)["review"]
    assert len(review["cards"]) == 24
    assert review["more"].startswith("976 more proposals")


def test_every_part_is_plain_json_or_bytes_and_made_anew_from_the_state_alone():
    story = melting()
    first = shown(story)
    # What comes as bytes goes beside the JSON: long arrays of a picture, in single precision.
    said = [json.dumps(made, allow_nan=False, default=bytes.hex) for made in (first, shown(story))]
    assert said[0] == said[1]
    story.tally = Tally()
    assert shown(story) == first


def test_nearest_runs_say_their_molecule_and_their_unit():
    story = Story(MOLECULES, "ionise").start()
    run = story.run({"smiles": "Oc1ccccc1"}, 8.5)
    near = {"kind": "nearest", "runs": [{"run": run, "similarity": 0.62, "value": 8.5}]}
    story.propose({"smiles": "Nc1ccccc1"}, reasons=[[near]])
    (card,) = cards_of(story).values()
    assert card["nearest"] == [f"{run} Oc1ccccc1, 62\u00a0% similar: 8.5\u00a0eV"]
    assert card["who"] == "AI, 1st of 512 candidates"  # a pool has candidates


def test_runs_that_a_surrogate_does_not_count_are_told_from_those_that_it_waits_for():
    story = Story().start()
    for i in range(4):
        story.run({"temperature": 900.0 + i, "density": 8.2}, 3.0, task="random arm")
    story.propose({"temperature": 900.0, "density": 8.0})
    (card,) = cards_of(story).values()
    assert card["expected"]["text"].endswith("none has so far, as the 4 runs of the random arm do not count")


def test_a_proposal_to_end_says_why_expects_nothing_and_cannot_be_edited():
    story = Story().start()
    words = "the last 20 runs were no better than R2, beyond their standard errors"
    reason = {"kind": "finish", "rule": "stagnation", "words": words, "runs": 20}
    draft = cmd.Draft(task="main", parameters={}, origin="ai", action="finish", reasons=[reason])
    story.submit(cmd.Propose(actor=AI, drafts=[draft], epoch=1))
    (card,) = shown(story)["review"]["cards"]
    assert card["who"] == "AI, proposes to end the campaign"
    (row,) = card["ending"]["rows"]
    assert row == {"term": "Because", "text": words, "asked": ""}
    assert card["ending"]["accept"] == "End the campaign"
    assert card["expected"] is None
    assert not card["editable"]


def test_a_proposal_to_end_shows_its_numbers_with_units_and_what_either_answer_does():
    from aisteer.steering.rules import Accept

    story = Story().start()
    best = story.run({"temperature": 900.0, "density": 8.0}, 3.0, 0.1)
    (other,) = story.propose({"temperature": 950.0, "density": 8.0})
    reasons = [
        {"kind": "finish", "rule": "stagnation", "since": 20, "bound": 15, "best_run": best, "words": "w"},
        {"kind": "finish", "rule": "gain_below", "gain": 0.02, "cost": 2.0, "per_cost": 0.01, "bound": 0.05}
        | {"unit": "node-hours", "words": "w"},
        {"kind": "finish", "rule": "budget", "left": 0.5, "cost": 2.0, "words": "w"},
    ]
    draft = cmd.Draft(task="main", parameters={}, origin="ai", action="finish", reasons=reasons)
    story.submit(cmd.Propose(actor=AI, drafts=[draft], epoch=1))
    story.submit(cmd.SetAutonomy(actor=HUMAN, rule=Accept().to_json()))
    cards = cards_of(story)
    card = next(c for c in cards.values() if c["ending"])
    told = {
        row["term"]: f"{row['text']} ({row['asked']})".replace("\u00a0", " ")
        for row in card["ending"]["rows"]
    }
    assert told["Stagnation"].startswith(f"the last 20 runs no better than {best}")
    assert told["Stagnation"].endswith("(you asked to be told from 15 on)")
    assert told["Expected gain"].startswith(
        "at best 0.01 × 10⁻⁹ m²/s per node-hour: 0.02 × 10⁻⁹ m²/s from a run of"
    )
    assert told["Budget"].startswith("0.5 node-hours left; a run is estimated at 2 node-hours")
    assert card["ending"]["best"] == f"3.00 ± 0.10 in {best}, of 1 run"
    assert "no rule begins another run" in card["ending"]["words"]
    assert f"before you have decided on {card['id']}" in cards[other]["reasons"][0]


def test_cards_stand_in_the_order_of_their_ranks_and_say_why_the_first_that_was_chosen_need_not_be_first():
    story = Story().start()
    first, second, own, third = (
        *story.propose(POINT, {**POINT, "density": 8.2}),
        *story.propose({**POINT, "density": 8.6}, origin="human"),
        *story.propose({**POINT, "density": 8.8}),
    )
    for name, rank in ((first, 117), (second, 3), (third, 3)):
        story.append(
            ev.ProposalPredicted(
                proposal=name,
                predicted={"diffusion": [1.0, 0.1]},
                model=1,
                acquisition=2.0 if name == third else 1.0,
                rank=rank,
                of=513,
            ),
            AI,
        )
    part = shown(story)["review"]
    assert [c["id"] for c in part["cards"]] == [third, second, own, first]
    assert part["sub"] == "best rank first"
    assert "one after the other, each given the ones before it" in part["cards"][0]["ranked"]


def test_what_would_come_next_is_another_point_as_shown_or_is_not_promised():
    story = Story().start()
    here, beside = story.propose(POINT, {**POINT, "density": 8.2})
    story.append(ev.SurrogateFitted(task="main", model=1, runs=3))

    def told(density: float) -> str:
        reason = {"kind": "next", "parameters": {**POINT, "density": density}, "predicted": {}}
        known = Beliefs({Question("main", "next", about=(here,)): {"model": 1, "reason": reason}})
        cards = review(story.scene(beliefs=known))["cards"]
        return next(c["next"] for c in cards if c["id"] == here)

    assert told(8.5) == "next temperature 900\u00a0K, density 8.5\u00a0g/cm³"
    assert told(8.0 + 1e-6) == (
        "next hardly another point: forbid a region (Steer the AI, Where) to keep out of it"
    )
    assert told(8.2 - 1e-6) == f"next hardly another point than {beside}"


def test_what_did_not_change_is_no_edit_and_what_did_is_told_apart():
    story = Story().start()
    (name,) = story.propose({"temperature": 900.0, "density": 7.0 + 4.6e-11})
    story.submit(
        cmd.Edit(
            actor=HUMAN,
            proposal=name,
            revision=story.state.proposals[name].revision,
            parameters={"temperature": 900.01, "density": 7.0},
        )
    )
    (card,) = shown(story)["review"]["cards"]
    assert [(p["old"], p["value"]) for p in card["parameters"]] == [
        ("900\u00a0K", "900.01\u00a0K"),
        ("", "7\u00a0g/cm³"),
    ]


def test_what_is_next_to_nothing_beside_the_prediction_is_no_gain_and_the_best_has_its_digits():
    story = Story(MOLECULES).start()
    story.run({"smiles": "CCO"}, 3.79992303)
    gain = {"kind": "acquisition", "name": "expected improvement"}
    told = {"ionisation_energy": [3.8, 0.0005]}
    near = {"kind": "nearest", "runs": [{"run": "R1", "similarity": 0.9, "value": 3.79992303}]}
    story.propose(
        {"smiles": "CCC"},
        {"smiles": "CCN"},
        predicted=[told, told],
        reasons=[
            [{**gain, "value": 2.9e-25, "exploit": -2.5e-23, "explore": 2.5e-23}, near],
            [{**gain, "value": 2.9e-5, "exploit": 1e-5, "explore": 1.9e-5}],
        ],
    )
    nothing, some = shown(story)["review"]["cards"]
    assert nothing["acquisition"] == "expected improvement: nothing to gain any more"
    assert nothing["why"] is None
    assert some["acquisition"] == "expected improvement 2.9×10⁻⁵\u00a0eV"
    assert some["why"]["parts"] == ["1×10⁻⁵", "1.9×10⁻⁵"]
    assert nothing["expected"]["best_text"] == "best so far 3.79992\u00a0eV (R1)"
    assert nothing["nearest"] == ["R1 CCO, 90\u00a0% similar: 3.79992\u00a0eV"]


def test_a_slope_says_in_which_unit_the_outcome_changes():
    definition = json.loads(json.dumps(MELT))
    definition["tasks"]["main"]["objective"] |= {"outcome": "lattice", "unit": "Å"}
    story = Story(definition).start()
    slopes = [{"name": "temperature", "change": 0.25, "share": 0.1}]
    story.propose(POINT, reasons=[[{"kind": "sensitivity", "slopes": slopes}]])
    (card,) = shown(story)["review"]["cards"]
    assert card["slopes"] == ["temperature +0.25\u00a0Å per 170\u00a0K"]
