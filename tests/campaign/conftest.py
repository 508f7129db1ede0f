from __future__ import annotations

from pathlib import Path

import pytest

import aisteer as ai
from aisteer.campaign.opened import _opened
from aisteer.execution.hosts import list_hosts, stop_host


@ai.simulation(checkpoint=True)
def melt(temperature, density, *, steps=3, restart=None):
    step = restart or 0
    while step < steps:
        control = yield {"step": step, "energy": temperature * density}, (lambda: step)  # noqa: B023  called at once or not at all
        if control.get("stop"):
            break
        steps = control.get("steps", steps)
        step += 1
    return {"diffusion": ai.Estimate(temperature / density, 0.5)}


@ai.simulation
def parabola(x):
    return {"y": (x - 1) ** 2}


@pytest.fixture
def make(tmp_path):
    """Makes (or opens) a small campaign in a folder of its own."""

    def _make(name="copper-melt", **options):
        problem = {
            "simulation": melt,
            "space": ai.Space(temperature=ai.Float(300, 2000, unit="K"), density=ai.Float(7, 9)),
            "objective": ai.Maximize("diffusion"),
            "folder": tmp_path,
        }
        return ai.Campaign(name, **{**problem, **options})

    yield _make
    for opened in list(_opened.values()):
        opened.close()
    for host in list_hosts():
        if Path(host.spool).is_relative_to(tmp_path):
            stop_host(host)


@pytest.fixture
def forget():
    """Lets go of everything that is open, as a kernel restart does."""

    def _forget():
        for opened in list(_opened.values()):
            opened.close()

    return _forget
