"""The notebooks, executed in a real kernel from top to bottom; and again, when the same campaign goes on.

What they show is left in ``docs/tutorials``, where the documentation takes it from.
"""

from __future__ import annotations

import json
import os
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import aisteer as ai
from aisteer.execution.hosts import list_hosts, stop_host

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
CAMPAIGNS = {"01_first_campaign": "electron-donors", "02_live_ensemble": "copper-melt"}
LIVE = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/svg+xml")

WATCH = """
import asyncio, threading
_faults = []
asyncio.get_running_loop().set_exception_handler(lambda loop, context: _faults.append(repr(context)))
threading.excepthook = lambda fault: _faults.append(f"{fault.thread}: {fault.exc_value!r}")
"""
REPORT = """
import gc, json
gc.collect()
await asyncio.sleep(0)
print(json.dumps(_faults))
"""


@pytest.fixture
def workplace(campaigns, monkeypatch):
    """Where the notebooks' campaigns live; nothing of them is left at work afterwards."""
    monkeypatch.setenv("AISTEER_SIZE", os.environ.get("AISTEER_SIZE", "small"))
    campaigns.mkdir()
    yield campaigns
    for host in list_hosts():
        if Path(host.spool).is_relative_to(campaigns):
            stop_host(host)


def executed(path, folder):
    """The notebook as it ran in a fresh kernel; the faults of its tasks and threads are checked to be none."""
    notebook = nbformat.read(path, as_version=4)
    watch, report = (nbformat.v4.new_code_cell(source) for source in (WATCH, REPORT))
    notebook.cells = [watch, *notebook.cells, report]
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    assert json.loads(notebook.cells[-1].outputs[-1]["text"]) == []
    notebook.cells = notebook.cells[1:-1]
    return notebook


def leave_for_the_documentation(notebook, name):
    """As a page shows it: without a kernel, the static summary beside each live widget is what there is."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if LIVE not in output.get("data", {})]
    target = ROOT / "docs" / "tutorials" / f"{name}.ipynb"
    target.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, target)


def without_pictures(notebook):
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in PICTURES:
                output.get("data", {}).pop(kind, None)
    return nbformat.writes(notebook).encode()


def what_stands(name):
    """The campaign's identity, its runs, and the points that a human brought in."""
    campaign = ai.open(name)
    state = campaign.state
    own = {p.id for p in state.proposals.values() if p.origin == "human"}
    endings = {file.suffix for file in (campaign.folder / "figures").iterdir()}
    found = state.uuid, set(state.runs), own, endings
    campaign.close()
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, workplace):
    shown = executed(path, workplace)
    _, runs, own, endings = what_stands(CAMPAIGNS[path.stem])
    assert runs
    assert own
    assert {".pdf", ".svg", ".csv", ".json"} <= endings
    assert len(without_pictures(shown)) < 300_000
    leave_for_the_documentation(executed_again(path, workplace, shown), path.stem)


def executed_again(path, workplace, shown):
    """In a new kernel the same campaign goes on. The second notebook's runs are long: at full size only."""
    if path != NOTEBOOKS[0] and os.environ["AISTEER_SIZE"] != "full":
        return shown
    uuid, runs, own, _ = what_stands(CAMPAIGNS[path.stem])
    executed(path, workplace)
    after = what_stands(CAMPAIGNS[path.stem])
    assert after[0] == uuid
    assert after[1] >= runs
    assert after[2] == own
    return shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_with_its_parameters_in_one_cell(path):
    notebook = nbformat.read(path, as_version=4)
    assert all(
        not cell.outputs and cell.execution_count is None for cell in notebook.cells if "outputs" in cell
    )
    assert [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])] == [
        next(cell for cell in notebook.cells if cell.cell_type == "code")
    ]
