"""In a notebook a training shows how it goes, and one in the background leaves the kernel free."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import pytest

DATA = Path(__file__).parents[1] / "fixtures" / "deep_potential" / "training"
BEGIN = f"""
import aisteer as ai
small = {{"model": {{"descriptor": {{"rcut": 4.0, "neuron": [4, 8]}}, "fitting_net": {{"neuron": [10]}}}}}}
options = dict(settings=small, committee=2)
data = {str(DATA)!r}
"""


@pytest.mark.full
def test_a_cell_shows_the_curve_and_the_next_ones_run_while_it_goes_on():
    cells = [
        f"{BEGIN}\nmodel = ai.dp.train(data, steps=40, **options)",
        "training = ai.dp.start_training(data, steps=10_000_000, **options)",
        "print(training.ended)",
        (
            "while not training.curve: pass\n"
            "training.stop()\nmodel = await training\nprint(training.ended, model.training.of)"
        ),
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    foreground, background, looked, awaited = (cell.outputs for cell in notebook.cells)
    shown = foreground[0]["data"]["text/html"]
    assert "40 of 40 steps" in shown
    assert shown.count("<polyline") == 4
    assert looked[0]["text"] == "False\n"
    assert awaited[0]["text"] == "True 10000000\n"
    assert "of 10000000 steps" in background[0]["data"]["text/html"]
