"""The notebooks, executed in a real kernel from top to bottom; and again, when the same campaign goes on.

What they show is left in ``docs/tutorials``, where the documentation takes it from.
"""

from __future__ import annotations

import json
import os
import re
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import aisteer as ai
from aisteer.execution.hosts import list_hosts, stop_host
from tests.services.loopback import missing
from tests.services.system import lacking

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
FIRST = NOTEBOOKS[0]
OTHERS = [pytest.param(path, marks=pytest.mark.full) for path in NOTEBOOKS[1:]]
REMOTE = ROOT / "notebooks" / "03_remote_endpoint.ipynb"
POTENTIAL = ROOT / "notebooks" / "04_deep_potential.ipynb"
TRUST = ROOT / "notebooks" / "05_trusting_the_surrogate.ipynb"
RULES = ROOT / "notebooks" / "06_steering_rules.ipynb"
CAMPAIGNS = {
    "01_first_campaign": "electron-donors",
    "02_live_ensemble": "copper-melt",
    "04_deep_potential": "water-committee",
    "05_trusting_the_surrogate": "water-pairs",
    "06_steering_rules": "alloys",
}
WIDGETS = {"03_remote_endpoint": 3, "05_trusting_the_surrogate": 2}
"""Where there are more than one, each with its own code."""
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
    monkeypatch.delenv("AISTEER_ENDPOINT", raising=False)
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


