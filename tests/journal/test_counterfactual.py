"""A share of edits, drawn by chance, has its original run too: in the edit's own transaction, within the budget."""

from __future__ import annotations

from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal.store import Journal
from tests.journal.scenes import ADA, AI, DRIVER, Place, accept, draft, launch, plain

SHARE = {"tasks": {"main": {"counterfactual": 1.0}}}


def edited(journal: Journal, x: float = 1.0, to: float = 2.0) -> tuple[str, str]:
    """The AI proposes a point and a human edits it: both names."""
    (made,) = journal.submit(
        c.Propose(actor=AI, drafts=[draft(x, origin="ai", predicted={"y": [3.0, 0.5]})], repeat=True)
    ).events
    name = made.event.proposal  # type: ignore[attr-defined]
    command = c.Edit(actor=ADA, proposal=name, revision=made.position, parameters={"x": to})
    return name, journal.submit(command).events[-1].event.proposal  # type: ignore[attr-defined]


def test_the_original_is_accepted_with_the_edit_and_says_why(place: Place) -> None:
    with place.create(definition=SHARE) as journal:
        original, edit = edited(journal)
        said = journal.state.proposals[edit].reasons[0]
        assert said["words"].startswith(
            f"when this is accepted, {original}, what the AI had proposed, runs too"
        )
        journal.submit(accept(journal, edit, hold=5.0))
        twin = journal.state.proposals["P3"]
        assert (twin.beside, twin.parameters, twin.origin) == (edit, {"x": 1.0}, "ai")
        assert twin.predicted == {"y": [3.0, 0.5]}
        assert twin.decision is not None
        assert twin.decision.rule is not None
        assert twin.decision.rule.startswith(
            "counterfactual 100%: run beside P2, which replaced P1: drawn at random"
        )
        assert twin.decision.launch_after == journal.state.proposals[edit].decision.launch_after  # type: ignore[union-attr]
        assert journal.state.proposals[edit].decision.evidence == {"counterfactual": "P3"}  # type: ignore[union-attr]
    with place.open() as journal:
        assert journal.state == plain(journal)


def test_taking_the_edit_back_takes_back_what_was_to_run_beside_it(place: Place) -> None:
    with place.create(definition=SHARE, budget={"amount": 9.0, "unit": "node-hours"}) as journal:
        _, edit = edited(journal)
        journal.submit(accept(journal, edit))
        assert journal.state.reserved == 2.0
        revision = journal.state.proposals[edit].revision
        journal.submit(c.Undo(actor=ADA, proposal=edit, revision=revision))
        assert journal.state.reserved == 0.0
        assert list(journal.state.accepted) == []
        journal.submit(accept(journal, edit))
        assert list(journal.state.accepted) == [edit, "P4"]


def test_what_runs_already_is_not_run_again(place: Place) -> None:
    with place.create(definition=SHARE) as journal:
        journal.submit(c.Start(actor=ADA))
        epoch = journal.take_lease({}, DRIVER)
        _, edit = edited(journal)
        journal.submit(accept(journal, edit))
        journal.submit(launch(epoch, "P3"))
        journal.submit(c.Undo(actor=ADA, proposal=edit, revision=journal.state.proposals[edit].revision))
        assert journal.state.proposals["P3"].state == "launched"
        journal.submit(accept(journal, edit))
        assert journal.state.proposals[edit].decision.evidence == {"counterfactual": "P3"}  # type: ignore[union-attr]
        assert len(journal.state.proposals) == 3


def test_a_budget_that_covers_only_the_edit_runs_only_that_and_says_so(place: Place) -> None:
    with place.create(definition=SHARE, budget={"amount": 1.5, "unit": "node-hours"}) as journal:
        _, edit = edited(journal)
        journal.submit(accept(journal, edit))
        said = journal.state.proposals[edit].decision.evidence  # type: ignore[union-attr]
        assert said == {"counterfactual": None, "why": "drawn, but there is less than 1 node-hour left"}
        assert list(journal.state.accepted) == [edit]


def test_rules_that_accept_an_edit_run_its_original_too(place: Place) -> None:
    with place.create(definition=SHARE) as journal:
        journal.submit(c.Start(actor=ADA))
        epoch = journal.take_lease({}, DRIVER)
        edits = [edited(journal, float(x), x + 0.5)[1] for x in range(2)]
        verdicts = [c.Verdict(proposal=name, verdict="accepted", rule="accept") for name in edits]
        made = journal.submit(c.Decide(actor=DRIVER, epoch=epoch, verdicts=verdicts)).events
        assert sum(isinstance(record.event, ev.ProposalMade) for record in made) == 2
        assert list(journal.state.accepted) == [edits[0], "P5", edits[1], "P6"]


def test_the_draw_is_the_share_and_nobody_can_sway_it(on_disk: Place) -> None:
    with on_disk.create(definition={"tasks": {"main": {"counterfactual": 0.3}}}) as journal:
        for n in range(200):
            _, edit = edited(journal, float(n), n + 0.5)
            for _ in range(1 + n % 2):  # whoever undoes and accepts again draws the same
                journal.submit(accept(journal, edit))
                if n % 2:
                    undo = c.Undo(actor=ADA, proposal=edit, revision=journal.state.proposals[edit].revision)
                    journal.submit(undo)
            if n % 2:
                journal.submit(accept(journal, edit))
        drawn = {p.beside for p in journal.state.proposals.values() if p.beside and p.state == "accepted"}
        assert 0.2 < len(drawn) / 200 < 0.4


def test_without_a_share_or_without_an_original_of_the_ai_nothing_runs_beside(on_disk: Place) -> None:
    with on_disk.create(definition=SHARE) as journal:
        (own,) = journal.submit(c.Propose(actor=ADA, drafts=[draft(1.0)])).events
        edit = c.Edit(actor=ADA, proposal="P1", revision=own.position, parameters={"x": 2.0})
        journal.submit(edit)
        journal.submit(accept(journal, "P2"))
        assert list(journal.state.accepted) == ["P2"]
        assert journal.state.proposals["P2"].reasons == ()
