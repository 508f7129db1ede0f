"""Ended attempts leave the file system, and nothing of them is lost."""

from __future__ import annotations

import zipfile

import pytest
from stage import Stage

from aisteer.errors import SpoolError
from aisteer.execution.archives import Archives

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


def test_what_has_not_ended_stays(stage):
    ref = stage.write(STEPS)
    assert Archives(stage.root).pack([ref]) == 0
    assert stage.path(ref).exists()


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
