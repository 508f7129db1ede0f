"""What travels to an endpoint: three functions as text, and a worker that is what its hash says, on Python 3.9 too."""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import json
import shutil
import signal
import sys
import time
import zipfile
from importlib import resources
from pathlib import Path

import pytest
from stage import eventually
from travelled import Travelled, interpreters

from aisteer.execution.globus import functions
from aisteer.execution.worker import entrance
from aisteer.execution.worker.claim import read_claim

STEPS = """
    def f(steps=3):
        print("hello")
        for i in range(steps):
            yield {"i": i}
        return {"y": float(steps)}
"""
SLOW = """
    def f(restart=None):
        import time
        i = restart["i"] if restart else 0
        while True:
            yield {"i": i}, lambda: {"i": i}
            i += 1
            time.sleep(0.02)
"""
PLAIN = {"checkpoint": False}


@pytest.fixture
def stage(tmp_path):
    return Travelled(tmp_path)


@pytest.fixture
def founded(stage):
    stage.found()
    return stage


def test_what_travels_changes_only_on_purpose():
    # An administrator has allowed these texts: a new one has to be allowed anew, and the change log says so.
    assert {name: functions.version(name)[:16] for name in functions.NAMES} == {
        "run": "4eba293c0428f518",
        "look": "031eeeeb9528c547",
        "write": "ade01cc2b86a7ada",
    }


@pytest.mark.parametrize("name", functions.NAMES)
def test_a_function_that_travels_stands_on_its_own(name):
    tree = ast.parse(functions.source(name), feature_version=(3, 9))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert {module.partition(".")[0] for module in imported} <= sys.stdlib_module_names
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert defined == ["package", name]


def test_the_worker_is_written_for_python_3_9():
    folder = resources.files("aisteer.execution.worker")
    for file in folder.iterdir():
        if file.name.endswith(".py"):
            ast.parse(file.read_text("utf-8"), file.name, feature_version=(3, 9))


def test_the_same_files_make_the_same_zip(monkeypatch):
    first = functions.worker_zip()
    functions.worker_zip.cache_clear()
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(0))
    assert functions.worker_zip() == first
    data, sha = first
    assert hashlib.sha256(data).hexdigest() == sha
    assert len(data) < 100_000
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {"entrance.py", "attempt.py", "__init__.py"} <= set(archive.namelist())
        assert all("/" not in name for name in archive.namelist())


def execute_everything(stage):
    stage.found()
    submission = stage.submission(STEPS)
    order = stage.order(submission)
    said = stage.call("run", order)
    assert said["executed"], said
    assert said["end"]["outcome"] == {"y": [3.0]}
    observed = (stage.path(submission.ref) / "observations.jsonl").read_bytes()
    assert said["stream"].encode("latin-1") == observed
    assert (stage.path(submission.ref) / "stdout.log").read_text() == "hello\n"
    again = stage.call("run", order)
    assert (again["executed"], again["again"]) == (False, False)
    assert again["claim"]["by"] == said["end"]["by"]
    seen = stage.call("look", {"attempts": {submission.ref.key: {}}})
    assert seen["attempts"][submission.ref.key]["data"].encode("latin-1") == observed
    assert stage.call("write", {"orders": [{"do": "pack", "keys": [submission.ref.key]}]})["answers"][0][
        "done"
    ]
    return said


def test_a_run_is_executed_where_nothing_of_ours_is_installed(stage):
    said = execute_everything(stage)
    assert not [name for name in stage.modules if name.startswith("aisteer.")]
    assert said["end"]["versions"]["python"] == sys.version.split()[0]


@pytest.mark.parametrize("python", [*interpreters()[:1], *interpreters()[1:][-1:]] or [None])
def test_a_run_is_executed_by_another_python(stage, python):
    if python is None:
        pytest.skip("this machine has no other Python from 3.9 on")
    stage.python = python
    said = execute_everything(stage)
    assert not said["end"]["versions"]["python"].startswith(f"3.{sys.version_info.minor}.")


def test_an_installed_aisteer_is_not_shadowed(founded):
    submission = founded.submission(
        "def f():\n    import aisteer\n    return {'y': float(len(aisteer.__name__))}"
    )
    place = str(Path(functions.__file__).parents[3])
    order = founded.order(submission)
    code = base64.b64decode(order["code"]["data"]).decode()
    content = code.replace(
        "import aisteer", f"import sys; sys.path.insert(0, {place!r}); import aisteer"
    ).encode()
    sha = hashlib.sha256(content).hexdigest()
    order["code"] = {"name": f"code/{sha}.py", "data": base64.b64encode(content).decode()}
    order["request"]["simulation"]["code"] = sha
    said = founded.call("run", order)
    assert said["end"]["outcome"] == {"y": [7.0]}, said
    assert "aisteer" in founded.modules
    assert "aisteer.execution.worker" not in founded.modules


