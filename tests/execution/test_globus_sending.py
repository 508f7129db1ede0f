"""What a sender does with attempts, their requests and what comes back of their tasks."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.mirror import Mirror
from tests.execution.here import Here, here
from tests.execution.stage import eventually

pytest.importorskip("globus_compute_sdk")
from aisteer.execution.globus.bringing import Bringing
from aisteer.execution.globus.roster import Roster

QUICK = "def f(x): return {'y': x}"
WITHDRAWN = {"end": "withdrawn", "message": "taken back"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Here]:
    with here(tmp_path) as made:
        yield made


def test_what_is_taken_back_while_others_are_prepared_is_not_sent_and_what_is_being_sent_is_not_taken_back(
    place: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring, go_on, begun = Bringing.bring, threading.Event(), threading.Event()

    def slowly(self: Bringing, parcels: dict[str, bytes]) -> None:
        begun.set()
        assert go_on.wait(20)
        bring(self, parcels)

    monkeypatch.setattr(Bringing, "bring", slowly)
    place.role.open.clear()
    first, second = place.submit(
        place.stage.submission(QUICK, {"x": 1}), place.stage.submission(QUICK, {"x": 2})
    )
    assert begun.wait(20)  # the sender has its snapshot, and brings their code
    assert place.roster.take_back(first.ref, WITHDRAWN)
    go_on.set()
    eventually(lambda: second.sent)
    assert not place.roster.take_back(second.ref, WITHDRAWN)
    place.role.open.set()
    assert place.said(second)["outcome"] == {"y": [2.0]}
    assert [key for key, _ in place.role.sent] == [second.ref.key]


def test_what_the_service_may_have_is_not_taken_back_here(tmp_path: Path) -> None:
    roster = Roster(Mirror(tmp_path))
    ref = AttemptRef("R1", uuid.uuid4().hex, 1)
    member = roster.add(ref, queued=True, elsewhere=False)
    assert roster.begin_sending([member]) == [member]
    assert not roster.take_back(ref, WITHDRAWN), "it is on its way"
    roster.not_sent(member, surely=False)
    assert not roster.take_back(ref, WITHDRAWN), "no answer came: it may be there"
    other = AttemptRef("R2", uuid.uuid4().hex, 1)
    roster.begin_sending([member := roster.add(other, queued=True, elsewhere=False)])
    roster.not_sent(member, surely=True)
    assert roster.take_back(other, WITHDRAWN), "the service has refused it"
    assert roster.begin_sending([member]) == []
