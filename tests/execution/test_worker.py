"""What one worker does with one attempt."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from stage import Stage, eventually

from aisteer.execution.worker import checkpoints, run_attempt
from aisteer.execution.worker.packing import NotStorable

STEPS = """
    def f(steps=3, restart=None):
        start = restart["i"] if restart else 0
        for i in range(start, steps):
            control = yield {"i": i}, lambda: {"i": i + 1}
            if control.get("stop"):
                break
            steps = control.get("steps", steps)
        return {"y": float(i)}
"""
SLOW = """
    import time
    def f(steps=200, pause=0.05):
        for i in range(steps):
            control = yield {"i": i}, lambda: {"i": i}
            if control.get("stop"):
                return {"y": 1.0}
            time.sleep(pause)
        return {"y": 2.0}
"""


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def control(verb, name="c1", epoch=1, **values):
    return {"id": name, "epoch": epoch, "verb": verb, "values": values}


def started(stage, ref, **options):
    """Execute it in a thread; returns when the first observation is there."""
    thread = threading.Thread(target=stage.execute, args=(ref,), kwargs=options)
    thread.start()
    eventually(lambda: stage.read(ref).observations)
    return thread


# --- observations and outcome -----------------------------------------------------------------


def test_what_is_yielded_is_observed_and_what_is_returned_is_the_outcome(stage):
    seen = stage.run(STEPS)
    assert [o["i"] for o in seen.observations] == [0, 1, 2]
    assert seen.end["end"] == "done"
    assert seen.end["outcome"] == {"y": [2.0]}
    assert (seen.end["observations"], seen.end["length"]) == (3, len(seen.data))
    assert [line["seq"] for line in seen.lines] == list(range(1, len(seen.lines) + 1))
    assert seen.claim["pid"] == seen.end["where"]["pid"] == os.getpid()


def test_a_plain_function_has_an_outcome_and_no_file_of_observations(stage):
    seen = stage.run("def f(x): return {'y': 2 * x}", {"x": 3})
    assert seen.end["outcome"] == {"y": [6.0]}
    assert seen.end["length"] == 0
    folder, claim = sorted(stage.root.glob("attempts/*/*"))
    assert {path.name for path in folder.iterdir()} == {"request.json", "end.json"}
    assert claim.name == f"{folder.name}.claim"


def test_a_standard_error_stays_with_its_value(stage):
    seen = stage.run("""
        class Estimate:
            value, standard_error = 1.5, 0.25
        def f(): return {"y": Estimate()}
    """)
    assert seen.end["outcome"] == {"y": [1.5, 0.25]}


def test_numbers_that_are_not_finite_are_observed_as_such_in_strict_json(stage):
    seen = stage.run("""
        def f():
            yield {"a": float("nan"), "b": float("-inf"), "c": 1e400}
            return {"y": 0.0}
    """)
    strict = [json.loads(line, parse_constant=pytest.fail) for line in seen.data.splitlines()]
    assert strict[-1]["values"] == {"a": {"$float": "nan"}, "b": {"$float": "-inf"}, "c": {"$float": "inf"}}


def test_arrays_and_huge_objects_are_left_out_with_one_note(stage):
    seen = stage.run("""
        import numpy as np
        def f():
            for i in range(5):
                yield {"i": i, "positions": np.zeros(1_000_000), "blob": ["x" * 1000] * 50_000, "few": np.arange(3),
                       "scalar": np.float32(0.5), "flag": np.bool_(True), "text": "ü" * 20_000}
            return {"y": 1}
    """)
    first = seen.observations[0]
    assert first["positions"] == {"$omitted": "ndarray (1000000,) float64"}
    assert first["blob"] == {"$omitted": "list of 50000"}
    assert (first["few"], first["scalar"], first["flag"]) == ([0, 1, 2], 0.5, True)
    assert len(first["text"]) == 1_000
    assert len(seen.of_kind("note")) == 2
    assert len(seen.data) < 200_000


def test_what_is_yielded_and_no_dict_is_a_value(stage):
    seen = stage.run("""
        def f():
            yield 3
            yield object()
            yield None
            return {"y": 1}
    """)
    assert seen.observations == [{"value": 3}, {"value": {"$omitted": "object"}}]


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("None", "returned None"),
        ("3.0", "not a dict"),
        ("{'z': 1.0}", "lacks 'y'; it has 'z'"),
        ("{'y': float('nan')}", "'y' is nan"),
        ("{'y': 'many'}", "not a finite number"),
        ("{'y': True}", "not a finite number"),
    ],
)
def test_an_outcome_that_teaches_nothing_is_a_failure_that_says_what_to_do(stage, returned, words):
    seen = stage.run(f"def f(): return {returned}")
    assert seen.end["end"] == "failed"
    assert words in seen.end["message"]
    assert seen.end["outcome"] == {}


def test_a_simulation_that_raises_fails_with_its_line_and_traceback(stage):
    seen = stage.run(
        """
        def f(x):
            yield {"x": x}
            raise ValueError("<b>too hot</b> 🔥 " + "x" * 10_000)
    """,
        {"x": 1},
    )
    assert seen.end["end"] == "failed"
    assert "ValueError: <b>too hot</b> 🔥" in seen.end["message"]
    assert "(line 4 in f)" in seen.end["message"]
    assert len(seen.end["message"]) < 3000
    assert "Traceback" in seen.end["traceback"]
    assert "stepping.py" not in seen.end["traceback"]
    assert len(seen.observations) == 1


@pytest.mark.parametrize(
    "way", ["raise SystemExit(3)", "raise KeyboardInterrupt", "raise MemoryError('2 TB')", "exit(1)"]
)
def test_whatever_a_simulation_raises_is_its_failure_alone(stage, way):
    seen = stage.run(f"import sys\ndef f():\n    {way}")
    assert seen.end["end"] == "failed"


def test_code_that_is_not_what_its_hash_says_does_not_run(stage, tmp_path):
    simulation = stage.code(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef f(): return {{'y': 1}}")
    ref = stage.write(simulation)
    path = stage.root / "code" / f"{simulation['code']}.py"
    path.write_text(path.read_text() + "\n")
    seen = stage.execute(ref)
    assert seen.end["end"] == "failed"
    assert "not what its hash says" in seen.end["message"]
    assert not (tmp_path / "ran").exists()


def test_a_missing_module_is_named_with_what_to_do(stage):
    seen = stage.run("import no_such_package\ndef f(): return {'y': 1}")
    assert "no_such_package" in seen.end["message"]
    assert "Install" in seen.end["message"]


def test_a_simulation_that_asks_for_it_has_a_folder_beside_the_run(stage):
    result = stage.run("""
        def f(run_folder):
            with open(run_folder + "/notes.txt", "w") as file:
                file.write("kept")
            return {"y": 1.0}
    """)
    assert result.end["end"] == "done"
    (notes,) = stage.root.rglob("work/notes.txt")
    assert notes.read_text() == "kept"


def test_seed_and_versions_are_recorded_and_given(stage):
    source = """
        import random
        import numpy as np
        def f(seed): return {"y": random.random(), "n": np.random.rand(), "seed": seed}
    """
    first, second = stage.run(source), stage.run(source)
    assert first.end["outcome"] == second.end["outcome"]
    assert first.end["outcome"]["seed"] == [7.0]
    random.seed(7)
    assert first.end["outcome"]["y"] == [random.random()]
    assert first.end["versions"]["python"] == sys.version.split()[0]


def test_an_observation_is_there_while_the_next_step_is_long(stage, tmp_path):
    gate = tmp_path / "gate"
    ref = stage.write(f"""
        import os, time
        def f():
            yield {{"i": 0}}
            yield {{"i": 1}}
            while not os.path.exists({str(gate)!r}):
                time.sleep(0.02)
            return {{"y": 1}}
    """)
    thread = started(stage, ref)
    eventually(lambda: len(stage.read(ref).observations) == 2)
    assert stage.spool.end(ref) is None
    gate.touch()
    thread.join(60)
    assert stage.spool.end(ref)["end"] == "done"


# --- controls ---------------------------------------------------------------------------------


def test_a_withdrawn_attempt_never_starts(stage, tmp_path):
    seen = stage.run(
        f"def f(): open({str(tmp_path / 'ran')!r}, 'w'); return {{'y': 1}}", controls=[control("withdraw")]
    )
    assert seen.end["end"] == "withdrawn"
    assert not (tmp_path / "ran").exists()


def test_a_stop_is_sent_in_and_what_is_returned_is_partial(stage):
    ref = stage.write(SLOW)
    thread = started(stage, ref)
    stage.spool.append_control(ref, control("stop"))
    thread.join(60)
    seen = stage.read(ref)
    assert (seen.end["end"], seen.end["outcome"]) == ("partial", {"y": [1.0]})
    assert seen.answers == [("c1", "sent")]
    assert {"state": "pausing"}.items() <= seen.of_kind("state")[-1].items()
    assert seen.end["checkpoint"] == "1"


def test_a_simulation_that_ignores_a_stop_is_closed_after_the_grace_time(stage, tmp_path):
    ref = stage.write(
        f"""
        import time
        def f():
            try:
                while True:
                    yield {{"t": time.time()}}
                    time.sleep(0.02)
            finally:
                open({str(tmp_path / "closed")!r}, "w")
    """,
        grace=0.3,
    )
    thread = started(stage, ref)
    stage.spool.append_control(ref, control("stop"))
    thread.join(60)
    seen = stage.read(ref)
    assert (seen.end["end"], seen.end["outcome"]) == ("partial", {})
    assert seen.answers == [("c1", "sent"), ("c1", "closed")]
    assert (tmp_path / "closed").exists()


def test_pause_writes_a_checkpoint_from_which_the_next_attempt_goes_on(stage):
    ref = stage.write(SLOW, {"steps": 1000})
    thread = started(stage, ref)
    stage.spool.append_control(ref, control("pause"))
    thread.join(60)
    seen = stage.read(ref)
    assert (seen.end["end"], seen.answers) == ("paused", [("c1", "done")])
    path = f"{ref.folder}/checkpoints/{seen.end['checkpoint']}"
    last = seen.observations[-1]["i"]
    again = stage.run(STEPS, {"steps": last + 3}, restart=path)
    assert [o["i"] for o in again.observations] == [last, last + 1, last + 2]


def test_pause_is_refused_with_the_reason_where_there_is_no_checkpoint(stage, tmp_path):
    gate = tmp_path / "gate"
    ref = stage.write(f"""
        import os, time
        def f():
            i = 0
            while not os.path.exists({str(gate)!r}):
                yield {{"i": i}}
                i += 1
                time.sleep(0.03)
            return {{"y": 1}}
    """)
    thread = started(stage, ref)
    stage.spool.append_control(ref, control("pause"))
    eventually(lambda: stage.read(ref).answers)
    gate.touch()
    thread.join(60)
    seen = stage.read(ref)
    assert seen.end["end"] == "done"
    assert seen.answers == [("c1", "refused")]
    assert "no checkpoint" in seen.of_kind("ack")[0]["detail"]


def test_values_are_sent_in_and_acknowledged(stage):
    ref = stage.write(
        SLOW.replace(
            "time.sleep(pause)",
            "time.sleep(pause); i = i\n            if control.get('more'): return {'y': control['more']}",
        )
    )
    thread = started(stage, ref)
    stage.spool.append_control(ref, control("set", more=42, anything=[1, "two"]))
    thread.join(60)
    seen = stage.read(ref)
    assert seen.end["outcome"] == {"y": [42.0]}
    assert seen.answers == [("c1", "done")]


def test_a_control_of_a_driver_that_lost_the_campaign_is_refused(stage):
    ref = stage.write(SLOW, {"steps": 1000}, epoch=3)
    thread = started(stage, ref)
    stage.spool.append_control(ref, control("stop", "old", epoch=2))
    stage.spool.append_control(ref, control("set", "new", epoch=5, x=1))
    stage.spool.append_control(ref, control("stop", "late", epoch=4))
    eventually(lambda: len(stage.read(ref).answers) == 3)
    stage.spool.append_control(ref, control("stop", "last", epoch=5))
    thread.join(60)
    assert sorted(stage.read(ref).answers) == [
        ("last", "sent"),
        ("late", "refused"),
        ("new", "done"),
        ("old", "refused"),
    ]


def test_controls_that_are_no_controls_are_passed_over(stage):
    ref = stage.write(SLOW, {"steps": 1000})
    thread = started(stage, ref)
    with (stage.path(ref) / "controls.jsonl").open("ab") as file:
        file.write(
            b'not json\n[1]\n{"id": 3}\n{"id":"x","epoch":true,"verb":"stop"}\n{"id":"y","epoch":1,"verb":"rm"}\n'
            + b"[" * 100_000
            + b"\n"
        )
        file.write(json.dumps(control("stop")).encode())  # torn: no line break yet
        file.flush()
        time.sleep(0.3)
        assert stage.spool.end(ref) is None
        file.write(b"\n")
    thread.join(60)
    assert stage.read(ref).answers == [("c1", "sent")]


def test_a_plain_function_refuses_what_would_have_to_be_sent_in(stage, tmp_path):
    gate = tmp_path / "gate"
    ref = stage.write(f"""
        import os, time
        def f():
            while not os.path.exists({str(gate)!r}):
                time.sleep(0.02)
            return {{"y": 1}}
    """)
    thread = threading.Thread(target=stage.execute, args=(ref,))
    thread.start()
    eventually(lambda: stage.read(ref).claim)
    eventually((stage.path(ref) / "heartbeat").exists)
    stage.spool.append_control(ref, control("set", x=1))
    eventually(lambda: stage.read(ref).answers)
    gate.touch()
    thread.join(60)
    assert stage.read(ref).answers == [("c1", "refused")]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"observation": "i", "above": 3}, "i is above 3"),
        ([{"observation": "i", "below": -5}, {"seconds": 0.2}], "its time of 0.2 s is over"),
    ],
)
def test_a_run_stops_by_its_own_conditions(stage, rule, words):
    seen = stage.run(SLOW, stop_when=rule)
    assert (seen.end["end"], seen.end["outcome"]) == ("partial", {"y": [1.0]})
    assert words in seen.end["message"]


def test_a_run_stops_at_its_walltime(stage):
    assert "walltime of 0.2 s" in stage.run(SLOW, walltime=0.2).end["message"]


# --- blocks and signals -----------------------------------------------------------------------


def test_what_cannot_fit_into_its_block_does_not_start(stage, monkeypatch):
    monkeypatch.setenv("AISTEER_BLOCK_ENDS", str(time.time() + 3))
    ref = stage.write(SLOW)
    answer = run_attempt(str(stage.root), ref.folder, alone=False)
    assert not answer["executed"]
    assert "block ends" in answer["reason"]
    assert stage.spool.claim(ref) is None


def test_at_the_end_of_its_block_a_run_writes_a_checkpoint_and_ends(stage, monkeypatch):
    monkeypatch.setenv("AISTEER_BLOCK_ENDS", str(time.time() + 13.0))
    seen = stage.run(SLOW, {"steps": 1000})
    assert (seen.end["end"], seen.end["checkpoint"]) == ("preempted", "1")


def test_sigterm_is_a_checkpoint_and_the_end(stage):
    ref = stage.write(SLOW, {"steps": 1000})
    process = subprocess.Popen(
        [sys.executable, "-m", "aisteer.execution.worker", str(stage.root), ref.folder],
        stdout=subprocess.PIPE,
    )
    eventually(lambda: stage.read(ref).observations)
    process.terminate()
    process.communicate(timeout=30)
    seen = stage.read(ref)
    assert (seen.end["end"], seen.end["checkpoint"]) == ("preempted", "1")


def test_a_second_sigterm_interrupts_a_step_that_does_not_end(stage):
    ref = stage.write("""
        import time
        def f():
            yield {"i": 0}
            time.sleep(1000)
    """)
    process = subprocess.Popen(
        [sys.executable, "-m", "aisteer.execution.worker", str(stage.root), ref.folder],
        stdout=subprocess.PIPE,
    )
    eventually(lambda: stage.read(ref).observations)
    process.terminate()
    time.sleep(0.3)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=30)
    assert stage.read(ref).end["end"] == "preempted"


# --- checkpoints ------------------------------------------------------------------------------


def test_checkpoints_hold_plain_data_arrays_and_bytes(tmp_path):
    value = {
        "a": [1, 2.5, None, True, "ü\n"],
        "t": (1, (2, "x")),
        "n": math.inf,
        "big": 2**200,
        "z": 1 + 2j,
        "raw": b"\x00\xff",
        "x": np.arange(6.0).reshape(2, 3),
        "s": np.float32(0.1),
        "k": {1: "one", ("a", 2): "pair", "$array": "no"},
        "rng": random.Random(3).getstate(),
        "gen": np.random.default_rng(3).bit_generator.state,
        "empty": {},
    }
    name = checkpoints.save(str(tmp_path), value)
    back = checkpoints.load(str(tmp_path), f"checkpoints/{name}")
    np.testing.assert_array_equal(back.pop("x"), value.pop("x"))
    assert isinstance(back["s"], np.float32)
    assert back == value


@pytest.mark.parametrize("value", [object(), {"f": open}, {"deep": np.array([object()])}, {1, 2}])
def test_what_is_not_plain_data_is_no_checkpoint(tmp_path, value):
    with pytest.raises(NotStorable, match="plain data"):
        checkpoints.save(str(tmp_path), value)
    assert checkpoints.names(str(tmp_path)) == []


def test_a_checkpoint_that_cannot_be_written_is_noted_once_and_the_run_goes_on(stage):
    seen = stage.run(
        """
        def f():
            for i in range(30):
                yield {"i": i}, lambda: {"open": open}
            return {"y": 1}
    """,
        checkpoint_every=0,
    )
    assert seen.end["end"] == "done"
    assert len(seen.of_kind("note")) == 1
    assert "plain data" in seen.of_kind("note")[0]["message"]


def test_the_last_checkpoint_is_kept_when_the_request_says_so(stage):
    assert stage.run(STEPS, keep=True).end["checkpoint"] == "1"
    assert stage.run(STEPS).end["checkpoint"] is None


@pytest.mark.parametrize("path", ["../../etc", "/etc", "attempts/../../x", "nowhere", ""])
def test_a_checkpoint_outside_the_spool_is_not_read(stage, path):
    stage.spool.create(stage.nonce)
    with pytest.raises(NotStorable):
        checkpoints.load(str(stage.root), path)


def test_a_checkpoint_cannot_run_code(tmp_path):
    name = checkpoints.save(str(tmp_path), {"x": np.zeros(2)})
    folder = tmp_path / "checkpoints" / name
    np.save(folder / "1.npy", np.array([os.system], dtype=object), allow_pickle=True)
    with pytest.raises(NotStorable, match="damaged"):
        checkpoints.load(str(tmp_path), f"checkpoints/{name}")


def test_older_checkpoints_go_when_they_take_too_much_room(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "MOST_BYTES", 3000)
    for _ in range(6):
        checkpoints.save(str(tmp_path), {"x": b"." * 1000})
    assert checkpoints.names(str(tmp_path)) == [5, 6]


# --- whose attempt it is ----------------------------------------------------------------------


def test_a_root_without_its_mark_is_refused_and_never_made(stage, tmp_path):
    ref = stage.write(STEPS)
    assert "no spool" in run_attempt(str(tmp_path / "elsewhere"), ref.folder)["reason"]
    assert not (tmp_path / "elsewhere").exists()
    (stage.root / "spool.json").write_text(json.dumps({"format": 1, "nonce": "foreign"}))
    assert "another campaign" in run_attempt(str(stage.root), ref.folder)["reason"]
    (stage.root / "spool.json").unlink()
    assert "no spool" in run_attempt(str(stage.root), ref.folder)["reason"]
    assert stage.spool.claim(ref) is None


def test_of_many_workers_that_race_for_attempts_exactly_one_executes_each(stage):
    source = """
        import os, time
        def f(log):
            with open(log, "ab", buffering=0) as file:
                file.write(b"%d\\n" % os.getpid())
            return {"y": 1}
    """
    logs = [stage.folder / f"log{i}" for i in range(20)]
    refs = [stage.write(source, {"log": str(log)}) for log in logs]
    script = """
