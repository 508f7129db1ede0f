"""What a sender does with attempts, their requests and what comes back of their tasks."""

from __future__ import annotations

import hashlib
import itertools
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from aisteer.errors import EndpointError
from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.mirror import Mirror
from aisteer.execution.worker import files
from aisteer.execution.worker.attempt import TOO_SOON, UNCLAIMED
from tests.execution.here import Here, here
from tests.execution.stage import eventually

pytest.importorskip("globus_compute_sdk")
from aisteer.execution.globus import early, patience, waiting
from aisteer.execution.globus import roster as roster_module
from aisteer.execution.globus.bringing import Bringing
from aisteer.execution.globus.early import Early
from aisteer.execution.globus.faults import explained
from aisteer.execution.globus.member import Member
from aisteer.execution.globus.patience import held_back, hold_back
from aisteer.execution.globus.role import Role
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
    assert begun.wait(60)  # the sender has its snapshot, and brings their code
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


def test_what_is_not_begun_again_and_again_is_sent_less_and_less_often_named_and_given_up(
    place: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_LATER", (0.0, 0.0, 0.0, 300.0))
    place.role.execute = lambda *_: {"executed": False, "reason": UNCLAIMED, "again": True}
    [member] = place.submit(place.stage.submission(QUICK, {"x": 1}))
    eventually(lambda: member.held == 4)
    assert len(place.role.sent) == 4
    assert member.not_before > time.monotonic() + 200
    assert held_back([member]) == (
        "R1 is not begun there, 4 times by now: its claim cannot be written. Is there room in its spool? "
        "It is tried again, less and less often."
    )
    monkeypatch.setattr(patience, "_MOST", 5)
    member.not_before = 0.0
    place.sender.ring()
    assert (
        place.said(member)
        == "It was not begun there, 5 times: its claim cannot be written. Is there room in its spool?"
    )


def test_what_fits_into_no_block_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with here(tmp_path, walltime="00:30:00") as place:
        code = place.stage.code(QUICK)
        never, whole, parts = place.submit(
            place.stage.submission(code, {"x": 1}, walltime=1800.0),
            place.stage.submission(code, {"x": 2}, walltime=1780.0),
            place.stage.submission({**code, "checkpoint": True}, {"x": 3}, walltime=9000.0),
        )
        end = place.said(never)
        assert end["end"] == "failed"
        assert "It may take 0:30:00" in end["message"]
        assert "asked for with 0:30:00: it would never begin. Nothing was sent" in end["message"]
        eventually(lambda: len(place.role.sent) == 2)
        assert {key for key, _ in place.role.sent} == {whole.ref.key, parts.ref.key}


def test_what_does_not_fit_into_block_after_block_is_given_up_with_the_time_that_was_left() -> None:
    member = Member(AttemptRef("R1", uuid.uuid4().hex, 1), queued=True)
    for block in range(9):
        for now in (3600.0 * block, 3600.0 * block + 900.0):  # twice in each block
            assert hold_back(member, TOO_SOON, now, 1500.0 - now % 3600) == ""
            assert member.not_before <= now + 900.0
    assert held_back([member]) == "", "waiting for the next block is no trouble"
    assert "10 blocks ended too soon for it to begin: 0:25:00 were left" in hold_back(
        member, TOO_SOON, 4e4, 600.0
    )


def test_a_run_whose_code_is_gone_waits_by_name_and_holds_up_no_other(place: Here) -> None:
    gone, fine = (
        place.stage.submission("def f(x): return {'y': -x}", {"x": 1}),
        place.stage.submission(QUICK, {"x": 2}),
    )
    code = place.stage.folder / "code" / f"{gone.request['simulation']['code']}.py"
    content = code.read_bytes()
    code.unlink()
    waits, done = place.submit(gone, fine)
    assert place.said(done)["outcome"] == {"y": [2.0]}
    assert "the code of its simulation cannot be read here (No such file or directory" in waits.why
    code.write_bytes(content)
    assert place.said(waits)["end"] == "done"


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "No such file", "x.py"), OSError(28, "No space left on device")]
)
def test_a_file_here_is_not_taken_for_the_service(error: OSError) -> None:
    words = explained(error)
    assert words.startswith("A file here cannot be used: ")
    assert "does not answer" in explained(ConnectionResetError(104, "reset"))


def waiting_ones(tmp_path: Path, *needs: str) -> tuple[Roster, list[Member]]:
    """Attempts that were sent, and need so much."""
    roster = Roster(Mirror(tmp_path))
    refs = [AttemptRef(f"R{n}", uuid.uuid4().hex, 1) for n in range(len(needs))]
    members = [
        roster.add(ref, queued=True, elsewhere=False, needs=need)
        for ref, need in zip(refs, needs, strict=True)
    ]
    for member in members:
        roster.sent(member, f"group/{member.ref.run}")
    return roster, members


def seen(roster: Roster, member: Member, **about: object) -> None:
    """A look saw this of an attempt."""
    roster.take({"attempts": {member.ref.key: about}}, [member.ref.key])


def test_deaths_of_an_ensemble_send_nothing_again_while_what_waits_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster_module, "_SURE", 0.0)
    roster, members = waiting_ones(tmp_path, *([""] * 40))
    for dies, follows in itertools.pairwise(members[:30]):
        seen(roster, dies, claim={"by": "x"}, holder_dead=True)
        assert dies.over
        seen(roster, follows, claim={"by": "x"})
        assert roster.forgotten(time.monotonic() + 60) == []
    seen(roster, members[29], holder_dead=True)
    left, now = members[30:], time.monotonic()
    assert roster.forgotten(now + 5) == [], "the next may begin soon"
    assert roster.forgotten(now + 60) == left, "the queue has died with them"
    for member in left:
        roster.send_once_more(member)
        roster.sent(member, "group/again")
    assert roster.forgotten(now + 60) == [], "once"


