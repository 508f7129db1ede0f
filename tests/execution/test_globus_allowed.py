"""An endpoint whose administrator has said which functions it executes."""

from __future__ import annotations

import json
import runpy
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.execution.remote import TALKING, At, at, health
from tests.services.loopback import Loopback

pytest.importorskip("globus_compute_sdk")
from aisteer.execution.globus import functions
from aisteer.execution.globus.allowed import NotAllowed, allowed
from aisteer.execution.globus.service import Service

__all__ = ["at"]

SNIPPET = Path(__file__).parents[2] / "docs" / "how-to" / "facility" / "allow.py"


@pytest.fixture
def only(loopback: Loopback) -> Iterator[Callable[[Sequence[str]], None]]:
    """Has the agent started again with a list of functions that are allowed."""
    configuration = loopback.agent.folder / "globus" / "loopback" / "config.yaml"
    before = configuration.read_text()

    def _only(ids: Sequence[str]) -> None:
        loopback.agent.stop()
        configuration.write_text(f"{before}allowed_functions: {json.dumps(list(ids))}\n")
        loopback.agent.start()

    yield _only
    loopback.agent.stop()
    configuration.write_text(before)
    loopback.agent.start()


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The ids that the snippet for administrators prints, as its lines stand in ``config.yaml``."""
    runpy.run_path(str(SNIPPET), run_name="__main__")
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "allowed_functions:"
    assert [line.partition("# ")[2] for line in lines] == [functions.mark(name) for name in functions.NAMES]
    return [line.split()[1] for line in lines]


@pytest.mark.full
def test_a_campaign_runs_where_its_functions_alone_are_allowed_and_says_so_where_they_are_not(
    at: At,
    loopback: Loopback,
    only: Callable[[Sequence[str]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    ids = printed(capsys)
    only([str(uuid.uuid4())])
    refused = at(service=Service())
    refused.submit(TALKING, {"x": 1, "steps": 2})
    refused.until(
        lambda: "executes only functions that its administrator has allowed" in health(refused).detail
    )
    assert health(refused).state == "offline"

    only([str(uuid.uuid4()), *ids])
    stage = at("allowed", service=Service())
    ref = stage.submit(TALKING, {"x": 1, "steps": 2})
    stage.ended(ref, within=90)
    end = stage.seen[ref].end
    assert end is not None
    assert end["end"] == "done"


def test_what_is_allowed_is_found_by_its_name_and_version() -> None:
    known = {f"id of {name}": {"description": functions.mark(name)} for name in functions.NAMES}
    other = {"an older run": {"description": "aisteer run 0000"}, "a stranger's": {}}

    def describe(function: str) -> dict[str, str]:
        return {**known, **other}[function]

    assert allowed("here", {"restricted": False, "functions": []}, describe) is None
    assert allowed("here", {}, describe) is None
    everything = allowed("here", {"functions": [*other, *known]}, describe)
    assert everything == {name: f"id of {name}" for name in functions.NAMES}
    with pytest.raises(NotAllowed, match=rf"\(run {functions.version('run')[:12]}\)\. Nothing was sent"):
        allowed("here", {"functions": [*other, *list(known)[1:]]}, describe)
