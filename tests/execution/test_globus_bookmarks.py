"""Books of ends in a remote spool: each end arrives once, and however many there are, little is asked."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisteer.execution.globus.bookmarks import Bookmarks
from aisteer.execution.spool import Spool
from aisteer.execution.worker import question, watching
from aisteer.execution.worker.book import NAME, Book, entries

Json = dict[str, Any]


class Asking:
    """Asks about the books of a spool, as a watcher does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.nonce = uuid.uuid4().hex
        Spool(root).create(self.nonce)
        self.marks = Bookmarks()
        self.found: list[str] = []

    def look(self, **asked: Any) -> Json:
        answer = watching.look(str(self.root), {"nonce": self.nonce, **self.marks.asked(), **asked})
        assert "refused" not in answer
        return answer

    def take(self, answer: Json) -> None:
        for lines in self.marks.take(answer):
            self.found += [key for key, _ in entries(lines)]

    def books(self) -> list[Path]:
        return sorted((self.root / "ends").iterdir())


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asking:
    monkeypatch.setattr("aisteer.execution.worker.book._LONGEST", 300)
    return Asking(tmp_path / "spool")


def ended(book: Book, many: int) -> list[str]:
    keys = [f"{uuid.uuid4().hex}-1" for _ in range(many)]
    assert all(book.write(key, {"end": "done"}) for key in keys)
    return keys


def test_of_books_that_are_read_only_the_last_is_named(asking: Asking) -> None:
    books = [Book(str(asking.root), uuid.uuid4().hex) for _ in range(3)]
    written = [key for book in books for key in ended(book, 60)]
    asking.take(asking.look())
    assert sorted(asking.found) == sorted(written)
    assert len(asking.books()) > 30
    asked = asking.marks.asked()
    assert (len(asked["books"]), len(asked["closed"])) == (3, 3)
    assert asking.look()["books"] == {}
    written += ended(books[0], 60)
    asking.take(asking.look())
    assert sorted(asking.found) == sorted(written)


def test_books_that_were_packed_are_forgotten(asking: Asking) -> None:
    books = [Book(str(asking.root), uuid.uuid4().hex) for _ in range(3)]
    for book in books:
        ended(book, 20)
    asking.take(asking.look())
    for path in asking.books():
        path.unlink()
    asking.take(asking.look())
    assert asking.marks.asked() == {"books": {}, "closed": {}}
    assert len(asking.found) == 60


def test_of_more_books_than_are_looked_at_each_has_its_turn(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question, "_MOST_BOOKS", 3)
    books = [Book(str(asking.root), uuid.uuid4().hex) for _ in range(9)]
    written = [key for book in books for key in ended(book, 1)]
    asking.take(asking.look())
    written += [key for book in books for key in ended(book, 1)]
    for _ in range(200):
        asking.take(asking.look())
    assert sorted(asking.found) == sorted(written)


def test_of_more_attempts_than_are_looked_at_some_are_left_for_later(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(question, "_MOST_ATTEMPTS", 2)
    answer = asking.look(attempts={f"{uuid.uuid4().hex}-1": {} for _ in range(3)})
    assert answer["more"] is True


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["write", "look", "lost", "late", "pack"])), max_size=30
    )
)
def test_whatever_is_written_and_packed_meanwhile_and_whichever_answers_are_lost_each_end_arrives_once(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[int, str]]
) -> None:
    asking = Asking(tmp_path_factory.mktemp("spool") / "spool")
    books = [Book(str(asking.root), uuid.uuid4().hex) for _ in range(3)]
    written: list[str] = []
    late: list[Json] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aisteer.execution.worker.book._LONGEST", 100)
        moving: dict[str, Callable[[int], Any]] = {
            "write": lambda which: written.extend(ended(books[which], 2)),
            "look": lambda _: asking.take(asking.look()),
            "lost": lambda _: asking.look(),
            "late": lambda _: late.append(asking.look()),
            "pack": lambda which: packed(asking, which),
        }
        for which, move in moves:
            moving[move](which)
            if move == "look" and late:
                asking.take(late.pop(0))
        asking.take(asking.look())
    assert set(asking.found) == set(written)
    assert len(asking.found) == len(written) or any(move == "pack" for _, move in moves)


def packed(asking: Asking, which: int) -> None:
    """One of the books that are closed and were read is not there any more."""
    for path in asking.books():
        parts = NAME.fullmatch(path.name)
        assert parts is not None
        if int(parts[2]) <= asking.marks.asked()["closed"].get(parts[1], 0) and int(parts[2]) % 3 == which:
            path.unlink()
            return


@given(st.dictionaries(st.text(max_size=5) | st.just("abcd-000001.jsonl"), st.none() | st.integers()))
def test_an_answer_that_is_none_changes_nothing(books: Json) -> None:
    marks = Bookmarks()
    assert marks.take({"books": books, "left": 3}) == []
    assert marks.take({"books": {"abcd-000001.jsonl": {"next": 10**400, "data": ""}}, "left": [1, None]}) in (
        [],
        [b""],
    )
