"""Executables: real processes, read while they run, ended with all their children."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from stage import Stage, eventually, is_alive

from aisteer.errors import BadDefinition
from aisteer.execution.worker import launcher, watching
from aisteer.execution.worker.command import CommandFailed, filled
from aisteer.problem.command import CommandSimulation

MD = """
import sys, time
temperature = float(open("in.md").read().split()[-1])
log = open("log.md", "w", buffering=1)
print("Step Temp Energy", file=log)
for step in range(int(sys.argv[1])):
    print(f"{step:8d} {temperature:12.5f} {-3.5 + 0.1 * step:.6E}", file=log)
    time.sleep(float(sys.argv[2]))
print("pressure 1.25 +- 0.05")
log.write("done")
"""
PATTERN = r"^\s*(?P<step>\d+)\s+(?P<temp>\S+)\s+(?P<energy>\S+)$"
Y = {"y": {"file": "stdout", "pattern": r"pressure (?P<value>\S+) \+- (?P<error>\S+)"}}


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def command(script, *words, **options):
    options = {"outcome": Y, **options}
    return CommandSimulation([sys.executable, "-c", script, *words], **options).to_json()


def md(*words):
    return command(
        MD,
        *words,
        inputs={"in.md": "variable T equal {temperature}"},
        parser={"file": "log.md", "pattern": PATTERN},
        outcome={"energy": {"observation": "energy", "take": "mean"}, **Y},
    )


def test_growing_output_becomes_observations_and_the_outcome_is_read_at_the_end(stage):
    seen = stage.run(md("4", "0.05"), {"temperature": 300.5}, outcomes=["energy", "y"])
    assert seen.end["end"] == "done", seen.end
    assert seen.observations == [
        {"step": i, "temp": 300.5, "energy": pytest.approx(-3.5 + 0.1 * i)} for i in range(4)
    ]
    assert seen.end["outcome"] == {"energy": [pytest.approx(-3.35)], "y": [1.25, 0.05]}
    times = [line["t"] for line in seen.of_kind("obs")]
    assert times[-1] - times[0] > 0.04


@pytest.mark.parametrize(
    ("take", "value"), [("last", 3.0), ("first", 1.0), ("min", 1.0), ("max", 3.0), ("mean", 2.0)]
)
def test_an_outcome_is_taken_from_what_was_observed_also_of_a_last_line_without_an_end(stage, take, value):
    simulation = command(
        "import sys; sys.stdout.write('e 1\\ne 2.0\\ne 3D0')",
        parser={"file": "stdout", "pattern": r"e (?P<e>\S+)"},
        outcome={"y": {"observation": "e", "take": take}},
    )
    assert stage.run(simulation).end["outcome"] == {"y": [value]}


def test_parameters_are_put_in_as_values_and_nothing_else(stage):
    script = """
import json, os, sys
json.dump([sys.argv[1:], os.environ["T"], open("a/in").read()], open("said", "w"))
print("pressure 1 +- 0")
"""
    simulation = command(
        script,
        "{name}",
        "--t={t}",
        "{{name}}",
        "${name} {unknown}",
        inputs={"a/in": "t = {t}; {name}"},
        environment={"T": "{t}"},
    )
    seen = stage.run(simulation, {"name": "$(touch hacked); `id` 'x' {t}", "t": 1e-3})
    assert seen.end["end"] == "done", seen.end
    import json

    name = "$(touch hacked); `id` 'x' {t}"
    said = json.loads(next(stage.root.glob("attempts/*/*/work/said")).read_text())
    assert said == [[name, "--t=0.001", "{name}", "${name} {unknown}"], "0.001", f"t = 0.001; {name}"]


def test_a_value_with_a_line_break_is_refused():
    with pytest.raises(CommandFailed, match="control characters"):
        filled("run {n}", {"n": "1\nshell rm -r /"})


def test_a_needed_file_is_linked_and_missed_by_name(stage, tmp_path):
    (tmp_path / "potential.eam").write_text("pressure 2 +- 1")
    simulation = command("print(open('pot/p').read())", files={"pot/p": str(tmp_path / "potential.eam")})
    assert stage.run(simulation).end["outcome"] == {"y": [2.0, 1.0]}
    simulation["files"] = {"p": str(tmp_path / "nowhere")}
    assert "is not there where the run executes" in stage.run(simulation).end["message"]


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out"])
def test_a_hostile_request_writes_only_into_its_own_folder(stage, name):
    simulation = command("print('pressure 1 +- 0')")
    simulation["inputs"] = {name: "x"}
    seen = stage.run(simulation)
    assert "own folder" in seen.end["message"]


def test_an_exit_code_is_a_failure_with_the_last_words(stage):
    seen = stage.run(command("import sys; print('bad potential', file=sys.stderr); sys.exit(3)"))
    assert seen.end["end"] == "failed"
    assert "exit code 3" in seen.end["message"]
    assert "bad potential" in seen.end["message"]


def test_a_command_that_is_killed_for_memory_is_lost(stage):
    seen = stage.run(command("import os; os.kill(os.getpid(), 9)"))
    assert (seen.end["end"], "ran out of memory" in seen.end["message"]) == ("lost", True)


def test_a_command_that_is_not_installed_says_what_to_do(stage):
    simulation = CommandSimulation(["no-such-program"], outcome=Y).to_json()
    assert "Install it there" in stage.run(simulation).end["message"]


def test_an_outcome_that_is_not_found_is_a_failure(stage):
    assert "lacks 'y'" in stage.run(command("print('nothing')")).end["message"]


def test_a_file_that_is_written_anew_is_read_anew(stage):
    script = """