def campaign_of(path, workplace):
    """The name of a notebook's campaign; an endpoint that ends with the kernel gives it a part of its id."""
    return CAMPAIGNS.get(path.stem) or next(folder.name for folder in workplace.glob("magnet*"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", [FIRST, *OTHERS], ids=lambda value: getattr(value, "stem", None))
def test_a_notebook_runs_from_top_to_bottom(path, workplace):
    if path == REMOTE and (words := missing()):
        lacking(words)
    shown = executed(path, workplace)
    _, runs, own, endings = what_stands(campaign_of(path, workplace))
    assert runs
    assert own
    assert {".pdf", ".svg", ".csv", ".json"} <= endings
    assert len(without_pictures(shown)) < 200_000 + 100_000 * WIDGETS.get(path.stem, 1)
    if path == REMOTE:
        shows_what_it_says(shown)
    if path == POTENTIAL:
        watches_a_committee(shown)
    if path == TRUST:
        says_whom_not_to_trust(shown)
    if path == RULES:
        does_as_it_is_told(shown)
    leave_for_the_documentation(executed_again(path, workplace, shown), path.stem)


def executed_again(path, workplace, shown):
    """In a new kernel the same campaign goes on. Runs of the others are long, and the third one's endpoint is gone."""
    if path == REMOTE or (path != NOTEBOOKS[0] and os.environ["AISTEER_SIZE"] != "full"):
        return shown
    goes_on(path, workplace)
    return shown


def goes_on(path, workplace):
    """Executed in a fresh kernel once more, it is the same campaign, and nothing is proposed or run a second time."""
    uuid, runs, own, _ = what_stands(campaign_of(path, workplace))
    shown = executed(path, workplace)
    after = what_stands(campaign_of(path, workplace))
    assert after[0] == uuid
    assert after[1] >= runs
    # The point that was taken back in the third notebook is proposed once more.
    assert after[2] >= own
    assert len(after[2] - own) == (path == REMOTE)
    return shown


def text_of(notebook):
    return "\n".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


def shows_what_it_says(notebook):
    """A run was stopped, another one withdrawn, and nothing was lost while the campaign was closed."""
    said = json.dumps([cell.get("outputs", []) for cell in notebook.cells], ensure_ascii=False)
    assert "a real agent, an emulated web service" in said
    assert "ended: partial" in said
    assert "ended: withdrawn" in said
    gone_on = re.findall(
        r"(\d+) observations before, (\d+) now, (\d+) missing; (\d+) attempt", text_of(notebook)
    )
    assert gone_on
    assert all(int(now) > int(before) for before, now, _, _ in gone_on)
    assert {(lost, attempts) for *_, lost, attempts in gone_on} == {("0", "1")}


def watches_a_committee(notebook):
    """The series are as exact as was asked, a run was stopped, one branched at 300 K, and the deviation was tested."""
    said = "\n".join(said_by_cell(notebook))
    (exact,) = re.findall(r"forces within (\S+) eV/Å of the networks", said)
    assert float(exact) < 1e-5
    assert re.search(r"R1 \(temperature=900 K.*ended: partial", said)
    assert re.search(r"R2 \(temperature=300 K.*ended: ", said)
    (correlation,) = re.findall(r"rank correlation (\S+)", said)
    assert -1 <= float(correlation) <= 1
    assert "drift_rate error" in said
    everything = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert everything.count(" steps in ") == 1  # how the training went


@pytest.mark.full
@pytest.mark.timeout(900)
def test_the_remote_notebook_runs_on_an_endpoint_that_is_named_and_goes_on_there(
    loopback, workplace, monkeypatch
):
    """Without settings for a watcher: where the spool is seen from here, its files are read."""
    monkeypatch.setenv("AISTEER_ENDPOINT", f"globus:{loopback.endpoint}")
    shown = executed(REMOTE, workplace)
    assert f"Runs go to your endpoint {loopback.endpoint}." in text_of(shown)
    assert campaign_of(REMOTE, workplace) == "magnet"
    goes_on(REMOTE, workplace)


def said_by_cell(notebook):
    """What each cell of code showed, as text."""
    return [
        "".join(
            output.get("data", {}).get("text/plain", "") + output.get("text", "") for output in cell.outputs
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def says_whom_not_to_trust(notebook):
    """The slip in older data is named, a change of method is noticed and makes a rule ask, and marks restore trust."""
    said = said_by_cell(notebook)
    assert any("so far from all other outcomes" in words for words in said)
    noticed = next(at for at, words in enumerate(said) if "ask, as no rule before it applies" in words)
    assert "do not trust its uncertainties" in said[noticed]
    assert any("that agrees with what it claims" in words for words in said[noticed:])


def does_as_it_is_told(notebook):
    """Pins hold, a rule says what is missing, each question gets proposals of its own, and another mind stands in."""
    said = "\n".join(said_by_cell(notebook))
    assert "gold pinned to 0 (by" in said
    assert "acquisition must be one of improvement, ucb, thompson" in said
    assert re.search(r"as no rule before it applies \(accept when coverage_bound >= 0\.8 .* 20 needed", said)
    for question in (
        "Where does mixing begin to cost?",
        "How stiff is it, everywhere?",
        "What is stiff, eager",
    ):
        assert re.search(rf"{re.escape(question)}.*\n  P\d+ ", said)
    assert "near_the_best" in said


HIDE_RABBITMQ = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from tests.services import system
system.FOLDERS["rabbitmq-server"], system.HERE = (), Path("/nowhere")
os.environ["PATH"] = "/nowhere"
"""
OUTSIDE_OF_A_CLONE = """
import aisteer
aisteer.__file__ = "/usr/lib/python3/site-packages/aisteer/__init__.py"
"""


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (HIDE_RABBITMQ, "RabbitMQ (rabbitmq-server) is not installed. make programs"),
        (OUTSIDE_OF_A_CLONE, "One on this machine needs a clone of aisteer"),
    ],
    ids=["no RabbitMQ", "no clone"],
)
def test_where_there_is_no_endpoint_one_cell_names_what_is_missing(workplace, before, words):
    if missing():
        lacking(missing())
    notebook = nbformat.read(REMOTE, as_version=4)
    notebook.cells = [nbformat.v4.new_code_cell(before), *notebook.cells]
    with pytest.raises(CellExecutionError):
        NotebookClient(
            notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(workplace)}}
        ).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    [said] = [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert said in cells[2].outputs
    assert all(cell.execution_count is None for cell in cells[3:])
    shown = said["traceback"]
    assert len(shown) == 2
    assert shown[0].startswith("There is no endpoint to run on. ")
    assert words in shown[0]
    assert "AISTEER_ENDPOINT" in shown[1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_with_its_parameters_in_one_cell(path):
    notebook = nbformat.read(path, as_version=4)
    assert all(
        not cell.outputs and cell.execution_count is None for cell in notebook.cells if "outputs" in cell
    )
    assert [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])] == [
        next(cell for cell in notebook.cells if cell.cell_type == "code")
    ]