import sys, time
from aisteer.execution.worker import run_attempt
root, at, *folders = sys.argv[1:]
while time.time() < float(at): pass
for folder in folders: run_attempt(root, folder, alone=False)
"""
    at = str(time.time() + 1.0)
    racers = [
        subprocess.Popen([sys.executable, "-c", script, str(stage.root), at, *(ref.folder for ref in refs)])
        for _ in range(5)
    ]
    assert [racer.wait(60) for racer in racers] == [0] * 5
    assert [len(log.read_text().splitlines()) for log in logs] == [1] * 20
    assert all(stage.spool.end(ref)["by"] == stage.spool.claim(ref)["by"] for ref in refs)


def test_a_fenced_attempt_ends_without_a_word(stage):
    ref = stage.write(SLOW, {"steps": 1000})
    thread = started(stage, ref)
    stage.spool.fence(ref.folder, 2)
    thread.join(60)
    assert not thread.is_alive()
    assert stage.spool.end(ref) is None


def test_a_spool_removed_underneath_ends_the_work_and_is_not_made_again(stage):
    ref = stage.write(SLOW, {"steps": 1000})
    thread = started(stage, ref)
    stage.root.rename(stage.folder / "gone")
    thread.join(60)
    assert not thread.is_alive()
    assert not stage.root.exists()


def test_a_full_disk_is_a_failure_that_keeps_what_arrived(stage):
    ref = stage.write("""
        def f():
            for i in range(100_000):
                yield {"i": i, "x": "0123456789" * 20}
            return {"y": 1}
    """)
    script = """
