"""The driver's side of the spool: whatever stands in it, reading it is safe and says what is wrong."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import Stage

from aisteer.errors import SpoolError
from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.ends import clean_end
from aisteer.execution.spool import Spool, Tail
from aisteer.execution.worker import files, run_attempt
from aisteer.execution.worker.ending import ENDS
from aisteer.execution.worker.values import observation

QUICK = "def f(): return {'y': 1}"


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


@pytest.fixture
def ref(stage):
    return stage.write(QUICK)


def stream(stage, ref):
    return stage.path(ref) / "observations.jsonl"


# --- reading a stream -------------------------------------------------------------------------


def test_only_whole_lines_are_read_and_a_torn_one_is_left_for_later(stage, ref):
    seen = Tail()
    stream(stage, ref).write_bytes(b'{"a":1}\n{"b"')
    assert stage.spool.tail(ref, seen, 0) == b'{"a":1}\n'
    assert stage.spool.tail(ref, seen, 8) == b""
    with stream(stage, ref).open("ab") as file:
        file.write(b":2}\n")
    assert stage.spool.tail(ref, seen, 8) == b'{"b":2}\n'
    assert not seen.gap


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=20), st.data())
@settings(max_examples=50)
def test_however_it_grows_what_is_read_adds_up_to_what_was_written(tmp_path_factory, lines, data):
    folder = tmp_path_factory.mktemp("grows")
    spool = Spool(folder)
    ref = AttemptRef("R1", "ab" * 16, 1)
    path = folder / ref.folder / "observations.jsonl"
    path.parent.mkdir(parents=True)
    written = b"".join(line + b"\n" for line in lines)
    read, done, seen = b"", 0, Tail()
    while True:
        assert written.startswith(read)
        assert not seen.gap
        if done >= len(written):
            break
        step = data.draw(st.integers(1, 60))
        with path.open("ab") as file:
            file.write(written[done : done + step])
        done += step
        read += spool.tail(ref, seen, len(read))
    assert read == written


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (b"", "0 bytes, and 16 were read"),
        (b'{"a":1}\n', "cut or replaced"),
        (b'{"a":9}\n{"b":2}\n{"c":3}\n', "the file was replaced"),
        (None, "the file is gone"),
    ],
)
def test_a_file_that_is_shorter_or_another_one_is_a_gap_and_nothing_is_read(stage, ref, new, words):
    seen = Tail()
    path = stream(stage, ref)
    whole = b'{"a":1}\n{"b":2}\n'
    path.write_bytes(whole)
    assert len(stage.spool.tail(ref, seen, 0)) == 16
    path.unlink()
    if new is not None:
        path.write_bytes(new)
    assert stage.spool.tail(ref, seen, 16) == b""
    assert words in seen.gap
    # When it is there again as it was, the gap is over.
    path.write_bytes(whole + b'{"c":3}\n')
    assert stage.spool.tail(ref, seen, 16) == b'{"c":3}\n'
    assert not seen.gap


def test_a_line_of_ten_megabytes_is_a_gap(stage, ref):
    stream(stage, ref).write_bytes(b'{"a":1}\n' + b"x" * 10_000_000 + b"\n")
    seen = Tail()
    assert stage.spool.tail(ref, seen, 0) == b'{"a":1}\n'
    assert stage.spool.tail(ref, seen, 8) == b""
    assert "more than 1 MB begins at byte 8" in seen.gap


def test_much_is_read_in_pieces(stage, ref):
    line = b'{"x":"' + b"y" * 100 + b'"}\n'
    stream(stage, ref).write_bytes(line * 100_000)
    seen, read = Tail(), 0
    while data := stage.spool.tail(ref, seen, read):
        assert len(data) <= 4 << 20
        read += len(data)
    assert read == len(line) * 100_000


def replace_by_link(path, tmp_path):
    (tmp_path / "secret").write_text('{"end":"done","by":"x"}\n')
    path.symlink_to(tmp_path / "secret")


def replace_by_pipe(path, tmp_path):
    os.mkfifo(path)


def replace_by_folder(path, tmp_path):
    path.mkdir()


def replace_by_device(path, tmp_path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("replace", [replace_by_link, replace_by_pipe, replace_by_folder, replace_by_device])
@pytest.mark.parametrize(
    "name",
    ["observations.jsonl", "claim.json", f"../{'cd' * 16}-1.claim", "heartbeat", "end.json", "request.json"],
)
def test_links_pipes_and_folders_are_not_followed_read_or_waited_for(stage, tmp_path, name, replace):
    ref = AttemptRef("R1", "cd" * 16, 1)
    stage.spool.create(stage.nonce)
    stage.path(ref).mkdir(parents=True)
    replace(stage.path(ref) / name, tmp_path)
    seen = Tail()
    assert stage.spool.tail(ref, seen, 0) == b""
    assert bool(seen.gap) == (name == "observations.jsonl")
    assert stage.spool.claim(ref) is None
    assert stage.spool.heartbeat(ref) is None
    assert stage.spool.request(ref) is None
    end = stage.spool.end(ref)
    assert end is None or end["end"] == "failed"
    assert not run_attempt(str(stage.root), ref.folder)["executed"]


# --- what a stranger may write ----------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = [
    "end",
    "outcome",
    "message",
    "seconds",
    "observations",
    "length",
    "checkpoint",
    "where",
    "versions",
    "by",
    "rss",
    "traceback",
]


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(), ANYTHING | st.sampled_from(sorted(ENDS))))
def test_an_end_of_any_content_has_the_types_and_bounds_of_an_end(found):
    end = clean_end(found)
    assert end["end"] in ENDS
    assert all(
        1 <= len(pair) <= 2 and all(abs(x) < float("inf") for x in pair) for pair in end["outcome"].values()
    )
    assert end["seconds"] >= 0
    assert end["length"] >= 0
    assert end["checkpoint"] is None or end["checkpoint"].isdigit()
    json.dumps(end, allow_nan=False).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"end":' + b"[" * 100_000,
        b'{"end":"done","outcome":{"y":NaN}}',
        b"9" * 5000,
        b" " * 3_000_000,
    ],
)
def test_an_end_that_cannot_be_read_is_waited_for_and_then_a_failure_that_says_so(stage, ref, content):
    path = stage.path(ref) / "end.json"
    path.write_bytes(content)
    assert stage.spool.end(ref) is None
    os.utime(path, (0, 0))
    end = stage.spool.end(ref)
    assert (end["end"], "not what a worker writes" in end["message"]) == ("failed", True)


@pytest.mark.parametrize("checkpoint", ["../../etc", "/", "1/../2", "٣", "", 7])
def test_a_checkpoint_is_a_number_and_no_path(checkpoint):
    assert clean_end({"end": "done", "checkpoint": checkpoint})["checkpoint"] is None


def test_a_done_run_with_an_outcome_that_is_no_number_has_failed():
    end = clean_end({"end": "done", "outcome": {"y": [1e400, 0]}})
    assert (end["end"], end["outcome"]) == ("failed", {})
    assert "not a finite number" in end["message"]


@given(ANYTHING | st.dictionaries(st.text() | st.integers(), ANYTHING))
def test_anything_yielded_is_strict_json_of_bounded_size(values):
    made, _ = observation(values)
    line = files.encode(made)
    assert len(line) < 1 << 20
    assert files.decode(line) == made


# --- writing ----------------------------------------------------------------------------------


def test_the_root_is_marked_and_a_foreign_one_refused(stage):
    stage.spool.create("mine")
    stage.spool.create("mine")
    with pytest.raises(SpoolError, match="another campaign"):
        Spool(stage.root).create("yours")


@pytest.mark.parametrize("folder", ["../elsewhere", "/etc", "attempts/../../x", "code"])
def test_only_attempts_are_fenced(stage, folder):
    stage.spool.create(stage.nonce)
    with pytest.raises(SpoolError, match="not an attempt's folder"):
        stage.spool.fence(folder, 1)


def test_an_attempt_that_is_fenced_before_it_started_never_starts(stage, ref):
    stage.spool.fence(ref.folder, 2)
    assert not run_attempt(str(stage.root), ref.folder)["executed"]
    (stage.path(ref) / "fenced").unlink()
    assert not run_attempt(str(stage.root), ref.folder)["executed"]


def test_the_second_writing_of_a_request_leaves_the_first(stage, ref):
    before = stage.spool.request(ref)
    stage.spool.write_request(ref, {**before, "parameters": {"x": 2}})
    assert stage.spool.request(ref) == before


def as_nobody(work):
    """What ``work`` answers in a process of a user that may not write here; root can write everywhere."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            os.write(theirs, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(answer)


