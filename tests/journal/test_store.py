"""What the journal promises to one process."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete

from aisteer.errors import AisteerError, BudgetExceeded, Refused, StaleRevision, UnknownName
from aisteer.journal import caches, folded, folding, pages
from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal.state import State
from aisteer.journal.store import Journal
from aisteer.journal.tables import commands, launches, points, snapshot
from aisteer.journal.tables import pages as stored_pages
from tests.journal.scenes import (
    ADA,
    AI,
    BOB,
    DRIVER,
    Place,
    accept,
    define,
    draft,
    ended,
    launch,
    plain,
    propose,
    report,
    whole_run,
)  # fmt: skip


def test_a_campaign_is_there_again_after_it_was_closed(place: Place) -> None:
    with place.create(name="melt") as journal:
        propose(journal, 1.0, 2.0)
        before = journal.records()
    with place.open() as journal:
        assert journal.state.name == "melt"
        assert list(journal.state.waiting) == ["P1", "P2"]
        assert journal.records() == before
        assert journal.state == plain(journal)


def test_creating_a_campaign_twice_is_refused_and_changes_nothing(place: Place) -> None:
    with place.create() as journal:
        propose(journal, 1.0)
        with pytest.raises(Refused, match="already holds"):
            place.create(name="another")
        journal.refresh()
        assert journal.state.name == "copper-melt"
        assert journal.position == 2


def test_opening_what_does_not_exist_says_how_to_create_it(place: Place) -> None:
    with pytest.raises(UnknownName, match=r"ai\.Campaign"):
        place.open()


def test_a_journal_whose_creation_broke_off_can_be_created_again(on_disk: Place) -> None:
    with pytest.raises(Refused, match="cannot be stored"):
        on_disk.create(definition={"x": float("nan")})
    with pytest.raises(UnknownName, match="empty"):
        on_disk.open()
    with on_disk.create() as journal:
        assert journal.position == 1


def test_the_same_command_twice_is_answered_as_the_first_time(place: Place) -> None:
    with place.create() as journal:
        propose(journal, 1.0)
        command = accept(journal, "P1")
        first = journal.submit(command)
        journal.submit(c.Undo(actor=ADA, proposal="P1", revision=first.position))
        again = journal.submit(command)
        assert again.repeated
        assert again.events == first.events
        assert again.position == first.position
        assert journal.state.proposals["P1"].state == "waiting"
    with place.open() as journal:
        assert journal.submit(command).repeated


def test_a_human_command_that_led_to_nothing_does_nothing_later_either(place: Place) -> None:
    with place.create() as journal:
        propose(journal, 1.0)
        again = c.Propose(actor=ADA, drafts=[draft(1.0)])
        assert journal.submit(again).events == ()
        journal.submit(c.Reject(actor=ADA, proposal="P1", revision=2))
        assert journal.submit(again).events == ()
        assert len(journal.state.proposals) == 1
        assert propose(journal, 1.0) == ["P2"]


def test_a_decision_on_a_stale_revision_is_refused_with_what_changed(place: Place) -> None:
    with place.create() as journal:
        propose(journal, 1.0)
        command = accept(journal, "P1")
        journal.submit(c.Reject(actor=BOB, proposal="P1", revision=command.revision))
        with pytest.raises(StaleRevision, match="rejected by bob"):
            journal.submit(command)
        assert journal.position == 3


def test_a_refused_command_writes_nothing_and_can_be_given_again_later(place: Place) -> None:
    with place.create(budget={"amount": 1.5, "unit": "node-hours", "counts": "used"}) as journal:
        propose(journal, 1.0, 2.0)
        journal.submit(accept(journal, "P1"))
        command = accept(journal, "P2")
        position = journal.position
        with pytest.raises(BudgetExceeded):
            journal.submit(command)
        assert journal.position == position
        assert journal.state == plain(journal)
        journal.submit(c.SetBudget(actor=ADA, budget={"amount": 3, "unit": "node-hours"}))
        assert not journal.submit(command).repeated


def test_a_launch_is_recorded_once_whatever_the_gate_thinks(place: Place) -> None:
    with place.create() as journal:
        journal.submit(c.Start(actor=ADA))
        epoch = journal.take_lease({}, DRIVER)
        propose(journal, 1.0, accept=True)
        journal.submit(launch(epoch, "P1"))
        # A gate that forgot: the table still knows.
        with journal.lock:
            journal.state.proposals["P1"] = replace(journal.state.proposals["P1"], state="accepted")
        with pytest.raises(Refused):
            journal.submit(launch(epoch, "P1"))
    with place.open() as journal:
        assert list(journal.state.runs) == ["R1"]
        assert journal.state == plain(journal)


def test_what_is_passed_in_can_be_changed_afterwards_without_harm(place: Place) -> None:
    with place.create() as journal:
        parameters = {"x": 1.0, "shape": (1, 2)}
        journal.submit(
            c.Propose(actor=ADA, drafts=[c.Draft(task="main", parameters=parameters, origin="human")])
        )
        parameters["x"] = 2.0
        assert journal.state.proposals["P1"].parameters == {"x": 1.0, "shape": [1, 2]}
        assert journal.state == plain(journal)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert('x')</script>",
        "\"quotes\" 'and' `ticks`; DROP TABLE events; --",
        "../../etc/passwd \\ C:\\",
        "🧪👩‍🔬 Å³ \u202e right to left",
        "broken \ud83d emoji",
        "zero \x00 and bell \x07",
        "=cmd()|' /C calc'!A0",
        "x" * 10_000,
        "é" * 10_000,
    ],
    ids=["html", "quotes", "path", "emoji", "surrogate", "control", "cell", "long", "long-accents"],
)
def test_any_text_comes_back_as_it_was(place: Place, text: str) -> None:
    actor = ev.Actor("human", text)
    with place.create(name=text) as journal:
        journal.submit(c.Note(actor=actor, text=text, about=text))
    with place.open() as journal:
        assert journal.state.name == text
        (_, by, note), *_ = journal.state.notes
        assert (by.name, note.text, note.about) == (text, text, text)


def test_caches_that_were_deleted_are_made_again_and_give_the_same_state(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folded, "SNAPSHOT_EVERY", 40)
    monkeypatch.setattr(folding, "SETTLE_AT", 16)
    monkeypatch.setattr(pages, "PAGE", 8)
    with place.create() as journal:
        journal.submit(c.Start(actor=ADA))
        epoch = journal.take_lease({}, DRIVER)
        for n in range(12):
            whole_run(journal, epoch, [n + k / 7 for k in range(7)])
        journal.submit(c.Mark(actor=ADA, run="R3", bad=True))
        journal.submit(c.Note(actor=ADA, text="so far"))
        propose(journal, 100.0)
        expected = plain(journal)
        assert journal.state == expected
        tables = (snapshot, stored_pages, points, launches, commands)

        def contents() -> list[object]:
            with journal.reading() as connection:
                return [sorted(map(repr, connection.execute(table.select()))) for table in tables]

        journal.rebuild()
        first = contents()
        with journal.writing(durable=False) as writing:
            for table in tables:
                writing.connection.execute(delete(table))
        with place.open() as other:
            assert other.state == expected
        journal.rebuild()
        assert contents() == first
        assert journal.state == expected
    with place.open() as journal:
        assert journal.state == expected
        assert propose(journal, 100.0) == []


def test_a_snapshot_of_another_shape_or_a_damaged_one_is_not_used(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folded, "SNAPSHOT_EVERY", 10)
    with place.create() as journal:
        journal.submit(c.Start(actor=ADA))
        epoch = journal.take_lease({}, DRIVER)
        whole_run(journal, epoch, [1.0, 2.0, 3.0])
        journal.submit(c.Note(actor=ADA, text="now there is a snapshot"))
        expected = plain(journal)
        for change in (snapshot.update().values(shape="other"), stored_pages.update().values(body=b"rotten")):
            with journal.writing(durable=False) as writing:
                assert caches.saved_at(writing.connection) > 0
                writing.connection.execute(change)
            with place.open() as other:
                assert other.state == expected
                other.rebuild()


def test_a_position_is_waited_for_and_announced(place: Place) -> None:
    with place.create() as journal:
        seen: list[int] = []
        unsubscribe = journal.subscribe(seen.append)
        woken = threading.Event()

        def wait() -> None:
            if journal.wait(journal.position, timeout=30):
                woken.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        propose(journal, 1.0)
        assert woken.wait(30)
        waiting.join()
        assert seen == [2]
        assert not journal.wait(2, timeout=0.01)
        unsubscribe()
        propose(journal, 2.0)
        assert seen == [2]


def test_another_connection_is_followed(place: Place) -> None:
    with place.create() as one, place.open() as two:
        propose(two, 1.0)
        assert one.wait(1, timeout=30)
        assert one.state == two.state
        assert one.refresh() == 0
        one.submit(accept(one, "P1"))
        assert two.refresh() == 1
        assert two.state.proposals["P1"].state == "accepted"


def test_threads_of_one_process_share_a_journal(place: Place) -> None:
    with place.create() as journal:
        failures: list[BaseException] = []

        def write(who: str) -> None:
            try:
                for n in range(25):
                    journal.submit(c.Note(actor=replace(DRIVER, name=who), text=str(n)))
                    with journal.lock:
                        assert len(journal.state.notes) == journal.state.position - 1
            except BaseException as error:  # noqa: BLE001 - reported by the test
                failures.append(error)

        threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert journal.position == 101
        assert journal.state == plain(journal)


def test_a_follower_that_fails_stops_nobody(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    with place.create() as journal:
        seen: list[int] = []

        def fail(position: int) -> None:
            raise RuntimeError("mine")

        journal.subscribe(fail)
        journal.subscribe(seen.append)
        propose(journal, 1.0)
        assert seen == [2]
        assert "follower" in caplog.text


def test_an_interrupt_in_the_middle_of_a_fold_leaves_no_half_state(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.create() as journal:
        propose(journal, 1.0)

        def interrupted(state: State, record: ev.Record) -> None:
            monkeypatch.undo()
            state.waiting.clear()
            raise KeyboardInterrupt

        monkeypatch.setattr(folding, "apply", interrupted)
        with pytest.raises(KeyboardInterrupt):
            propose(journal, 2.0)
        assert journal.state == plain(journal)
        assert list(journal.state.waiting) == ["P1", "P2"]


def test_a_closed_journal_says_so(on_disk: Place) -> None:
    journal = on_disk.create()
    journal.close()
    with pytest.raises(AisteerError, match="closed"):
        journal.submit(c.Start(actor=ADA))
    journal.close()


def test_a_late_report_is_dropped(place: Place) -> None:
    with place.create() as journal:
        journal.submit(c.Start(actor=ADA))
        epoch = journal.take_lease({}, DRIVER)
        whole_run(journal, epoch, [1.0])
        assert journal.submit(report(epoch, ended("R1", 2.0))).events == ()
        assert journal.state.runs["R1"].outcome == {"y": (1.0, 0.1)}


def test_a_campaign_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AisteerError, match="cannot be made"):
        Journal.create(tmp_path / "file" / "below", define())


def test_the_ai_may_propose_a_point_twice_and_a_human_may_not(place: Place) -> None:
    with place.create() as journal:
        epoch = journal.take_lease({}, DRIVER)
        assert propose(journal, 1.0, actor=AI, epoch=epoch) == ["P1"]
        assert propose(journal, 1.0, actor=AI, epoch=epoch) == ["P2"]
        assert propose(journal, 1.0, 3.0, 3.0) == ["P3"]
        assert propose(journal, 1.0, repeat=True) == ["P4"]
