from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

THINKING = """
import atexit, sys, threading
thinker = None
atexit.register(lambda: print("still thinking:", thinker._thread.is_alive()))  # the first is called last

import aisteer as ai
from aisteer.execution.thinking import Thinker
from aisteer.journal.commands import Start
from aisteer.journal.events import Actor

begun = threading.Event()

class Absorbed:
    def think(self, evidence, situation):
        begun.set()
        while True:
            pass

@ai.simulation
def square(x):
    return {"y": x * x}

campaign = ai.Campaign("absorbed", simulation=square, space=ai.Space(x=ai.Float(0, 1)),
                       objective=ai.Maximize("y"), folder=sys.argv[1])
epoch = campaign.journal.take_lease({}, Actor("driver", "here"))
campaign.submit(Start(actor=campaign.actor))
thinker = Thinker(campaign.journal, Absorbed(), print, print)
thinker.start(epoch)
assert begun.wait(60)
"""

FITTING = """
import threading, torch
from aisteer.execution.leaving import end_at_exit

begun = threading.Event()

class Slow(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return 2 * x

    @staticmethod
    def backward(context, gradient):
        begun.set()
        for _ in range(2000):
            gradient = gradient + 0
        return 2 * gradient

def fit():
    while True:
        Slow.apply(torch.ones(3, requires_grad=True)).sum().backward()

thread = threading.Thread(target=fit, daemon=True)
thread.start()
end_at_exit(thread, lambda: None)
assert begun.wait(60)
"""


def ran(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_script_that_ends_while_the_ai_thinks_waits_for_no_thought_and_leaves_none_behind(tmp_path: Path):
    ended = ran(THINKING, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "still thinking: False"


@pytest.mark.full  # it loads torch
def test_a_script_that_ends_in_the_midst_of_a_fit_is_not_aborted(tmp_path: Path):
    ended = ran(FITTING, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
