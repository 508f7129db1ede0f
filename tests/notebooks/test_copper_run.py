"""The second notebook's simulation, taken from its cell: it goes on from a checkpoint as if nothing had been."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pytest

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "02_live_ensemble.ipynb"


@pytest.fixture(scope="module")
def copper(tmp_path_factory):
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    source = next(cell.source for cell in cells if "def copper(" in cell.source)
    # In a file, as the worker has it.
    path = tmp_path_factory.mktemp("notebook") / "copper_run.py"
    path.write_text(f"import aisteer as ai\nSTEPS = 120\n{source}")
    names = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names["copper"].function


def go(simulation, stops=(), **parameters):
    running = simulation(**parameters)
    seen, checkpoints, control = [], [], None
    try:
        while True:
            values, checkpoint = running.send(control)
            seen.append(values)
            checkpoints.append(checkpoint())
            control = {"stop": True} if len(seen) in stops else {}
    except StopIteration as end:
        return seen, checkpoints, end.value


@pytest.fixture(scope="module")
def whole(copper):
    return go(copper, temperature=1500.0, strain=5.0, steps=100, seed=3)


def test_a_restart_follows_the_very_same_trajectory(copper, whole):
    seen, checkpoints, outcome = whole
    again, after, same = go(
        copper, temperature=1500.0, strain=5.0, steps=100, seed=3, restart=checkpoints[-4]
    )
    assert again == seen[-3:]
    assert same == outcome
    np.testing.assert_array_equal(after[-1]["positions"], checkpoints[-1]["positions"])


def test_it_is_equilibrated_first_and_keeps_its_temperature(whole):
    seen, _, outcome = whole
    assert ["msd" in values for values in seen] == [False] * 10 + [True] * 5
    late = [values["temperature"] for values in seen[6:]]
    # The temperature of 64 atoms fluctuates by T √(2/189): 154 K.
    assert np.mean(late) == pytest.approx(1500, abs=200)
    assert outcome["diffusion"].standard_error > 0


@pytest.mark.full
def test_a_branch_at_another_temperature_equilibrates_again_without_breaking_up(copper, whole):
    new = {"temperature": 900.0, "strain": 5.0, "steps": 100, "seed": 4}
    seen, _, outcome = go(copper, stops={8}, restart=whole[1][-1], **new)
    assert outcome == {}  # stopped before there was anything to fit
    assert [values["step"] for values in seen] == list(range(80, 240, 20))
    assert ["msd" in values for values in seen] == [False] * 7 + [True]
    assert np.mean([values["temperature"] for values in seen[2:]]) == pytest.approx(900, abs=200)


@pytest.mark.full
def test_the_steps_can_be_raised_while_it_runs(copper, whole):
    running = copper(temperature=1500.0, strain=5.0, steps=100, seed=3, restart=whole[1][-2])
    seen, control = [], None
    while len(seen) < 2:
        seen.append(running.send(control)[0]["step"])
        control = {"steps": 120}
    assert seen == [300, 320]
    with pytest.raises(StopIteration):
        running.send({})
