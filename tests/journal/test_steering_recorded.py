"""Steering stands in the journal, on each kind of database: who, when, why, and what was before."""

from __future__ import annotations

import pytest

from aisteer.errors import BadParameters
from aisteer.journal import commands as c
from aisteer.problem.parameters import Float
from aisteer.problem.space import Space
from tests.journal.scenes import ADA, AI, BOB, Place, draft, plain

BOX = {"tasks": {"main": {"space": Space(x=Float(0, 2)).to_json()}}}


def test_steering_is_there_again_after_it_was_closed(place: Place) -> None:
    with place.create(definition=BOX) as journal:
        journal.submit(c.Steer(actor=ADA, task="main", change={"pinned": {"x": 1}}, reason="colder"))
        journal.submit(c.Steer(actor=BOB, task="main", change={"forbidden": [{"x": [1.5, 2]}], "batch": 2}))
    with place.open() as journal:
        assert journal.state.steering == {
            "main": {"pinned": {"x": 1.0}, "forbidden": [{"x": [1.5, 2]}], "batch": 2}
        }
        assert journal.state.steered["main"]["pinned"]["reason"] == "colder"
        assert journal.state == plain(journal)
        journal.rebuild()
        assert journal.state == plain(journal)


def test_a_steering_that_leaves_nothing_is_refused_in_the_transaction(place: Place) -> None:
    with place.create(definition=BOX) as journal, place.open() as other:
        other.submit(c.Steer(actor=BOB, task="main", change={"forbidden": [{"x": [0, 1]}]}))
        with pytest.raises(
            BadParameters, match="no point is left"
        ):  # though not forbidden when it was last read here
            journal.submit(c.Steer(actor=ADA, task="main", change={"pinned": {"x": 0.5}}))
        assert journal.position == 2


def test_proposals_that_a_steering_rules_out_are_withdrawn_with_it(place: Place) -> None:
    with place.create(definition=BOX) as journal:
        journal.submit(
            c.Propose(actor=AI, drafts=[draft(0.5, origin="ai"), draft(1.5, origin="ai"), draft(0.6)])
        )
        steered = journal.submit(c.Steer(actor=ADA, task="main", change={"forbidden": [{"x": [0, 1]}]}))
        assert len(steered.events) == 2
        assert list(journal.state.waiting) == ["P2", "P3"]
        back = journal.submit(c.Unsteer(actor=ADA, task="main", position=steered.events[0].position))
        assert journal.state.steering["main"] == {}
        assert back.events[0].event.undoes == steered.events[0].position  # type: ignore[attr-defined]
        assert list(journal.state.waiting) == ["P2", "P3"]  # what was withdrawn stays so: the AI thinks anew