def test_a_worker_that_is_not_what_its_hash_says_is_not_executed(founded, tmp_path):
    (file,) = (founded.root / "code").glob("worker-*.zip")
    evil = io.BytesIO()
    with zipfile.ZipFile(evil, "w") as archive:
        archive.writestr("__init__.py", "")
        archive.writestr("entrance.py", f"open({str(tmp_path / 'owned')!r}, 'w')")
    file.write_bytes(evil.getvalue())
    submission = founded.submission(STEPS)
    for name, argument in (("run", founded.order(submission)), ("look", {}), ("write", {})):
        said = founded.call(name, argument)
        assert "hash" in said["refused"]
        assert said["missing"] == functions.worker_zip()[1]
    worker = founded.worker()
    founded.send(worker, "look", {**founded.asked({}), "zip": base64.b64encode(evil.getvalue()).decode()})
    assert "hash" in founded.receive(worker)["refused"]
    founded.leave(worker)
    assert not (tmp_path / "owned").exists()
    # What was checked is what is imported, whatever lies where it is to lie.
    assert founded.call("write", {"orders": []}, zipped=True)["answers"][0]["stored"]
    assert not (tmp_path / "owned").exists()
    assert founded.call("run", founded.order(submission))["executed"]


@pytest.mark.parametrize("worker", ["", None, "../../../x", "a" * 64, 7])
def test_a_worker_that_is_not_there_is_missed(founded, worker):
    process = founded.worker()
    founded.send(process, "look", {"nonce": founded.nonce, "worker": worker})
    said = founded.receive(process)
    founded.leave(process)
    assert "worker" in said["refused"]


def test_the_same_order_twice_at_once_is_executed_once(founded):
    submission = founded.submission(STEPS, {"steps": 50})
    workers = [founded.worker() for _ in range(3)]
    for worker in workers:
        founded.send(worker, "run", founded.asked(founded.order(submission)))
    answers = [founded.receive(worker) for worker in workers]
    for worker in workers:
        founded.leave(worker)
    assert sorted(said["executed"] for said in answers) == [False, False, True]
    assert {said["claim"]["by"] for said in answers if not said["executed"]} == {
        said["end"]["by"] for said in answers if said["executed"]
    }
    assert len(founded.read(submission.ref).observations) == 50


def test_a_run_that_was_withdrawn_before_its_task_came_never_starts(founded):
    submission = founded.submission(STEPS)
    control = {"id": "c1", "epoch": 1, "verb": "withdraw", "values": {}}
    founded.call("write", {"orders": [{"do": "control", "key": submission.ref.key, "control": control}]})
    said = founded.call("run", founded.order(submission))
    assert said["end"]["end"] == "withdrawn"
    assert not founded.read(submission.ref).observations


def test_code_that_is_not_what_its_hash_says_is_not_executed(founded):
    submission = founded.submission(STEPS)
    order = founded.order(submission)
    order["code"]["data"] = base64.b64encode(b"def f(): return {'y': 6.0}").decode()
    said = founded.call("run", order)
    assert not said["executed"]
    assert "hash" in said["reason"]
    assert read_claim(str(founded.path(submission.ref))) is None


def test_sigterm_means_checkpoint_and_end_and_the_worker_ends_after_its_answer(founded):
    submission = founded.submission(SLOW)
    worker = founded.worker()
    founded.send(worker, "run", founded.asked(founded.order(submission)))
    observed = founded.path(submission.ref) / "observations.jsonl"
    eventually(lambda: observed.exists() and observed.read_bytes().count(b'"obs"') > 2)
    worker.terminate()
    said = founded.receive(worker)
    assert (said["end"]["end"], said["end"]["checkpoint"]) == ("preempted", "1")
    assert worker.wait(60) == -signal.SIGTERM  # as it would have without us, once its answer has left
    follower = founded.submission(
        SLOW,
        uuid=submission.ref.uuid,
        attempt=2,
        previous=[submission.ref.folder],
        restart=f"{submission.ref.folder}/checkpoints/1",
        stop_when={"seconds": 0.2},
        grace=0,
    )
    went_on = founded.call("run", founded.order(follower))
    assert went_on["end"]["end"] == "partial"
    assert (founded.path(submission.ref) / "fenced").exists()
    before = [o["i"] for o in founded.read(submission.ref).observations]
    after = [o["i"] for o in founded.read(follower.ref).observations]
    assert after[0] in {before[-1], before[-1] + 1}


def test_in_a_thread_signals_and_output_are_left_alone(founded):
    submission = founded.submission(STEPS)
    answer = founded.call("run", founded.order(submission), threads=1)
    assert answer["end"]["end"] == "done"
    assert founded.printed == "hello\n"
    assert not (founded.path(submission.ref) / "stdout.log").exists()