import resource, signal, sys
from aisteer.execution.worker import run_attempt
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
run_attempt(sys.argv[1], sys.argv[2], alone=False)
"""
    subprocess.run([sys.executable, "-c", script, str(stage.root), ref.folder], check=True, timeout=60)
    seen = stage.read(ref)
    assert seen.end["end"] == "failed"
    assert "Make room" in seen.end["message"]
    whole = seen.data[: seen.data.rfind(b"\n") + 1]
    assert seen.end["length"] == len(whole)
    assert seen.end["observations"] >= whole.count(b'"kind":"obs"') > 10


def test_an_end_that_cannot_be_written_is_handed_back(stage):
    ref = stage.write("""
        import resource, signal
        def f():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            return {"y": 1}
    """)
    script = """
import json, sys
from aisteer.execution.worker import run_attempt
print(json.dumps(run_attempt(sys.argv[1], sys.argv[2], alone=False)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(stage.root), ref.folder],
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    answer = json.loads(done.stdout)
    assert (answer["written"], answer["record"]["outcome"]) == (False, {"y": [1.0]})


# --- output -----------------------------------------------------------------------------------


def test_what_is_printed_is_kept_within_bounds_whoever_prints_it(stage):
    ref = stage.write("""
        import os, subprocess, sys
        def f():
            print("first words")
            subprocess.run(["echo", "from a child"])
            os.write(2, b"from below\\n")
            yield {"i": 0}
            for i in range(40):
                print("x" * 100_000)
            print("last words")
            return {"y": 1}
    """)
    subprocess.run(
        [sys.executable, "-m", "aisteer.execution.worker", str(stage.root), ref.folder],
        check=True,
        timeout=60,
        stdout=subprocess.PIPE,
    )
    log = (stage.path(ref) / "stdout.log").read_bytes()
    assert log.startswith(b"first words\nfrom a child\n")
    assert log.endswith(b"last words\n")
    assert b"bytes dropped here" in log
    assert len(log) < 600_000
    assert (stage.path(ref) / "stderr.log").read_bytes() == b"from below\n"


def test_the_worker_needs_nothing_but_the_standard_library(stage, tmp_path):
    """It travels: a zip of its folder executes an attempt with an interpreter that has no packages."""
    import shutil
    from pathlib import Path

    from aisteer.execution import worker

    shutil.copytree(Path(worker.__file__).parent, tmp_path / "lib" / "worker")
    archive = shutil.make_archive(str(tmp_path / "travel"), "zip", tmp_path / "lib")
    ref = stage.write(STEPS)
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from worker import run_attempt
print(run_attempt(*sys.argv[2:4])["end"])
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, archive, str(stage.root), ref.folder],
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    assert done.stdout == b"done\n"
