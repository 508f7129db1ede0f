"""What a run wrote into its folder is found from the notebook, packed away or not."""

from __future__ import annotations

from pathlib import Path

import pytest

import aisteer as ai
from aisteer.errors import NotSupported, UnknownName
from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.hosts import list_hosts, stop_host
from tests.execution.driven import campaign_of, finished


@ai.simulation
def writing(x: float, run_folder: str) -> dict[str, float]:
    """Writes down its parameter."""
    from pathlib import Path

    Path(run_folder, "notes.txt").write_text(f"x = {x:g}", encoding="utf-8")
    return {"y": x}


def test_a_file_of_a_run_is_found_also_after_its_folder_was_packed(campaigns: Path) -> None:
    campaign = campaign_of(writing)
    campaign.propose(x=7.0).accept()
    finished(campaign, 1)
    run = campaign.runs["R1"]
    assert run.end == "done", run.message
    assert run.file("notes.txt").read_text() == "x = 7"
    with pytest.raises(UnknownName, match=r"no file 'other\.txt'"):
        run.file("other.txt")
    with pytest.raises(UnknownName, match="inside the run's folder"):
        run.file("../claim.json")
    endpoint = campaign.opened.driver.endpoints[run.task]
    assert endpoint.pack([AttemptRef(run.id, run.uuid, 1)]) == 1
    kept = run.file("notes.txt")
    assert kept.is_relative_to(campaign.folder / "files")
    assert kept.read_text() == "x = 7"
    campaign.close()
    with pytest.raises(NotSupported, match="Start the campaign here"):
        ai.open("driven").runs["R1"].file("notes.txt")
    for host in list_hosts():
        if str(campaigns) in host.spool:
            stop_host(host)
