"""Runs at the local endpoint give way to the notebook, and the host that watches over them does not."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
from stage import Stage

from aisteer.execution.hosts import list_hosts, stop_host
from aisteer.execution.local import LocalEndpoint
from aisteer.execution.priority import BEHIND, NICENESS

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


def test_a_run_and_what_it_starts_give_way_to_the_notebook_and_the_host_does_not(stage):
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


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system has no autogroups")
def test_the_hosts_session_gives_way_where_the_processor_is_shared_among_sessions(stage):
    def niceness(pid: int) -> int:
        return int(Path(f"/proc/{pid}/autogroup").read_text(encoding="ascii").split()[-1])

    own = niceness(os.getpid())
    stage.ended(stage.submit(HOW))
    [host] = [host for host in list_hosts() if host.spool == str(stage.root)]
    assert niceness(host.pid) == BEHIND
    assert niceness(os.getpid()) == own
