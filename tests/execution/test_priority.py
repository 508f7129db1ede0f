"""Runs at the local endpoint give way to the notebook and to their host, and all of them together to the notebook."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest
from stage import Stage

from aisteer.execution.hosts import list_hosts, stop_host
from aisteer.execution.local import LocalEndpoint
from aisteer.execution.priority import BEHIND, NICENESS
from aisteer.execution.worker.command import _started

HOW = """
    import os, subprocess, sys
    def f():
        started = subprocess.run(
            [sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, check=True)
        kind = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else -1
        return {"y": os.nice(0), "started": int(started.stdout), "kind": kind,
                "leads": int(os.getpgid(0) == os.getpid()), "session": os.getsid(0)}
"""


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    made.endpoint = LocalEndpoint(made.root, workers=1, idle=60)
    yield made
    made.endpoint.close()
    assert all(stop_host(host) for host in list_hosts() if host.spool == str(made.root))


def test_a_run_and_what_it_starts_are_nicer_than_the_host_which_is_as_nice_as_the_notebook(stage):
    own = os.nice(0)
    outcome = stage.ended(stage.submit(HOW)).end["outcome"]
    said = {name: value[0] for name, value in outcome.items()}
    [host] = [host for host in list_hosts() if host.spool == str(stage.root)]

    assert psutil.Process(host.pid).nice() == own
    assert said["y"] == said["started"] == min(19, own + NICENESS)
    assert said["kind"] == getattr(os, "SCHED_BATCH", -1)
    # Of its own group, so that it ends alone; of its host's session, with which it shares its turn.
    assert said["leads"] == 1
    assert said["session"] == os.getsid(host.pid)


def autogroup(pid: int | str) -> str:
    """The process's autogroup and its niceness, such as ``/autogroup-7 nice 4``; empty where there are none."""
    try:
        return Path(f"/proc/{pid}/autogroup").read_text(encoding="ascii").strip()
    except OSError:
        return ""


@pytest.mark.skipif(not autogroup("self"), reason="this system has no autogroups")
def test_the_hosts_session_and_executables_in_it_give_way_where_the_processor_is_shared_among_sessions(stage):
    own = autogroup("self")
    outcome = stage.ended(stage.submit(HOW)).end["outcome"]
    [host] = [host for host in list_hosts() if host.spool == str(stage.root)]
    assert autogroup(host.pid).endswith(f" nice {BEHIND}")
    assert outcome["session"][0] == os.getsid(host.pid)
    executable = _started([sys.executable, "-c", "input()"], str(stage.root), dict(os.environ))
    try:
        assert os.getsid(executable.pid) == os.getsid(0)
        assert os.getpgid(executable.pid) == executable.pid
    finally:
        executable.kill()
        executable.communicate()
    assert autogroup("self") == own
