"""Ended attempts leave the file system, and nothing of them is lost."""

from __future__ import annotations

import os
import shutil
import zipfile

import pytest
from stage import Stage

from aisteer.errors import SpoolError
from aisteer.execution.archives import Archives
from aisteer.execution.worker import run_attempt
from aisteer.execution.worker.attempt import TAKEN
from aisteer.execution.worker.book import Book
from aisteer.execution.worker.claim import Claimant
from aisteer.execution.worker.lots import Lots

STEPS = """
    def f(steps=3, restart=None):
        for i in range(restart["i"] if restart else 0, steps):
            yield {"i": i}, lambda: {"i": i + 1, "raw": b"x" * 1000}
        return {"y": float(i)}
"""


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def ended(stage, count=3):
    refs = [stage.write(STEPS, keep=True) for _ in range(count)]
    for ref in refs:
        stage.execute(ref)
    return refs


def test_packed_attempts_are_one_file_and_can_be_read(stage):
    refs = ended(stage)
    observed = (stage.path(refs[1]) / "observations.jsonl").read_bytes()
    archives = Archives(stage.root)
    assert archives.pack(refs) == 3
    assert not any(stage.path(ref).exists() for ref in refs)
    assert [path.name for path in archives.folder.iterdir()] == ["000001.zip"]
    later = Archives(stage.root)
    assert later.read(refs[1].folder, "observations.jsonl") == observed
    assert later.read(refs[1].folder, "nothing") is None
    assert later.pack(refs) == 0


def test_what_is_over_without_an_end_stays_and_nobody_begins_it_any_more(stage):
    ref = stage.write(STEPS)
    assert Archives(stage.root).pack([ref]) == 0
    assert (stage.path(ref) / "request.json").exists()
    assert stage.execute(ref).end is None


def test_one_that_is_over_without_an_end_keeps_no_lot_and_no_book_of_others(stage):
    simulation, root = stage.code("def f(x): return {'y': x}"), str(stage.root)
    submissions = [stage.submission(simulation, {"x": x}) for x in range(8)]
    stage.spool.create(stage.nonce)
    places = stage.spool.hand_over(submissions, stage.folder / "code")
    refs, lots = [s.ref for s in submissions], Lots(root)
    assert Claimant(root, "killed").claim(str(stage.path(refs[0])))
    claimant, book = Claimant(root, "abcdef"), Book(root, "abcdef")
    for ref in refs[1:]:
        handed = lots.read(ref.key, places[ref])
        run_attempt(root, ref.folder, alone=False, claimant=claimant, handed=handed, book=book)
    archives = Archives(stage.root)
    assert archives.kept() == {ref.key for ref in refs}
    assert archives.pack(refs[1:]) == 7
    assert archives.kept() == {refs[0].key}  # which another driver finds, and has packed as well
    assert Archives(stage.root).pack(refs) == 0
    assert list((stage.root / "lots").iterdir()) == []
    assert Archives(stage.root).kept() == set()


def test_a_run_starts_from_a_packed_checkpoint(stage):
    ref = ended(stage, 1)[0]
    checkpoint = f"{ref.folder}/checkpoints/{stage.spool.end(ref)['checkpoint']}"
    archives = Archives(stage.root)
    archives.pack([ref])
    submission = stage.submission(STEPS, {"steps": 5}, restart=checkpoint)
    stage.spool.prepare(submission.ref, submission.request, stage.folder / "code")
    seen = stage.execute(submission.ref)
    assert [o["i"] for o in seen.observations] == [3, 4]


@pytest.mark.parametrize("path", ["attempts/ab/abcdef-1/checkpoints/1", "attempts/../x", "/etc", ""])
def test_a_checkpoint_that_is_nowhere_is_not_made_up(stage, path):
    ended(stage, 1)
    assert not Archives(stage.root).restore(path)


def test_when_packing_fails_every_folder_is_where_it_was(stage, monkeypatch):
    refs = ended(stage)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    with pytest.raises(SpoolError, match="No space left"):
        Archives(stage.root).pack(refs)
    assert all(stage.spool.end(ref) for ref in refs)
    assert list((stage.root / "archives").iterdir()) == []


def test_links_are_not_packed(stage, tmp_path):
    (tmp_path / "secret").write_text("s")
    ref = ended(stage, 1)[0]
    (stage.path(ref) / "link").symlink_to(tmp_path / "secret")
    archives = Archives(stage.root)
    archives.pack([ref])
    assert archives.read(ref.folder, "link") is None
    assert (tmp_path / "secret").exists()


LOGGED = """
    def f(x, log):
        with open(log, "a") as file:
            file.write(f"{x}\\n")
        return {"y": x}
"""


