"""What is written into a spool from afar: each order is done whole or not at all, and none leads outside."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import Stage

from aisteer.execution.spool import Spool
from aisteer.execution.worker import files, lots, orders, parcels, task, watching

STEPS = """
    def f(steps=3, restart=None):
        print("hello")
        for i in range(restart["i"] if restart else 0, steps):
            yield {"i": i}, lambda: {"i": i + 1}
        return {"y": float(i)}
"""


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    made.spool.create(made.nonce)
    return made


def write(stage, *listed):
    answer = watching.write(str(stage.root), {"nonce": stage.nonce, "orders": list(listed)})
    assert "refused" not in answer, answer
    return answer["answers"]


def control(ref, verb, name="c1", epoch=1):
    return {
        "do": "control",
        "key": ref.key,
        "control": {"id": name, "epoch": epoch, "verb": verb, "values": {}},
    }


# --- the root ---


def test_a_root_is_made_where_its_variables_say_and_its_real_path_is_told(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "scratch").symlink_to(tmp_path / "disk")
    monkeypatch.setenv("SCRATCH", str(tmp_path / "scratch"))
    letter = {"nonce": "abc", "orders": [{"do": "create"}]}
    answer = watching.write("$SCRATCH/aisteer/copper", letter)
    assert answer["root"] == str(tmp_path / "disk" / "aisteer" / "copper")
    assert answer["answers"] == [{"done": True}]
    assert answer["machine"]["free"] > 0
    assert Path(answer["root"]).stat().st_mode & 0o077 == 0  # scratch is shared
    Spool(tmp_path / "disk" / "aisteer" / "copper").create("abc")  # both sides make the same
    assert watching.write("$SCRATCH/aisteer/copper", letter)["answers"] == [{"done": True}]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert watching.write("~/disk/x", letter)["root"] == str(tmp_path / "disk" / "x")


@pytest.mark.parametrize(
    ("root", "words"),
    [
        ("$NOT_SET_ANYWHERE/x", "NOT_SET_ANYWHERE"),
        ("relative/x", "absolute"),
        ("/proc/aisteer", "cannot be made"),
    ],
)
def test_a_root_that_cannot_be_made_is_refused_in_words(root, words):
    answer = watching.write(root, {"nonce": "abc", "orders": [{"do": "create"}]})
    assert words in answer["refused"]


def test_the_root_of_another_campaign_stays_as_it_is(stage):
    before = (stage.root / "spool.json").read_bytes()
    answer = watching.write(str(stage.root), {"nonce": "another", "orders": [{"do": "create"}]})
    assert "another campaign" in answer["refused"]
    assert (stage.root / "spool.json").read_bytes() == before


def test_nothing_but_create_makes_a_root(tmp_path):
    answer = watching.write(str(tmp_path / "x"), {"nonce": "abc", "orders": [{"do": "have", "names": []}]})
    assert "no spool" in answer["refused"]
    assert not (tmp_path / "x").exists()


# --- controls, fences, withdrawals ---


def test_a_run_that_waits_is_taken_back_and_never_starts(stage):
    ref = stage.write(STEPS)
    assert write(stage, control(ref, "withdraw")) == [{"done": True}]
    assert stage.execute(ref).end["end"] == "withdrawn"
    assert not stage.read(ref).observations


def test_a_run_that_waits_ends_here_if_that_was_asked_and_nobody_has_it(stage):
    ref = stage.write(STEPS)
    (first,) = write(stage, {"do": "withdraw", "key": ref.key})
    assert first == {"done": True, "end": None}  # nobody asked
    _, answer = write(
        stage, control(ref, "stop"), {"do": "withdraw", "key": ref.key, "request": {"attempt": 1}}
    )
    assert answer["end"]["end"] == "withdrawn"
    assert stage.spool.end(ref)["end"] == "withdrawn"
    stage.execute(ref)
    assert not stage.read(ref).observations
    (again,) = write(stage, {"do": "withdraw", "key": ref.key})
    assert again["end"] is None


def test_a_run_that_somebody_executes_is_not_taken_back(stage):
    ref = stage.write(STEPS)
    stage.execute(ref)
    answers = write(stage, control(ref, "withdraw"), {"do": "withdraw", "key": ref.key})
    assert answers == [{"done": True}, {"done": True, "end": None}]
    assert stage.spool.end(ref)["end"] == "done"


def test_a_run_that_was_never_here_can_be_taken_back_before_it_comes(stage):
    submission = stage.submission(STEPS)
    write(stage, control(submission.ref, "withdraw"))
    stage.spool.prepare(submission.ref, submission.request, stage.folder / "code")
    assert stage.execute(submission.ref).end["end"] == "withdrawn"


# --- parcels ---


def stretches(content, name, sizes):
    sha = hashlib.sha256(content).hexdigest()
    start = 0
    for size in [*sizes, len(content)]:
        yield {
            "do": "put",
            "name": name or f"code/{sha}.py",
            "sha256": sha,
            "size": len(content),
            "offset": start,
            "data": base64.b64encode(content[start : start + size]).decode(),
        }
        start = min(len(content), start + size)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300), sizes=st.lists(st.integers(1, 120), max_size=6), data=st.data())
def test_a_parcel_is_whole_or_not_there_in_whatever_order_its_stretches_come(
    tmp_path_factory, content, sizes, data
):
    stage = Stage(tmp_path_factory.mktemp("spool"))
    stage.spool.create(stage.nonce)
    listed = list(stretches(content, "", sizes))
    name = listed[0]["name"]
    shuffled = data.draw(st.permutations(listed + listed[::2]))
    for order in shuffled:
        (answer,) = write(stage, order)
        assert answer["done"], answer
        assert answer["stored"] == (stage.root / name).exists()
        assert write(stage, {"do": "have", "names": [name]})[0]["have"] == (
            [name] if answer["stored"] else []
        )
    following = 0
    for _ in range(20):
        rest = content[following:]
        order = {**listed[0], "offset": following, "data": base64.b64encode(rest).decode()}
        (answer,) = write(stage, order)
        if answer["stored"]:
            break
        following = answer["next"]
    assert (stage.root / name).read_bytes() == content
    assert [path.name for path in (stage.root / "code").iterdir()] == [name.partition("/")[2]]


def test_two_who_bring_the_same_at_once_bring_it_once(stage):
    content = os.urandom(200_000)
    listed = list(stretches(content, "", [10_000] * 20))
    threads = [threading.Thread(target=lambda: write(stage, *listed)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (stage.root / listed[0]["name"]).read_bytes() == content


def test_what_another_begins_anew_is_not_put_in_the_place_of_what_was_looked_at(stage, monkeypatch):
    content = os.urandom(2_000)
    first, second, *_ = stretches(content, "", [1_000, 1_000])
    write(stage, first)
    looked = parcels.Parcel._check

    def check(parcel, found):
        monkeypatch.setattr(parcels.Parcel, "_check", looked)
        looked(parcel, found)
        write(stage, first)  # between the look and the rename

    monkeypatch.setattr(parcels.Parcel, "_check", check)
    write(stage, second)
    assert (stage.root / first["name"]).read_bytes() == content
    assert write(stage, first)[0]["stored"]
    assert [path.name for path in (stage.root / "code").iterdir()] == [first["name"].partition("/")[2]]


@pytest.mark.parametrize("sizes", [[], [5]])
def test_what_is_not_what_its_hash_says_is_not_kept(stage, sizes):
    listed = list(stretches(b"print('mine')", "", sizes))
    listed[-1]["data"] = base64.b64encode(b"x" * len(base64.b64decode(listed[-1]["data"]))).decode()
    answer = write(stage, *listed)[-1]
    assert not answer["done"]
    assert "hash" in answer["problem"]
    assert not list((stage.root / "code").iterdir())


def test_a_parcel_that_was_damaged_is_brought_again(stage):
    (order,) = stretches(b"x = 1", "", [])
    write(stage, order)
    (stage.root / order["name"]).write_bytes(b"y = 2")
    assert write(stage, {"do": "have", "names": [order["name"]]})[0]["have"] == []
    assert write(stage, order)[0]["stored"]
    assert (stage.root / order["name"]).read_bytes() == b"x = 1"


def test_requests_come_in_a_lot_and_run_from_it(stage):
    submissions = [stage.submission(STEPS, {"steps": n}) for n in (1, 2)]
    stage.spool.put_code(stage.folder / "code" / f"{submissions[0].request['simulation']['code']}.py")
    content, places = lots.compose([s.request for s in submissions])
    lot = uuid.uuid4().hex
    assert write(stage, *stretches(content, f"lots/{lot}.jsonl", [100]))[-1]["stored"]
    for submission, place in zip(submissions, places, strict=True):
        order = {"nonce": stage.nonce, "key": submission.ref.key, "place": [lot, *place]}
        answer = task.execute(str(stage.root), order)
        assert answer["end"]["outcome"] == {"y": [submission.request["parameters"]["steps"] - 1]}


@pytest.mark.parametrize(
    "name",
    [
        "../x.py",
        "code/../../x.py",
        "/etc/passwd",
        "spool.json",
        "code/evil.py",
        f"code/{'a' * 64}.sh",
        f"code/{'A' * 64}.py",
        "lots/x.jsonl",
        f"attempts/ab/{'a' * 32}-1/request.json",
        "",
        None,
        7,
    ],
)
def test_nothing_else_is_brought_to_a_spool(stage, name):
    order = {**next(stretches(b"x", "", [])), "name": name}
    (answer,) = write(stage, order)
    assert not answer["done"]
    before = sorted(path.name for path in stage.root.rglob("*"))
    assert sorted(["attempts", "claimants", "code", "ends", "lots", "spool.json"]) == before


def test_a_folder_of_parcels_that_is_a_link_is_not_followed(stage, tmp_path):
    (tmp_path / "outside").mkdir()
    (stage.root / "code").rmdir()
    (stage.root / "code").symlink_to(tmp_path / "outside")
    (answer,) = write(stage, next(stretches(b"x", "", [])))
    assert "link" in answer["problem"]
    assert not list((tmp_path / "outside").iterdir())


# --- what has ended ---


def test_ended_attempts_are_packed_and_read_from_afar(stage):
    refs = [stage.write(STEPS, keep=True) for _ in range(2)]
    for ref in refs:
        stage.execute(ref)
    observed = (stage.path(refs[1]) / "observations.jsonl").read_bytes()
    read = {"do": "read", "key": refs[1].key, "name": "observations.jsonl", "offset": 10, "limit": 50}
    before = write(stage, read)
    packed, after = write(stage, {"do": "pack", "keys": [ref.key for ref in refs]}, read)
    assert packed == {"done": True, "packed": 2}
    assert (
        before[0]
        == after
        == {
            "done": True,
            "data": base64.b64encode(observed[10:60]).decode(),
            "size": len(observed),
        }
    )


@pytest.mark.parametrize(
    "order",
    [
        {"do": "pack", "keys": ["../../x-1"]},
        {"do": "pack", "keys": "abcd-1"},
        {"do": "read", "key": f"{'a' * 32}-1", "name": "../../../spool.json"},
        {"do": "read", "key": f"{'a' * 32}-1", "name": "stdout.log"},
        {"do": "read", "key": f"{'a' * 32}-1", "name": "stdout.log", "offset": -1},
        {"do": "control", "key": "x/../y-1", "control": {"id": "a", "epoch": 1, "verb": "stop"}},
        {"do": "control", "key": f"{'a' * 32}-1", "control": {"id": "a", "epoch": 1, "verb": "explode"}},
        {"do": "control", "key": f"{'a' * 32}-1", "control": "stop"},
        {
            "do": "control",
            "key": f"{'a' * 32}-1",
            "control": {"id": "a", "epoch": 1, "verb": "set", "values": {"x": "x" * 70_000}},
        },
        {"do": "withdraw", "key": "-1"},
        {"do": "have", "names": 3},
        {"do": "create"},
        {"do": "put"},
        {"do": None},
        {},
    ],
)
def test_an_order_that_cannot_be_carried_out_says_so_and_holds_up_no_other(stage, order):
    ref = stage.write(STEPS)
    bad, good = write(stage, {"do": "have", "names": []}, order, control(ref, "stop"))[1:]
    assert not bad["done"]
    assert bad["problem"]
    assert good == {"done": True}
    assert sorted(path.name for path in (stage.root / "attempts").rglob("*-1")) == [ref.key]


def test_a_full_disk_is_a_problem_in_words(stage, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parcels.files, "write_whole", full)
    (answer,) = write(stage, next(stretches(b"x", "", [])))
    assert "No space left" in answer["problem"]


def test_there_are_only_so_many_orders_in_a_letter(stage):
    with pytest.raises(orders.BadOrder):
        orders.carry_out(str(stage.root), [{}] * 10_001)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("../x"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "key",
    "keys",
    "control",
    "epoch",
    "request",
    "names",
    "name",
    "sha256",
    "size",
    "offset",
    "data",
    "checkpoint",
)
ORDER = st.fixed_dictionaries(
    {"do": st.sampled_from(sorted(orders._DO))}, optional=dict.fromkeys(FIELDS, JSON)
)


@settings(max_examples=150, deadline=None)
@given(listed=st.lists(ORDER, max_size=3) | JSON, attempts=JSON, books=JSON, order=JSON)
def test_whatever_comes_is_answered_and_touches_nothing_outside(
    tmp_path_factory, listed, attempts, books, order
):
    stage = Stage(tmp_path_factory.mktemp("spool") / "inner")
    stage.folder.mkdir(exist_ok=True)
    stage.spool.create(stage.nonce)
    root, nonce = str(stage.root), stage.nonce
    answers = [
        watching.write(root, {"nonce": nonce, "orders": listed}),
        watching.look(root, {"nonce": nonce, "attempts": attempts, "books": books, "orders": listed}),
        task.execute(root, {"nonce": nonce, "key": f"{'a' * 32}-1", "request": order, "code": order}),
        task.execute(root, {"nonce": nonce, **order} if isinstance(order, dict) else {"nonce": nonce}),
    ]
    files.encode({"answers": answers})
    assert [path.name for path in stage.folder.iterdir() if path.name != "code"] == ["spool"]
    assert [path.name for path in stage.folder.parent.iterdir()] == ["inner"]