import time
for run in range(2):
    with open("log", "w") as log:
        for i in range(3 - run):
            log.write(f"e {10 * run + i}\\n"); log.flush(); time.sleep(0.15)
print("pressure 1 +- 0")
"""
    seen = stage.run(command(script, parser={"file": "log", "pattern": r"e (?P<e>\d+)"}))
    assert [o["e"] for o in seen.observations] == [0, 1, 2, 10, 11]


def started(stage, simulation, **request):
    ref = stage.write(simulation, **request)
    thread = threading.Thread(target=stage.execute, args=(ref,))
    thread.start()
    return ref, thread


def test_a_stop_lets_the_command_end_and_its_outcome_counts_as_partial(stage):
    script = """
import signal, time
def stop(*_):
    print("pressure 7 +- 0.5", flush=True); raise SystemExit(1)
signal.signal(signal.SIGUSR1, stop)
print("step 0", flush=True)
while True: time.sleep(0.1)
"""
    simulation = command(
        script, parser={"file": "stdout", "pattern": r"step (?P<step>\d+)"}, stop_signal="SIGUSR1"
    )
    ref, thread = started(stage, simulation)
    eventually(lambda: stage.read(ref).observations)
    stage.spool.append_control(ref, {"id": "c", "epoch": 1, "verb": "stop", "values": {}})
    thread.join(60)
    seen = stage.read(ref)
    assert (seen.end["end"], seen.end["outcome"]) == ("partial", {"y": [7.0, 0.5]})


def test_a_command_that_ignores_its_signal_is_killed_with_all_its_children(stage):
    script = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(1000)"
child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
child.stdout.readline()
print(f"pids {os.getpid()} {child.pid}", flush=True)
time.sleep(1000)
"""
    simulation = command(script, parser={"file": "stdout", "pattern": r"pids (?P<parent>\d+) (?P<child>\d+)"})
    ref, thread = started(stage, simulation, grace=0.3)
    eventually(lambda: stage.read(ref).observations)
    stage.spool.append_control(ref, {"id": "c", "epoch": 1, "verb": "stop", "values": {}})
    thread.join(60)
    seen = stage.read(ref)
    assert seen.end["end"] == "partial"
    pids = seen.observations[0]
    assert not is_alive(pids["parent"])
    eventually(lambda: not is_alive(pids["child"]))  # it was sent SIGKILL; dying may take a moment


def test_children_left_behind_are_ended(stage):
    script = """
import subprocess
child = subprocess.Popen(["sleep", "1000"])
print("pressure 1 +- 0")
print("child", child.pid)
"""
    seen = stage.run(command(script, parser={"file": "stdout", "pattern": r"child (?P<child>\d+)"}))
    assert seen.end["end"] == "done"
    assert not is_alive(seen.observations[0]["child"])


def test_what_a_command_prints_is_kept_within_bounds(stage):
    seen = stage.run(
        command("print('first'); [print('x' * 100_000) for _ in range(200)]; print('pressure 1 +- 0')")
    )
    assert seen.end["end"] == "done"
    log = next(stage.root.glob("attempts/*/*/stdout.log")).read_bytes()
    assert log.startswith(b"first\n")
    assert log.endswith(b"pressure 1 +- 0\n")
    assert len(log) < 600_000


def test_a_fenced_attempt_ends_its_command(stage):
    simulation = command(
        "import os, time; print('pid', os.getpid(), flush=True); time.sleep(1000)",
        parser={"file": "stdout", "pattern": r"pid (?P<pid>\d+)"},
    )
    ref, thread = started(stage, simulation)
    eventually(lambda: stage.read(ref).observations)
    stage.spool.fence(ref.folder, 2)
    thread.join(60)
    assert stage.spool.end(ref) is None
    assert not is_alive(stage.read(ref).observations[0]["pid"])


def test_the_command_of_a_killed_worker_is_ended_by_its_host(tmp_path):
    from test_local_endpoint import host_of, stop_it

    from aisteer.execution.local import LocalEndpoint

    stage = Stage(tmp_path)
    stage.endpoint = LocalEndpoint(stage.root, workers=1, idle=60)
    simulation = command(
        "import os, time; print('pid', os.getpid(), flush=True); time.sleep(1000)",
        parser={"file": "stdout", "pattern": r"pid (?P<pid>\d+)"},
    )
    ref = stage.submit(simulation)
    stage.until(lambda: stage.seen[ref].observations)
    os.kill(stage.spool.claim(ref)["pid"], 9)
    assert stage.ended(ref).end["end"] == "lost"
    eventually(lambda: not is_alive(stage.seen[ref].observations[0]["pid"]))
    stop_it(host_of(stage))


