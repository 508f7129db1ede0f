"""When a worker's block ends, from what batch systems tell."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from aisteer.execution.worker import block
from aisteer.execution.worker.claim import _JOBS

ASK = "import json; from aisteer.execution.worker import block; print(json.dumps(block.ends({request})))"


@pytest.fixture(autouse=True)
def no_job(monkeypatch):
    for name in (
        *_JOBS,
        *block._PARSL,
        "AISTEER_BLOCK_ENDS",
        "SLURM_JOB_END_TIME",
        "COBALT_ENDTIME",
        "PBS_WALLTIME",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (90, 90.0),
        ("90", 90.0),
        ("01:30", 5400.0),
        ("01:30:10", 5410.0),
        ("2-00:00:00", 172800.0),
        (" 00:10:00 ", 600.0),
        ("soon", None),
        ("", None),
        (None, None),
        ("nan", None),
        (float("inf"), None),
        (-5, None),
        ("10:99", None),
    ],
)
def test_a_walltime_is_read_as_batch_systems_write_it(said, seconds):
    assert block.seconds_of(said) == seconds


def test_outside_of_a_block_nothing_ends():
    assert block.ends() is None
    assert block.ends({"block": {"walltime": "01:00:00"}}) is None  # nobody knows when it began


def test_the_earliest_end_that_is_told_counts(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_END_TIME", "2000000000")
    assert block.ends() == 2e9
    monkeypatch.setenv("AISTEER_BLOCK_ENDS", "1900000000.5")
    assert block.ends() == 1900000000.5
    monkeypatch.setenv("AISTEER_BLOCK_ENDS", "never")
    assert block.ends() == 2e9


def test_a_run_winds_up_before_its_block_ends_in_a_short_one_later(monkeypatch):
    monkeypatch.setenv("AISTEER_BLOCK_ENDS", "2000000000")
    assert block.wind_up({}) == 2e9 - 10
    assert block.wind_up({"block": {"walltime": "12:00:00"}}) == 2e9 - 10
    assert block.wind_up({"block": {"walltime": 30}}) == 2e9 - 3
    monkeypatch.delenv("AISTEER_BLOCK_ENDS")
    assert block.wind_up({}) is None


@pytest.mark.parametrize(
    ("told", "request_"),
    [
        ({"PBS_JOBID": "7.server", "PBS_WALLTIME": "3600"}, {}),
        ({"SLURM_JOB_ID": "7"}, {"block": {"walltime": "01:00:00"}}),
        ({"LSB_JOBID": "7"}, {"block": {"walltime": 3600}}),
        (
            {"JOBNAME": "parsl.engine.block-0.7", "PARSL_WORKER_BLOCK_ID": "0"},
            {"block": {"walltime": "01:00:00"}},
        ),
    ],
)
def test_where_only_the_walltime_is_told_the_jobs_first_process_says_when_it_began(
    monkeypatch, told, request_
):
    began = time.time()
    ask = ASK.format(request=request_)
    script = f"import subprocess, sys, time; time.sleep(1.5); subprocess.run([sys.executable, '-c', {ask!r}])"
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    done = time.time()
    # The job's first process is the outer one, whatever had been running before; boot times are whole seconds.
    assert began + 3600 - block._EARLY - 1.0 <= json.loads(said) <= done + 3600 - block._EARLY - 1.5 + 1.0