def test_a_worker_that_still_has_the_request_of_a_packed_attempt_does_not_execute_it_again(stage, tmp_path):
    simulation, log, root = stage.code(LOGGED), tmp_path / "log", str(stage.root)
    submissions = [stage.submission(simulation, {"x": x, "log": str(log)}) for x in range(8)]
    stage.spool.create(stage.nonce)
    places = stage.spool.hand_over(submissions, stage.folder / "code")
    refs = [s.ref for s in submissions]
    stopped, at_work = Lots(root), Lots(root)
    assert stopped.read(refs[0].key, places[refs[0]])  # it has the lot open, and is stopped
    for token, lots in (("abcdef", at_work), ("stopped", stopped)):
        claimant, book = Claimant(root, token), Book(root, token)
        answers = [
            run_attempt(
                root,
                ref.folder,
                alone=False,
                claimant=claimant,
                handed=lots.read(ref.key, places[ref]),
                book=book,
            )
            for ref in refs
        ]
        assert {answer.get("reason") for answer in answers} == {None if token == "abcdef" else TAKEN}
        stage.spool.archives.pack(refs)
        assert list((stage.root / "lots").iterdir()) == []
    assert sorted(log.read_text().split()) == [str(x) for x in range(8)]
    claims = [path.stat() for path in stage.root.glob("attempts/*/*")]
    assert len(claims) == 8
    assert len({info.st_ino for info in claims}) == 1  # names of one file: they cost the disk no file each


def test_a_driver_that_hands_a_packed_attempt_over_once_more_has_nothing_executed(stage, tmp_path):
    log = tmp_path / "log"
    submission = stage.submission(LOGGED, {"x": 1, "log": str(log)}, epoch=2)
    stage.spool.create(stage.nonce)
    for epoch in (2, 1):  # the second launched it, was stopped, and wakes up when it is over
        stage.spool.prepare(submission.ref, {**submission.request, "epoch": epoch}, stage.folder / "code")
        stage.execute(submission.ref)
        Archives(stage.root).pack([submission.ref])
    assert log.read_text() == "1\n"


def test_an_attempt_that_was_claimed_in_a_spool_of_format_1_stays_claimed_when_it_is_packed(stage):
    ref = ended(stage, 1)[0]
    stage.path(ref).with_name(f"{ref.key}.claim").rename(stage.path(ref) / "claim.json")
    claim = stage.spool.claim(ref)
    assert Archives(stage.root).pack([ref]) == 1
    assert stage.spool.claim(ref) == claim


def test_an_archive_is_on_the_disk_itself_before_anything_in_it_is_removed(stage, monkeypatch):
    refs, synced = ended(stage), []
    sync, remove = os.fsync, shutil.rmtree

    def noted(fd):
        assert all(stage.path(ref).exists() for ref in refs)
        sync(fd)
        synced.append(os.fstat(fd).st_ino)

    def removed(path, **options):
        archive = stage.root / "archives" / "000001.zip"
        assert [stage.root.stat().st_ino, archive.stat().st_ino, archive.parent.stat().st_ino] == synced
        remove(path, **options)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(shutil, "rmtree", removed)
    assert Archives(stage.root).pack(refs) == 3


def test_nothing_is_removed_when_the_disk_does_not_take_the_archive(stage, monkeypatch):
    refs = ended(stage)

    def broken(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(SpoolError, match="Input/output error"):
        Archives(stage.root).pack(refs)
    assert all(stage.spool.end(ref) for ref in refs)
    monkeypatch.undo()
    assert Archives(stage.root).pack(refs) == 3


def test_a_driver_that_was_stopped_before_it_handed_an_attempt_over_comes_too_late_after_the_next_one(
    stage, tmp_path
):
    log = tmp_path / "log"
    first = stage.submission(LOGGED, {"x": 1, "log": str(log)})
    again = {"uuid": first.ref.uuid, "attempt": 2, "epoch": 2, "previous": [first.ref.folder]}
    second = stage.submission(LOGGED, {"x": 2, "log": str(log)}, **again)
    stage.spool.create(stage.nonce)
    for late in (second, first):
        stage.spool.prepare(late.ref, late.request, stage.folder / "code")
        stage.execute(late.ref)
    assert log.read_text() == "2\n"


def test_an_attempt_that_is_packed_needs_no_fence_and_gets_no_folder_again(stage):
    ref = ended(stage, 1)[0]
    stage.spool.archives.pack([ref])
    stage.spool.fence(ref.folder, 2)
    assert not stage.path(ref).exists()
    with pytest.raises(SpoolError):
        stage.spool.append_control(ref, {"id": "a", "epoch": 1, "verb": "stop", "values": {}})