RANKS = """
import os, sys, time
rank = os.environ.get("PMI_RANK", "0")
open(f"rank{rank}-of-{os.environ.get('PMI_SIZE', '1')}", "w").write(str(os.getpid()))
for step in range(int(sys.argv[1])):
    if rank == "0":
        print(step, flush=True)
    time.sleep(0.05)
if rank == "0":
    print("pressure 1.5 +- 0.5")
"""
TWO = {"nodes": 1, "ranks_per_node": 2}
needs_mpi = pytest.mark.skipif(
    shutil.which("mpiexec", path=str(Path(sys.executable).parent)) is None,
    reason="no mpiexec beside this Python",
)


def ranks(steps):
    argv = ["{launcher}", sys.executable, "-c", RANKS, str(steps)]
    parser = {"file": "stdout", "pattern": r"^(?P<step>\d+)$"}
    return CommandSimulation(argv, outcome=Y, parser=parser).to_json()


@needs_mpi
@pytest.mark.parametrize(
    ("resources", "expected"), [({}, ["rank0-of-1"]), (TWO, ["rank0-of-2", "rank1-of-2"])]
)
def test_the_launcher_starts_as_many_ranks_as_the_resources_say(stage, resources, expected):
    seen = stage.run(ranks(2), resources=resources)
    assert seen.end["end"] == "done", seen.end
    assert seen.end["outcome"] == {"y": [1.5, 0.5]}
    assert [o["step"] for o in seen.observations] == [0, 1]
    found = (stage.root / "attempts").rglob("rank*")
    assert sorted(path.name for path in found) == expected


@needs_mpi
def test_an_mpi_engine_says_how_its_ranks_are_started(stage, monkeypatch):
    monkeypatch.setenv("PARSL_MPI_PREFIX", "mpiexec -n 3 -ppn 3 -hosts localhost ")
    assert stage.run(ranks(1), resources=TWO).end["end"] == "done"
    assert len(list((stage.root / "attempts").rglob("rank*-of-3"))) == 3


@needs_mpi
def test_when_ranks_are_stopped_none_of_them_is_left(stage):
    ref = stage.write(ranks(2000), resources=TWO, grace=2.0)
    thread = threading.Thread(target=stage.execute, args=(ref,))
    thread.start()
    eventually(lambda: len(stage.read(ref).observations) > 2)
    work = stage.path(ref) / "work"
    pids = [int(eventually((work / f"rank{rank}-of-2").read_text)) for rank in (0, 1)]
    assert all(map(is_alive, pids))
    stage.spool.append_control(ref, {"id": "c1", "epoch": 1, "verb": "stop", "values": {}})
    thread.join(60)
    assert stage.read(ref).end["end"] == "partial"
    assert not any(map(is_alive, pids))


@needs_mpi
def test_the_ranks_of_a_killed_worker_are_ended_by_the_watcher(stage):
    ref = stage.write(ranks(2000), resources=TWO)
    worker = subprocess.Popen(
        [sys.executable, "-m", "aisteer.execution.worker", str(stage.root), ref.folder],
        stdout=subprocess.DEVNULL,
    )
    eventually(lambda: len(stage.read(ref).observations) > 2)
    work = stage.path(ref) / "work"
    pids = [int(eventually((work / f"rank{rank}-of-2").read_text)) for rank in (0, 1)]
    worker.kill()
    worker.wait()
    said = watching.look(str(stage.root), {"nonce": stage.nonce, "attempts": {ref.key: {}}})
    assert said["attempts"][ref.key]["holder_dead"]
    eventually(lambda: not any(map(is_alive, pids)))


def test_ranks_where_nothing_starts_them_are_a_failure_in_words(stage, monkeypatch):
    monkeypatch.setattr(launcher, "_found", lambda _: None)
    end = stage.run(ranks(1), resources=TWO).end
    assert end["end"] == "failed"
    assert "2 MPI ranks" in end["message"]
    assert stage.run(ranks(1), resources={}).end["end"] == "done"


def test_in_a_slurm_job_srun_starts_the_ranks(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(launcher, "_found", lambda name: f"/bin/{name}")
    words = launcher.words({"nodes": 2, "ranks_per_node": 4})
    assert words == ["/bin/srun", "--nodes=2", "--ntasks=8", "--ntasks-per-node=4"]


def test_a_launcher_without_a_command_is_refused():
    with pytest.raises(BadDefinition, match="none after it"):
        CommandSimulation(["{launcher}"], outcome=Y)
    assert CommandSimulation(["{launcher}", "/bin/lmp"], outcome=Y).name == "lmp"
    assert CommandSimulation(["lmp", "x{launcher}"], outcome=Y).parameters == ("launcher",)
