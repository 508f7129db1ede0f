"""Looking at attempts from afar: nothing is lost or doubled, and what comes from outside leads nowhere."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import Stage, eventually

from aisteer.execution.worker import book, entrance, files, question, run_attempt, stream, watching
from aisteer.execution.worker.claim import Claimant, read_claim
from aisteer.execution.worker.guest import execute

STEPS = """
    def f(steps=3):
        for i in range(steps):
            yield {"i": i}
        return {"y": 1.0}
"""


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    made.spool.create(made.nonce)
    return made


class Reader:
    """Asks as a notebook does: from where it has read to."""

    def __init__(self, stage, *keys, **how):
        self.stage = stage
        self.about = {key: {"offset": 0, "prefix": "", "known": ""} for key in keys}
        self.data = dict.fromkeys(keys, b"")
        self.books: dict[str, int] = {}
        self.ends: dict[str, dict] = {}
        self.seen: dict[str, list[str]] = {key: [] for key in keys}
        self.how = how
        self.more = False

    def question(self, **how):
        return {"nonce": self.stage.nonce, "attempts": self.about, "books": self.books, **self.how, **how}

    def ask(self, *, lost=False, **how):
        answer = watching.look(str(self.stage.root), self.question(**how))
        assert "refused" not in answer, answer
        if not lost:
            self.take(answer)
        return answer

    def take(self, answer):
        self.more = answer["more"]
        for key, said in answer["attempts"].items():
            about = self.about[key]
            self.seen[key] += said
            if "data" in said:
                assert said["offset"] == about["offset"] == len(self.data[key])
                self.data[key] += said["data"].encode("latin-1")
                about["offset"], about["prefix"] = said["next"], said["prefix"]
                assert said["next"] == len(self.data[key])
            if "claim" in said:
                assert about["known"] == ""
                about["known"] = "claimed"
            if "end" in said:
                assert about["known"] != "ended"
                about["known"] = "ended"
                self.ends[key] = said["end"]
        for name, said in answer["books"].items():
            for key, line in book.entries(said["data"].encode("latin-1")):
                assert key not in self.ends
                self.ends[key] = files.decode(line)
            self.books[name] = -1 if said["closed"] else said["next"]


def claimed(stage, *keys):
    claimant = Claimant(str(stage.root))
    for key in keys:
        folder = stage.root / "attempts" / key[:2] / key
        folder.mkdir(parents=True)
        assert claimant.claim(str(folder))
    return [stage.root / "attempts" / key[:2] / key / "observations.jsonl" for key in keys]


def test_a_run_is_followed_from_its_claim_to_its_end(stage):
    ref = stage.write(STEPS)
    reader = Reader(stage, ref.key)
    assert reader.ask()["attempts"] == {}
    whole = stage.execute(ref)
    reader.ask()
    assert reader.data[ref.key] == whole.data
    assert reader.ends[ref.key]["outcome"] == {"y": [1.0]}
    assert reader.ends[ref.key]["length"] == len(whole.data)
    assert reader.ask()["attempts"] == {}


LINES = st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=12)
MOVES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 90), st.sampled_from(["write", "look", "lost"])),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(
    contents=st.tuples(LINES, LINES, LINES), moves=MOVES, share=st.integers(1, 120), limit=st.integers(1, 400)
)
def test_whatever_is_written_in_whatever_pieces_arrives_once(tmp_path_factory, contents, moves, share, limit):
    stage = Stage(tmp_path_factory.mktemp("spool"))
    stage.spool.create(stage.nonce)
    keys = [f"{uuid.uuid4().hex}-1" for _ in contents]
    paths = claimed(stage, *keys)
    whole = [b"".join(line + b"\n" for line in lines) for lines in contents]
    written = [0, 0, 0]
    reader = Reader(stage, *keys, limit=limit)

    def write(which, size):
        with paths[which].open("ab") as file:
            file.write(whole[which][written[which] : written[which] + size])
        written[which] = min(len(whole[which]), written[which] + size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "_SHARE", share)
        patch.setattr(question, "_LEAST", 1)
        for which, size, move in moves:
            if move == "write":
                write(which, size)
                continue
            answer = reader.ask(lost=move == "lost")
            for key, said in answer["attempts"].items():
                assert said.get("data", "\n").endswith("\n")
                assert "gap" not in said, key
        for which in range(3):
            write(which, len(whole[which]))
        for _ in range(200):
            reader.ask()
            if [reader.data[key] for key in keys] == whole:
                break
    assert [reader.data[key] for key in keys] == whole
    shutil.rmtree(stage.folder)


def test_half_a_line_is_left_for_later(stage):
    key = f"{uuid.uuid4().hex}-1"
    (path,) = claimed(stage, key)
    reader = Reader(stage, key)
    path.write_bytes(b'{"seq":1}\n{"se')
    reader.ask()
    assert reader.data[key] == b'{"seq":1}\n'
    assert not reader.more
    with path.open("ab") as file:
        file.write(b'q":2}\n')
    reader.ask()
    assert reader.data[key] == b'{"seq":1}\n{"seq":2}\n'


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.write_bytes(b"x\n"), "cut or replaced"),
        (lambda p: p.write_bytes(p.read_bytes().replace(b"1", b"2") + b"more\n"), "was replaced"),
        (lambda p: p.unlink(), "gone"),
        (lambda p: (p.unlink(), p.mkdir()), "something else"),
        (lambda p: (p.unlink(), p.symlink_to("/etc/passwd")), "cannot be opened"),
    ],
)
def test_a_stream_that_is_another_one_is_a_named_gap(stage, change, words):
    key = f"{uuid.uuid4().hex}-1"
    (path,) = claimed(stage, key)
    path.write_bytes(b'{"seq":1,"t":1}\n')
    reader = Reader(stage, key)
    reader.ask()
    change(path)
    said = reader.ask(wait=60.0)["attempts"][key]
    assert words in said["gap"]
    assert "data" not in said


@pytest.mark.parametrize("what", ["claim", "end", "acknowledgement", "end in a book"])
def test_news_that_does_not_wait_is_answered_at_once(stage, what):
    key = f"{uuid.uuid4().hex}-1"
    reader = Reader(stage, key)
    if what != "claim":
        (path,) = claimed(stage, key)
        reader.ask()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(reader.ask(wait=300.0, linger=10.0)))
    thread.start()
    if what == "claim":
        claimed(stage, key)
    elif what == "end":
        (path.parent / "end.json").write_bytes(files.encode({"format": 1, "end": "done"}))
    elif what == "acknowledgement":
        path.write_bytes(b'{"seq":1,"t":1,"kind":"ack","control":"c","answer":"done"}\n')
    else:
        written = book.Book(str(stage.root), "abcd1234")
        assert written.write(key, {"end": "done"})
        written.close()
    thread.join(60.0)
    assert answers
    assert {"claim": "claim", "end": "end", "acknowledgement": "data"}.get(what) in {
        None,
        *answers[0]["attempts"].get(key, {}),
    }
    assert (key in reader.ends) == what.startswith("end")


def test_observations_are_gathered_before_they_are_answered(stage):
    key = f"{uuid.uuid4().hex}-1"
    (path,) = claimed(stage, key)
    reader = Reader(stage, key)
    reader.ask()
    answers = []
    path.write_bytes(b'{"seq":1}\n')
    thread = threading.Thread(target=lambda: answers.append(reader.ask(wait=300.0, linger=3.0)))
    thread.start()
    with path.open("ab") as file:
        file.write(b'{"seq":2}\n')
    thread.join(60.0)
    assert reader.data[key] == b'{"seq":1}\n{"seq":2}\n'
    assert len(answers) == 1


def test_one_that_floods_leaves_room_for_the_others(stage):
    keys = [f"{uuid.uuid4().hex}-1" for _ in range(5)]
    paths = claimed(stage, *keys)
    paths[0].write_bytes(b"x" * 1023 + b"\n")
    for path in paths[1:]:
        path.write_bytes((b"y" * 1023 + b"\n") * 4096)
    reader = Reader(stage, *keys, limit=1 << 20)
    answer = reader.ask()
    assert reader.data[keys[0]] == paths[0].read_bytes()
    assert all(reader.data[key] for key in keys)
    assert sum(map(len, reader.data.values())) < 3 << 20
    assert answer["more"]
    while reader.more:
        reader.ask()
    assert [reader.data[key] for key in keys] == [path.read_bytes() for path in paths]


def test_an_answer_fits_into_a_result_whatever_stands_in_the_files(stage):
    keys = [f"{uuid.uuid4().hex}-1" for _ in range(3)]
    for path in claimed(stage, *keys):
        path.write_bytes(b"".join(os.urandom(1000).replace(b"\n", b"") + b"\n" for _ in range(4000)))
    answer = Reader(stage, *keys).ask(limit=1 << 30)
    folded = json.dumps(entrance.fold(answer))
    assert len(folded) < 5_500_000  # a result may have ten
    assert entrance.unfold(json.loads(folded)) == answer


def test_a_line_too_long_to_be_one_is_a_named_gap(stage):
    key = f"{uuid.uuid4().hex}-1"
    (path,) = claimed(stage, key)
    path.write_bytes(b"{}\n" + b"x" * (2 << 20))
    reader = Reader(stage, key)
    said = reader.ask()["attempts"][key]
    assert reader.data[key] == b"{}\n"
    assert "1 MB" in said["gap"]


def test_ends_in_books_are_read_once_however_many_books_there_are(stage, monkeypatch):
    monkeypatch.setattr(book, "_LONGEST", 2000)
    requests = [stage.submission(STEPS, {"steps": 0}) for _ in range(20)]
    stage.spool.put_code(stage.folder / "code" / f"{requests[0].request['simulation']['code']}.py")
    reader = Reader(stage, *(s.ref.key for s in requests))
    claimant = Claimant(str(stage.root))
    written = book.Book(str(stage.root), claimant.token)
    for count, submission in enumerate(requests):
        run_attempt(
            str(stage.root),
            submission.ref.folder,
            alone=False,
            claimant=claimant,
            handed=submission.request,
            book=written,
        )
        if count % 7 == 0:
            reader.ask()
    reader.ask()
    assert {key: end["end"] for key, end in reader.ends.items()} == {s.ref.key: "done" for s in requests}
    assert list(reader.books.values()).count(-1) == len(reader.books) - 1 > 1
    assert reader.ask()["books"] == {}
    claimant.forget()


def test_a_holder_that_was_killed_is_seen_to_be_dead(stage):
    ref = stage.write("def f():\n    import time\n    time.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-m", "aisteer.execution.worker", str(stage.root), ref.folder],
        stdout=subprocess.DEVNULL,
    )
    eventually(lambda: read_claim(str(stage.path(ref))))
    reader = Reader(stage, ref.key)
    assert "holder_dead" not in reader.ask()["attempts"][ref.key]
    answers = []
    thread = threading.Thread(target=lambda: answers.append(reader.ask(wait=300.0)))
    thread.start()
    process.send_signal(signal.SIGKILL)
    process.wait()
    thread.join(60.0)
    while not answers[-1]["attempts"].get(ref.key, {}).get("holder_dead"):
        answers.append(reader.ask(wait=60.0))
    assert "end" not in answers[-1]["attempts"][ref.key]


def test_what_was_there_and_is_not_any_more_is_gone(stage):
    keys = [f"{uuid.uuid4().hex}-1" for _ in range(2)]
    paths = claimed(stage, *keys)
    paths[0].write_bytes(b"{}\n")
    reader = Reader(stage, *keys)
    reader.ask()
    for path in paths:
        shutil.rmtree(path.parent)
    said = reader.ask()["attempts"]
    assert said[keys[0]]["gone"] is True
    assert keys[1] not in said  # it had nothing but its claim, which says who executes it
    Path(f"{paths[1].parent}.claim").unlink()
    assert reader.ask()["attempts"][keys[1]] == {"gone": True}


def test_a_heartbeat_and_a_damaged_end_are_told(stage):
    key = f"{uuid.uuid4().hex}-1"
    (path,) = claimed(stage, key)
    (path.parent / "heartbeat").write_text("000000000012\n")
    reader = Reader(stage, key)
    assert reader.ask()["attempts"][key]["heartbeat"] == 12
    (path.parent / "end.json").write_text("{")
    assert "end" not in reader.ask()["attempts"][key]
    os.utime(path.parent / "end.json", (0, 0))
    reader.ask()
    assert "damaged" in reader.ends[key]["message"]


def test_the_answer_says_where_it_comes_from(stage, monkeypatch):
    monkeypatch.setenv("AISTEER_BLOCK_ENDS", "2e9")
    machine = Reader(stage).ask()["machine"]
    assert machine["python"] == sys.version.split()[0]
    assert machine["free"] > 0
    assert machine["block_ends"] == 2e9
    assert machine["host"]
    assert machine["time"] > 1e9


def test_orders_ride_along_with_a_look(stage):
    ref = stage.write(STEPS)
    control = {"id": "c1", "epoch": 1, "verb": "stop", "values": {}}
    answer = Reader(stage, ref.key).ask(
        wait=300.0, linger=0.0, orders=[{"do": "control", "key": ref.key, "control": control}]
    )
    assert answer["answers"] == [{"done": True}]
    assert stage.execute(ref).end["end"] == "withdrawn"


@pytest.mark.parametrize(
    "asked",
    [
        {"attempts": {"../../../etc/passwd-1": {}}},
        {"attempts": {"": {}}},
        {"attempts": {"abcd/efgh-1": {}}},
        {"attempts": {"abcdefgh-1\n": {}}},
        {"attempts": ["abcdefgh-1"]},
        {"attempts": "abcdefgh-1"},
        {"books": {"../spool.json": 0}},
        {"books": {"abcdefgh-000001.jsonl/../../spool.json": 0}},
        {"books": [0]},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": {"$ne": 1}},
        {"orders": "create"},
        {"orders": [1]},
        {"orders": {"do": "create"}},
    ],
)
def test_a_hostile_question_is_refused(stage, asked):
    answer = watching.look(str(stage.root), {"nonce": stage.nonce, **asked})
    assert isinstance(answer["refused"], str)
    assert set(answer) == {"refused", "gone", "machine"}
    assert answer["gone"] is ("nonce" in asked)


@pytest.mark.parametrize(
    "root", ["", "relative", "/", "/proc/self", "/nowhere/at/all", "a\0b", None, 3, ["/"]]
)
def test_a_root_without_the_campaigns_mark_is_refused(stage, root):
    assert "refused" in watching.look(root, {"nonce": stage.nonce})
    assert "refused" in watching.write(root, {"nonce": stage.nonce, "orders": []})


@pytest.mark.parametrize("asked", [None, [], "x", 3])
def test_what_is_no_question_is_refused(stage, asked):
    assert "refused" in watching.look(str(stage.root), asked)
    assert "refused" in watching.write(str(stage.root), asked)


@pytest.mark.parametrize(
    "value",
    [-1, -(10**30), 10**30, 10**400, -(10**400), True, None, "9", 1.5, math.nan, math.inf, -math.inf, [], {}],
)
def test_numbers_out_of_bounds_are_brought_within(stage, value):
    key = f"{uuid.uuid4().hex}-1"
    (path,) = claimed(stage, key)
    path.write_bytes(b"{}\n")
    about = {"offset": value, "prefix": value, "known": value if isinstance(value, str) else ""}
    asked = {"nonce": stage.nonce, "attempts": {key: about}, "limit": value, "linger": value}
    answer = watching.look(str(stage.root), {**asked, "wait": 0, "books": {"abcd-000001.jsonl": value}})
    assert "refused" not in answer
    files.encode(answer)


def test_links_lead_nowhere(stage, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "observations.jsonl").write_bytes(b"secret\n")
    (outside / "end.json").write_bytes(b'{"end":"done"}')
    key = f"{uuid.uuid4().hex}-1"
    (path,) = claimed(stage, key)
    shutil.rmtree(path.parent)
    path.parent.symlink_to(outside)
    answer = watching.look(str(stage.root), {"nonce": stage.nonce, "attempts": {key: {}}})
    assert "link" in answer["refused"]
    other = f"{uuid.uuid4().hex}-1"
    (path,) = claimed(stage, other)
    for name in ("observations.jsonl", "end.json", "heartbeat"):
        (path.parent / name).symlink_to(outside / name)
    said = watching.look(str(stage.root), {"nonce": stage.nonce, "attempts": {other: {}}})["attempts"][other]
    assert "secret" not in repr(said)


def test_attempts_of_one_process_have_their_ends_in_one_book(stage):
    requests = [stage.submission(STEPS, {"steps": 0}) for _ in range(3)]
    stage.spool.put_code(stage.folder / "code" / f"{requests[0].request['simulation']['code']}.py")
    for submission in requests:
        answer = execute(str(stage.root), submission.ref.folder, alone=False, handed=submission.request)
        assert answer["record"]["end"] == "done"
    assert len(list((stage.root / "ends").iterdir())) == 1
    assert not any((stage.root / s.ref.folder).exists() for s in requests)


def test_the_mark_of_a_stream_does_not_depend_on_how_it_was_read(tmp_path):
    path = tmp_path / "stream"
    path.write_bytes(b"".join(b"%04d\n" % i for i in range(3000)))
    at, mark = 0, ""
    while at < 15000:
        found = stream.read_on(str(path), at, mark, limit=1237)
        assert not found.gap
        at, mark = at + len(found.data), found.prefix
        assert mark == stream.mark(path.read_bytes()[:at])