def test_what_is_larger_may_be_passed_by_what_is_smaller(tmp_path: Path) -> None:
    roster, (wide, wider, small, late, later) = waiting_ones(tmp_path, "wide", "wider", "", "", "wide")
    for member, sent in ((late, 100), (later, 200)):
        member.sent += sent
    seen(roster, late, claim={"by": "x"})
    now = time.monotonic()
    assert roster.forgotten(now + 60) == [small]
    seen(roster, later, claim={"by": "x"})
    assert roster.forgotten(now + 60) == [wide, small]
    assert wider not in roster.forgotten(now + 600)


def test_copies_of_what_waits_in_a_batch_queue_are_few_however_long_it_takes(tmp_path: Path) -> None:
    roster, [member] = waiting_ones(tmp_path, "")
    began, copies = member.sent, []
    for minute in range(7 * 24 * 60):
        now = began + 60.0 * minute
        if roster.forgotten(now):
            copies.append(minute)
            roster.send_once_more(member)
            member.queued, member.sent = False, now
    assert len(copies) == 4, copies


def test_the_service_is_asked_before_a_copy_is_sent_and_what_is_over_there_is_taken(
    place: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.role.open.clear()
    code = place.stage.code(QUICK)
    over, pending = place.submit(*(place.stage.submission(code, {"x": x}) for x in (1, 2)))
    eventually(lambda: over.sent and pending.sent)
    said = {"end": "done", "outcome": {"y": 5.0}, "length": 0}
    place.known.update(
        {task.ticket.rpartition("/")[2]: {"status": "waiting-for-nodes"} for task in (over, pending)}
    )
    place.known[over.ticket.rpartition("/")[2]] = {
        "completion_t": "1",
        "result": {"executed": True, "end": said},
    }
    monkeypatch.setattr(waiting, "_FORGOTTEN", 0.0)
    place.sender.ring()
    assert place.said(over)["outcome"] == {"y": [5.0]}
    eventually(lambda: pending.copies)
    assert [key for key, _ in place.role.sent].count(over.ref.key) == 1


def test_ends_that_nobody_waits_for_are_forgotten_and_those_of_an_earlier_driver_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = Roster(Mirror(tmp_path))
    done, before = (AttemptRef(f"R{n}", uuid.uuid4().hex, 1) for n in range(2))

    def line(ref: AttemptRef) -> bytes:
        return files.encode({"attempt": ref.key, "end": "done", "length": 0, "outcome": {}}) + b"\n"

    roster.take_result(roster.add(done, queued=False, elsewhere=True), {"end": "done", "length": 0}, None)
    roster.drain({done: 0}, 0)
    roster.drain({}, 0)  # the journal has it
    lines = line(done) + line(before)
    book = {"data": lines.decode(), "next": len(lines), "closed": False}
    roster.take({"books": {"0123abcd-000001.jsonl": book}}, [])
    assert len(roster._early) == 1
    roster.add(before, queued=False, elsewhere=True)
    assert [glimpse.end["end"] for glimpse in roster.drain({before: 0}, 0) if glimpse.end] == ["done"]
    monkeypatch.setattr(early, "_MOST", 10_000)
    kept = Early()
    for number in range(1000):
        kept.put(str(number), line(before))
    assert 10 < len(kept) < 10_000 // len(line(before)) + 1
    assert (kept.take("0"), (kept.take("999") or {})["end"]) == (None, "done")


def test_nothing_is_sent_once_it_was_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring, go_on, begun = Bringing.bring, threading.Event(), threading.Event()

    def slowly(self: Bringing, parcels: dict[str, bytes]) -> None:
        begun.set()
        assert go_on.wait(20)
        bring(self, parcels)

    with here(tmp_path) as place:
        monkeypatch.setattr(Bringing, "bring", slowly)
        [member] = place.submit(place.stage.submission(QUICK, {"x": 1}))
        assert begun.wait(60)
        place.sender.close()
        go_on.set()
        place.sender._thread.join(60)
        assert (place.role.sent, member.queued, member.sending) == ([], True, False)


def test_a_role_that_was_let_go_of_makes_nothing_and_is_forgotten() -> None:
    roles: set[Role] = set()
    role = Role(None, "endpoint", None, left=roles.discard)
    roles.add(role)
    role.close()
    role.close()
    [future] = role.send("run", "", [{}])
    with pytest.raises(EndpointError, match="was let go of"):
        future.result(timeout=0)
    assert (role.made, roles) == (0, set())


def test_whether_a_pickle_can_be_read_is_for_the_workers_to_say_and_believed_for_a_while(place: Here) -> None:
    code = place.stage.code(QUICK)
    content = b"nothing that could be read"
    pickled = {**code, "mode": "pickle", "python": "3.8", "code": hashlib.sha256(content).hexdigest()}
    (place.stage.folder / "code" / f"{pickled['code']}.pkl").write_bytes(content)
    place.watcher.machine = {"python": "3.8.1"}  # a watcher's machine is not where runs are executed
    [first] = place.submit(place.stage.submission(pickled, {"x": 1}))
    assert "was pickled by Python 3.8 and this worker has" in place.said(first)["message"]
    [plain] = place.submit(place.stage.submission(code, {"x": 2}))
    assert place.said(plain)["end"] == "done"
    [second] = place.submit(place.stage.submission(pickled, {"x": 3}))
    assert "Nothing was sent. Use Python 3.8 there" in place.said(second)["message"]
    assert len(place.role.sent) == 2
    later = time.monotonic() + 3600
    assert (place.roster.python(later), place.roster.python(time.monotonic())) == (
        "",
        platform.python_version(),
    )
