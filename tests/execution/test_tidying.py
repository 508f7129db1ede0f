"""While nothing runs, what has ended is packed, whoever left it; but not by a driver that lost its lease."""

from __future__ import annotations

from pathlib import Path

import pytest

import aisteer as ai
from aisteer.errors import LeaseLost
from aisteer.execution import tidying
from aisteer.execution.local import LocalEndpoint
from aisteer.execution.tidying import Tidier
from aisteer.journal.events import Actor
from tests.execution.driven import campaign_of, counted, finished, until

pytestmark = pytest.mark.usefixtures("no_host_is_left")


@pytest.fixture
def left(campaigns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ai.Campaign:
    """A campaign with ten runs that have ended and were not packed, driven by nobody."""
    monkeypatch.setenv("AISTEER_TEST_LOG", str(tmp_path / "log"))
    campaign = campaign_of(counted, slots=10)
    campaign.pause()
    for x in range(10):  # handed over together
        campaign.propose(x=float(x)).accept()
    campaign.start()
    finished(campaign, 10)
    campaign.close()
    return campaign


def test_what_earlier_drivers_left_is_packed_and_the_journal_is_on_the_disk_before(
    left: ai.Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "_PACKED", 8)
    monkeypatch.setattr(tidying, "_QUIET", 0.1)
    spool, durable = left.folder / "spool", []
    assert list((spool / "ends").iterdir())
    pack = LocalEndpoint.pack

    def noted(self, refs):
        durable.append(again.journal._database._durable)  # how the last transaction was committed
        return pack(self, refs)

    monkeypatch.setattr(LocalEndpoint, "pack", noted)
    again = ai.open("driven")
    again.start()
    until(again, lambda: durable)
    until(again, lambda: len(list((spool / "archives").iterdir())) == 1)
    again.propose(x=10.0).accept()
    finished(again, 11)
    assert durable == [True]
    again.close()


def test_a_driver_that_lost_its_lease_packs_nothing(
    left: ai.Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "_PACKED", 8)
    monkeypatch.setattr(tidying, "_QUIET", 0.0)
    opened = ai.open("driven")
    epochs = []
    for _ in range(2):
        epochs.append(opened.journal.take_lease({}, Actor("driver", "test")))
        opened.journal.release_lease(epochs[-1])
    endpoint = LocalEndpoint(left.folder / "spool", workers=1)
    late, tidier = Tidier(opened.journal), Tidier(opened.journal)
    with pytest.raises(LeaseLost):
        late.tidy({"main": endpoint}, epochs[0])
    assert not (left.folder / "spool" / "archives").exists()
    assert len(endpoint.kept()) == 10
    tidier.tidy({"main": endpoint}, epochs[1])
    assert len(endpoint.kept()) == 2
    opened.close()
