"""What may be spent: held at acceptance, counted in one unit, given back when nothing comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from aisteer.errors import BudgetExceeded, Refused
from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal.store import Journal
from tests.journal.scenes import ADA, AI, DRIVER, Place, accept, draft, ended, launch, plain, propose, report


def budget(amount: float, unit: str = "node-hours", counts: str = "used") -> dict[str, Any]:
    return {"amount": float(amount), "unit": unit, "counts": counts}


def set_budget(journal: Journal, wanted: dict[str, Any] | None) -> None:
    journal.submit(c.SetBudget(actor=ADA, budget=wanted))


def started(journal: Journal) -> int:
    epoch = journal.take_lease({}, DRIVER)
    journal.submit(c.Start(actor=ADA))
    return epoch


def test_a_budget_of_estimates_is_spent_at_acceptance_whatever_runs_use(on_disk: Place) -> None:
    with on_disk.create(budget=budget(3, counts="estimated")) as journal:
        epoch = started(journal)
        for name in propose(journal, 1.0, 2.0, 3.0):
            journal.submit(accept(journal, name))
        (more,) = propose(journal, 4.0)
        with pytest.raises(
            BudgetExceeded, match=r"needs 1 node-hour, and 0 of 3 are left \(3 estimated, 0 res"
        ):
            journal.submit(accept(journal, more))
        journal.submit(launch(epoch, "P1", "P2"))
        journal.submit(report(epoch, ended("R1", used=0.01)))
        with pytest.raises(BudgetExceeded):
            journal.submit(accept(journal, more))
        verdict = c.Verdict(proposal=more, verdict="accepted", rule="accept")
        assert not journal.submit(c.Decide(actor=DRIVER, epoch=epoch, verdicts=[verdict])).events
        with pytest.raises(BudgetExceeded):
            journal.submit(c.Propose(actor=ADA, drafts=[draft(5.0)], accept=True))
        assert journal.state.remaining == 0.0


@pytest.mark.parametrize("counts", ["used", "estimated", "charged"])
def test_what_comes_to_nothing_is_given_back(on_disk: Place, counts: str) -> None:
    with on_disk.create(budget=budget(2, counts=counts)) as journal:
        epoch = started(journal)
        one, two, three = propose(journal, 1.0, 2.0, 3.0)
        journal.submit(accept(journal, one))
        journal.submit(accept(journal, two))
        assert journal.state.remaining == 0.0
        journal.submit(c.Undo(actor=ADA, proposal=one, revision=journal.state.proposals[one].revision))
        assert journal.state.remaining == 1.0
        journal.submit(launch(epoch, two))
        journal.submit(report(epoch, ended("R1", end="withdrawn", outcome={}, used=0.0)))
        assert journal.state.remaining == 2.0
        journal.submit(accept(journal, three))
        assert journal.state == plain(journal)


def test_costs_are_counted_in_one_unit_also_after_the_budget_was_taken_away(on_disk: Place) -> None:
    with on_disk.create(budget=budget(5, "runs")) as journal:
        epoch = started(journal)
        (name,) = propose(journal, 1.0)
        journal.submit(accept(journal, name))
        journal.submit(launch(epoch, name))
        journal.submit(report(epoch, ended("R1", used=1.0)))
        other = budget(50)
        with pytest.raises(
            Refused, match="cannot be in node-hours: the cost of one run is counted in runs"
        ) as no:
            set_budget(journal, other)
        assert no.value.facts == {"unit": "runs"}
        set_budget(journal, None)
        with pytest.raises(Refused, match="counted in runs"):
            set_budget(journal, other)
        set_budget(journal, budget(9, "runs"))
        assert (journal.state.spent, journal.state.remaining) == (1.0, 8.0)


def test_before_anything_ran_a_budget_in_another_unit_prices_what_was_proposed(on_disk: Place) -> None:
    with on_disk.create() as journal:
        started(journal)
        journal.submit(c.Propose(actor=ADA, drafts=[draft(x, cost=0.01 * x) for x in (1.0, 2.0, 3.0)]))
        journal.submit(accept(journal, "P1"))
        set_budget(journal, budget(2, "runs"))
        assert [journal.state.proposals[name].cost for name in ("P1", "P2", "P3")] == [1.0, 1.0, 1.0]
        assert (journal.state.remaining, journal.state.totals.estimated) == (1.0, 1.0)
        journal.submit(accept(journal, "P2"))
        with pytest.raises(BudgetExceeded, match="P3 needs 1 run, and 0 of 2 are left"):
            journal.submit(accept(journal, "P3"))
        assert journal.state == plain(journal)


def test_what_was_decided_before_a_budget_in_another_unit_costs_in_the_new_one_when_it_comes_back(
    place: Place,
) -> None:
    with place.create() as journal:
        started(journal)
        names = propose(journal, 1.0, 2.0, 3.0)
        for name in names:
            revision = journal.state.proposals[name].revision
            journal.submit(c.Reject(actor=ADA, proposal=name, revision=revision))
        set_budget(journal, budget(2, "runs"))
        for name in names[:2]:
            revision = journal.state.proposals[name].revision
            journal.submit(c.Undo(actor=ADA, proposal=name, revision=revision))
            journal.submit(accept(journal, name))
        last = journal.state.proposals[names[2]].revision
        journal.submit(c.Undo(actor=ADA, proposal=names[2], revision=last))
        with pytest.raises(BudgetExceeded, match="needs 1 run, and 0 of 2 are left"):
            journal.submit(accept(journal, names[2]))
        assert journal.state == plain(journal)


def test_the_gate_prices_what_was_priced_before_the_budget_was_set(place: Place) -> None:
    with place.create() as journal:
        epoch = started(journal)
        thought = [draft(x, cost=0.01, origin="ai") for x in (1.0, 2.0, 3.0)]
        set_budget(journal, budget(2, "runs"))
        journal.submit(c.Propose(actor=AI, epoch=epoch, drafts=thought))
        verdicts = [
            c.Verdict(proposal=name, verdict="accepted", rule="accept") for name in ("P1", "P2", "P3")
        ]
        journal.submit(c.Decide(actor=DRIVER, epoch=epoch, verdicts=verdicts))
        assert list(journal.state.accepted) == ["P1", "P2"]
        edited = c.Edit(
            actor=ADA,
            proposal="P3",
            revision=journal.state.proposals["P3"].revision,
            parameters={"x": 9.0},
            cost=0.0,
        )
        journal.submit(edited)
        with pytest.raises(BudgetExceeded, match="P4 needs 1 run"):
            journal.submit(accept(journal, "P4"))


def test_a_stop_that_was_accepted_cannot_be_undone_and_says_what_is_kept(place: Place) -> None:
    with place.create() as journal:
        epoch = started(journal)
        (name,) = propose(journal, 1.0)
        journal.submit(accept(journal, name))
        journal.submit(launch(epoch, name))
        stop = draft(1.0, action="stop", run="R1", origin="ai")
        journal.submit(c.Propose(actor=ADA, drafts=[stop]))
        journal.submit(accept(journal, "P2"))
        assert [control.verb for control in journal.state.runs["R1"].controls] == ["stop"]
        undo = c.Undo(actor=ADA, proposal="P2", revision=journal.state.proposals["P2"].revision)
        with pytest.raises(Refused, match=r"R1 was told to stop at once.*What it has so far is kept") as no:
            journal.submit(undo)
        assert no.value.facts == {"run": "R1"}
        assert journal.state.proposals["P2"].state == "accepted"
        assert not any(isinstance(record.event, ev.DecisionUndone) for record in journal.records())
