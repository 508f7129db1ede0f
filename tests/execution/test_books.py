"""Many ends in few files: each is read once, none is lost, and a book goes when nobody needs it any more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import Stage

from aisteer.execution.spool import Spool
from aisteer.execution.worker import book, files, run_attempt, succession
from aisteer.execution.worker.book import Book
from aisteer.execution.worker.claim import Claimant
from aisteer.execution.worker.lots import Lots

QUICK = "def f(x): return {'y': 2 * x}"
EXECUTE_AND_DIE = """
import json, os, sys
from aisteer.execution.worker import book, run_attempt
from aisteer.execution.worker.claim import Claimant
from aisteer.execution.worker.lots import Lots
root, token, attempts = json.loads(sys.argv[1])
book._LONGEST = 600
claimant, ends, lots = Claimant(root, token), book.Book(root, token), Lots(root)
for folder, place in attempts:
    key = folder.rpartition("/")[2]
    run_attempt(root, folder, alone=False, claimant=claimant, handed=lots.read(key, place), book=ends)
os._exit(0)
"""


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    stage.spool.create(stage.nonce)
    return stage


def handed_over(stage, count):
    simulation = stage.code(QUICK)
    submissions = [stage.submission(simulation, {"x": x}) for x in range(count)]
    places = stage.spool.hand_over(submissions, stage.folder / "code")
    return [s.ref for s in submissions], places


def executed(stage, refs, places, token):
    """Executed by a worker of this process; who claimed."""
    root = str(stage.root)
    claimant, ends, lots = Claimant(root, token), Book(root, token), Lots(root)
    for ref in refs:
        handed = lots.read(ref.key, list(places[ref]))
        run_attempt(root, ref.folder, alone=False, claimant=claimant, handed=handed, book=ends)
    return claimant


def book_of(stage, name):
    return dict(book.entries((stage.root / "ends" / name).read_bytes()))


def names(stage):
    return sorted(path.name for path in (stage.root / "ends").iterdir())


def test_books_go_in_whatever_order_their_ends_are_packed_but_not_the_last_of_a_worker_that_lives(
    stage, monkeypatch
):
    monkeypatch.setattr(book, "_LONGEST", 600)
    refs, places = handed_over(stage, 8)
    claimant = executed(stage, refs[:8], places, "abcdef")
    before = names(stage)
    assert len(before) >= 4
    first = [ref for ref in refs[:8] if ref.key in book_of(stage, before[0])]
    stage.spool.archives.pack([ref for ref in refs[:8] if ref not in first])
    assert names(stage) == [before[0], before[-1]]
    claimant.forget()  # as if somebody had cleaned up: its claims tell that it lives
    stage.spool.archives.pack(first)
    assert names(stage) == before[-1:]


def test_the_books_of_a_worker_that_was_killed_go_when_all_in_them_is_packed(stage):
    refs, places = handed_over(stage, 8)
    attempts = [(ref.folder, list(places[ref])) for ref in refs]
    options = files.encode([str(stage.root), "abcdef", attempts]).decode()
    subprocess.run([sys.executable, "-c", EXECUTE_AND_DIE, options], check=True)
    assert len(names(stage)) >= 2
    assert (stage.root / "claimants" / "abcdef.json").exists()
    stage.spool.archives.pack(refs[:7])
    assert len(names(stage)) == 1
    assert stage.spool.archives.pack(refs) == 1
    assert names(stage) == []


def test_a_book_that_could_not_be_begun_leaves_no_gap_in_the_numbers(stage, monkeypatch):
    monkeypatch.setattr(book, "_LONGEST", 10)
    writing = Book(str(stage.root), "abcdef")
    assert writing.write("abcd-1", {"end": "done"})
    (stage.root / "ends").rename(stage.root / "away")
    assert not writing.write("abcd-2", {"end": "done"})
    (stage.root / "away").rename(stage.root / "ends")
    assert writing.write("abcd-2", {"end": "done"})
    assert names(stage) == [f"abcdef-00000{number}.jsonl" for number in (1, 2)]
    (stage.root / "ends" / "abcdef-000003.jsonl").touch()  # made by us, and the answer was lost
    assert writing.write("abcd-3", {"end": "done"})
    assert names(stage) == [f"abcdef-00000{number}.jsonl" for number in (1, 2, 3, 4)]


def test_a_line_longer_than_any_worker_writes_is_named_and_hides_no_later_end(stage):
    refs, _ = handed_over(stage, 3)
    writing = Book(str(stage.root), "abcdef")
    assert writing.write(refs[0].key, {"end": "done", "outcome": {"y": [1.0]}})
    with (stage.root / "ends" / names(stage)[0]).open("ab") as file:
        file.write(b'{"attempt":"%s","end":"done","message":"' % refs[1].key.encode())
        file.write(b"x" * (9 << 20) + b'"}\n')
    assert writing.write(refs[2].key, {"end": "done", "outcome": {"y": [3.0]}})
    assert not writing.write(refs[2].key, {"end": "done", "message": "x" * files.SMALL})
    for _ in range(4):  # each look takes in a stretch
        stage.spool.books.look()
    assert [stage.spool.end(ref)["end"] for ref in refs] == ["done", "failed", "done"]
    assert "more than 4 MB" in stage.spool.end(refs[1])["message"]
    assert Spool(stage.root).end(refs[0])["outcome"] == {"y": [1.0]}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), unique=True))
def test_a_book_is_closed_when_any_later_one_of_its_worker_is_there(made):
    there = {f"abcd{worker}-{number:06d}.jsonl" for worker, number in made}
    closed = {f"abcd{w}-{n:06d}.jsonl" for w, n in made if any(v == w and m > n for v, m in made)}
    assert book.closed(there) == closed


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="where the kernel counts what a process reads")
def test_whoever_waits_for_an_earlier_attempt_reads_its_workers_books_once(stage):
    refs, _ = handed_over(stage, 1)
    claimant = Claimant(str(stage.root), "abcdef")
    assert claimant.claim(str(stage.path(refs[0])))
    writing = Book(str(stage.root), "abcdef")
    for number in range(1000):
        assert writing.write(f"abcd-{number}", {"end": "done", "message": "x" * 1000})
    size = sum(path.stat().st_size for path in (stage.root / "ends").iterdir())
    looks, before = iter(range(10)), read_so_far()
    succession.wait_for_earlier(str(stage.root), [refs[0].folder], "other", lambda: next(looks, None) is None)
    assert read_so_far() - before < 2 * size
    assert writing.write(refs[0].key, {"end": "done"})
    assert succession.wait_for_earlier(str(stage.root), [refs[0].folder], "other", lambda: False) == ""


def read_so_far() -> int:
    """Bytes that this process has read."""
    return int(Path("/proc/self/io").read_text().split()[1])