def test_a_read_only_spool_is_an_error_that_says_what_it_means(stage, tmp_path):
    stage.spool.create(stage.nonce)
    ref = AttemptRef("R1", "ef" * 16, 1)
    for path in [
        p
        for p in [tmp_path, *tmp_path.parents]
        if p.stat().st_uid == os.getuid() and p.stat().st_mode & 0o001 == 0
    ]:
        path.chmod(path.stat().st_mode | 0o005)
    for path in [*stage.root.rglob("*"), stage.root]:
        path.chmod(0o555)

    def writes():
        said = []
        for write in (
            lambda: Spool(stage.root).write_request(ref, {}),
            lambda: Spool(stage.root).append_control(ref, {}),
            lambda: Spool(stage.root / "new").create("n"),
        ):
            try:
                write()
            except SpoolError as error:
                said.append(str(error))
        return said

    try:
        said = as_nobody(writes)
    finally:
        for path in [stage.root, *stage.root.rglob("*")]:
            path.chmod(0o755)
    assert len(said) == 3
    assert all("cannot be written: " in words for words in said)
    assert ["handed over when it works again" in words for words in said] == [True, False, True]
    assert "told when that works again" in said[1]


def fill(spool):
    for number in range(10_000):
        spool.write_request(AttemptRef("R", f"{number:032x}", 1), {"fill": "x" * 1000})


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_stops_nothing_but_what_needs_it(stage, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], check=False, capture_output=True
    ).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        onto = Stage(small)
        ref = onto.write("""
            def f():
                for i in range(100_000):
                    yield {"i": i, "x": "0123456789" * 20}
                return {"y": 1}
        """)
        answer = run_attempt(str(onto.root), ref.folder, alone=False)
        assert answer["end"] == "failed"
        end = onto.spool.end(ref) or answer["record"]
        assert "Make room" in end["message"]
        seen, read = Tail(), b""
        while data := onto.spool.tail(ref, seen, len(read)):
            read += data
        assert len(read) == end["length"] > 10_000
        (small / "fill").write_bytes(b"")
        with pytest.raises(SpoolError, match="No space left"):
            fill(onto.spool)
    finally:
        subprocess.run(["umount", str(small)], check=True)
