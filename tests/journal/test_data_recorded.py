"""Data from elsewhere stands in the journal, on each kind of database, once."""

from __future__ import annotations

import pytest

from aisteer.errors import Refused
from aisteer.journal import commands as c
from tests.journal.scenes import ADA, BOB, Place, plain

ROWS = {"parameters": {"x": [1.0, 2.0]}, "outcomes": {"y": [3.0, None]}, "errors": {"y": [0.1, 0.0]}}


def add(source: str = "a", **changes: object) -> c.AddData:
    return c.AddData(actor=ADA, task="main", source=source, **{**ROWS, **changes})  # type: ignore[arg-type]


def test_data_is_there_again_with_what_was_taken_out(place: Place) -> None:
    with place.create() as journal:
        journal.submit(add())
        journal.submit(c.MarkData(actor=BOB, data="D1", bad=True, rows=[1], reason="wet"))
        assert journal.submit(c.MarkData(actor=BOB, data="D1", bad=True, rows=[1])).events == ()
    with place.open() as journal:
        assert journal.state == plain(journal)
        assert journal.state.added["D1"]["bad"] == [1]
        assert journal.state.added["D1"]["outcomes"] == {"y": [3.0, None]}
        journal.rebuild()
        assert journal.state == plain(journal)


def test_two_notebooks_that_add_the_same_add_it_once(place: Place) -> None:
    with place.create() as one, place.open() as two:
        one.submit(add())
        assert two.submit(add()).events == ()
        with pytest.raises(Refused, match="already"):
            two.submit(add(outcomes={"y": [9.0, None]}))
        assert list(two.state.added) == ["D1"]


def test_columns_that_differ_in_length_are_refused(place: Place) -> None:
    with place.create() as journal, pytest.raises(Refused, match="differ in length"):
        journal.submit(add(errors={"y": [0.1]}))