def test_many_threads_of_a_process_load_the_worker_once(founded):
    said = founded.call("look", {"attempts": {}}, threads=8)
    assert said["attempts"] == {}
    assert len([name for name in founded.modules if name.endswith(".entrance")]) == 1


def test_what_is_left_of_a_block_decides_what_starts(founded):
    ends = time.time() + 100.0
    cases = {
        "enough": ({"walltime": 50.0}, True),
        "too long, and cannot go on": ({"walltime": 3600.0}, False),
        "no word about how long": ({}, True),
    }
    for words, (more, starts) in cases.items():
        submission = founded.submission(STEPS, **more)
        said = founded.call("run", founded.order(submission), AISTEER_BLOCK_ENDS=str(ends))
        assert said["executed"] == starts, words
        if not starts:
            assert said["again"]
            assert 0.0 < said["after"] <= 100.0
            assert read_claim(str(founded.path(submission.ref))) is None
    lasting = founded.submission(STEPS, walltime=3600.0)
    lasting.request["simulation"]["checkpoint"] = True
    assert founded.call("run", founded.order(lasting), AISTEER_BLOCK_ENDS=str(ends))["executed"]
    late = founded.submission(STEPS)
    said = founded.call("run", founded.order(late), AISTEER_BLOCK_ENDS=str(time.time() + 3.0))
    assert (said["executed"], said["again"]) == (False, True)


def test_a_fenced_run_that_was_packed_is_not_brought_back(founded):
    first = founded.submission(STEPS)
    founded.call("run", founded.order(first))
    founded.call("write", {"orders": [{"do": "pack", "keys": [first.ref.key]}]})
    second = founded.submission(STEPS, uuid=first.ref.uuid, attempt=2, previous=[first.ref.folder])
    assert founded.call("run", founded.order(second))["executed"]
    assert not founded.path(first.ref).exists()


@pytest.mark.parametrize(
    "change",
    [
        {"key": "../../x-1"},
        {"key": f"{'b' * 32}-1"},
        {"key": None},
        {"request": None},
        {"request": {"uuid": "x"}},
        {"request": None, "place": ["../../etc/passwd", 0, 100]},
        {"code": {"name": "../../x.py", "data": "eA=="}},
        {"code": {"name": 3}},
        {"nonce": "another"},
    ],
)
def test_an_order_that_is_none_is_not_executed(founded, change):
    submission = founded.submission(STEPS)
    argument = founded.asked({**founded.order(submission), **change})
    answer = entrance.run(str(founded.root), argument)
    assert answer["executed"] is False
    assert answer["reason"]
    assert not list((founded.root / "attempts").rglob("*-1"))


def test_a_request_names_earlier_attempts_and_nothing_else(founded):
    submission = founded.submission(STEPS, previous=["attempts/../../outside"])
    answer = entrance.run(
        str(founded.root), functions.closed({"nonce": founded.nonce, **founded.order(submission)})
    )
    assert "no attempt" in answer["reason"]


def test_large_answers_travel_folded_and_are_opened_within_bounds():
    value = {"data": 'x"\\\n' * 10_000}
    folded = entrance.fold(value)
    assert len(json.dumps(folded)) < 2_000
    assert functions.opened(folded) == value
    assert entrance.fold({"small": 1}) == {"small": 1}
    halved = {"end": {"message": "\ud800" * 20_000}}
    assert functions.opened(entrance.fold(halved)) == halved
    with pytest.raises(ValueError, match="whole"):
        entrance.unfold(folded, limit=100)


@pytest.mark.parametrize(
    "answer",
    [None, 3, [], {"$folded": 3}, {"$folded": "!!"}, {"$folded": "eJw="}, {"$folded": "eJyLBQABJwCR"}],
)
def test_a_damaged_answer_is_refused(answer):
    with pytest.raises(ValueError, match="it is"):
        functions.opened(answer)


def test_the_answer_of_a_run_is_small_whatever_the_run_did(founded):
    submission = founded.submission(STEPS, {"steps": 5000})
    answer = entrance.run(str(founded.root), founded.asked(founded.order(submission)))
    assert answer["end"]["observations"] == 5000
    assert "stream" not in answer
    raises = founded.submission("def f():\n    raise ValueError('x' * 10_000_000)")
    answer = entrance.run(str(founded.root), founded.asked(founded.order(raises)))
    assert answer["end"]["end"] == "failed"
    assert len(json.dumps(answer)) < 50_000


def test_a_spool_that_was_removed_is_refused_in_words(founded):
    submission = founded.submission(STEPS)
    shutil.rmtree(founded.root)
    said = founded.call("run", founded.order(submission), zipped=True)
    assert "no spool" in said["reason"]
    assert not founded.root.exists()
