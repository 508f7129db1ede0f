"""The watcher by itself: a real spool and the real worker, and between them a way that can be closed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aisteer.errors import EndpointError, SpoolError
from aisteer.execution.endpoint import AttemptRef, Glimpse
from aisteer.execution.mirror import Mirror
from tests.execution.stage import eventually

pytest.importorskip("globus_compute_sdk")
from aisteer.execution.globus import functions
from aisteer.execution.globus.bringing import Bringing
from aisteer.execution.globus.health import health
from aisteer.execution.globus.roster import Roster
from aisteer.execution.globus.watcher import Watcher
from aisteer.execution.worker import entrance
from aisteer.execution.worker.claim import Claimant

Json = dict[str, Any]
WATCHER = "aisteer.execution.globus.watcher"
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400)])
    | st.floats()
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FILE = b"# a simulation\n" * 30


class Way:
    """The way to an endpoint's worker, which is warm: it needs no zip file to answer.

    Attributes:
        sent: What went out, ``(kind, argument)``.
        asked: Tasks of each question about what has become of them.
        open: Cleared, nothing that is sent arrives there.
        problem: Why nothing can be sent.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, Json]] = []
        self.asked: list[list[str]] = []
        self.problem = ""
        self.open = threading.Event()
        self.open.set()
        self._threads = ThreadPoolExecutor(4)

    def send(self, kind: str, root: str, payload: Json) -> Future[Any]:
        if self.problem:
            raise EndpointError(self.problem)
        self.sent.append((kind, {**functions.opened(payload), "zipped": "zip" in payload}))
        if self.open.is_set():
            future = self._threads.submit(
                {"look": entrance.look, "write": entrance.write}[kind], root, payload
            )
        else:
            future = Future()
        future.task_id = uuid.uuid4().hex  # type: ignore[attr-defined]
        return future

    def find(self, tasks: Sequence[str]) -> Json:
        self.asked.append(list(tasks))
        return {}

    def words(self, error: BaseException) -> str:
        return str(error)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def count(self, kind: str) -> int:
        return sum(sent == kind for sent, _ in self.sent)


class Post:
    """A watcher, its spool, and what it knows."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.way = Way()
        self.place = folder / "spool"
        self.roster = Roster(Mirror(folder))
        options = {"attention": lambda: True, **options}
        self.watcher = Watcher(self.way, self.roster, uuid.uuid4().hex, **options)
        self.watcher.start()

    def found(self) -> None:
        """The spool is made there."""
        self.watcher.create(str(self.place)).result(20)

    def follow(self) -> AttemptRef:
        """An attempt is asked about from now on."""
        ref = AttemptRef("R1", uuid.uuid4().hex, 1)
        self.roster.add(ref, queued=False, elsewhere=True)
        self.watcher.ring()
        return ref

    def running(self, within: float = 20.0) -> AttemptRef:
        """An attempt that somebody executes there, as far as can be seen."""
        ref = self.follow()
        (self.place / ref.folder).mkdir(parents=True)
        Claimant(str(self.place)).claim(str(self.place / ref.folder))
        eventually(lambda: any(seen.state == "claimed" for seen in self.drain(ref)), within)
        return ref

    def drain(self, ref: AttemptRef) -> list[Glimpse]:
        """What is new of an attempt."""
        return self.roster.drain({ref: 0}, 0.0)

    def close(self) -> None:
        self.watcher.close()
        self.way.close()


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.close()


def control_of(key: str) -> list[Json]:
    return [{"do": "control", "key": key, "control": {"id": "c1", "epoch": 1, "verb": "stop", "values": {}}}]


def test_what_is_to_be_written_before_the_spool_is_made_is_written_after_it(post: Post) -> None:
    key = f"{uuid.uuid4().hex}-1"
    told = post.watcher.write(control_of(key))
    post.found()
    assert told.result(20) == [{"done": True}]
    assert (post.place / "attempts" / key[:2] / key / "controls.jsonl").exists()


def test_a_worker_that_was_purged_is_brought_again_while_looks_go_on(post: Post) -> None:
    post.found()
    [worker] = (post.place / "code").iterdir()
    post.follow()
    eventually(lambda: post.way.count("look"))
    worker.unlink()
    post.watcher.bring()  # as a process of a new block found; the one that looks needs none
    eventually(worker.exists)
    assert [sent["zipped"] for kind, sent in post.way.sent if kind == "write"] == [True, True]


def test_a_worker_that_cannot_be_brought_is_said_until_it_can(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{WATCHER}._BRING", 0.5)
    post.found()
    code = post.place / "code"
    shutil.rmtree(code)
    code.touch()  # nothing can be written there for a while
    post.follow()
    post.watcher.bring()
    eventually(lambda: "worker cannot be written" in post.watcher.problem)
    code.unlink()
    eventually(lambda: not post.watcher.problem)
    assert len(list(code.iterdir())) == 1


def test_a_spool_that_was_away_is_used_again_when_it_is_back(post: Post) -> None:
    post.found()
    away = post.place.rename(post.place.with_name("away"))
    with pytest.raises(SpoolError, match="goes on when it is back"):
        post.watcher.write(control_of(f"{uuid.uuid4().hex}-1")).result(20)
    assert post.watcher.refused
    away.rename(post.place)
    eventually(lambda: not post.watcher.refused)  # though nobody has asked anything
    assert post.watcher.problem == ""


def test_what_was_executed_in_a_spool_is_lost_when_that_stays_away_and_not_before(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{WATCHER}._SURE", 2)
    post.found()
    ref = post.running()
    post.place.rename(post.place.with_name("away"))
    eventually(lambda: post.watcher.refused)
    assert not [seen.lost for seen in post.drain(ref) if seen.lost]
    monkeypatch.setattr(f"{WATCHER}._GONE", 0.0)
    eventually(lambda: [seen.lost for seen in post.drain(ref) if "is gone" in (seen.lost or "")])


def test_another_refusal_loses_nothing(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{WATCHER}._SURE", 1)
    monkeypatch.setattr(f"{WATCHER}._GONE", -1.0)
    post.found()
    ref, other = post.running(), AttemptRef("R2", uuid.uuid4().hex, 1)
    (post.place / other.folder).parent.mkdir(parents=True, exist_ok=True)
    (post.place / other.folder).symlink_to("/")  # a name that is refused, and the whole question with it
    post.roster.add(other, queued=False, elsewhere=True)
    eventually(lambda: "refuses what it is asked" in post.watcher.problem)
    assert not post.watcher.refused
    assert not [seen.lost for seen in post.drain(ref) if seen.lost]
    (post.place / other.folder).unlink()
    eventually(lambda: not post.watcher.problem)


def test_whatever_is_late_is_asked_for_at_once_and_what_is_to_be_written_meanwhile_goes_together(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aisteer.execution.globus.flights._LATE", 0.3)
    monkeypatch.setattr("aisteer.execution.globus.flights._LOST", 3.0)
    post.found()
    post.way.open.clear()
    before = post.way.count("write")
    told = []
    for click in range(20):
        told.append(post.watcher.write(control_of(f"{uuid.uuid4().hex}-1")))
        eventually(lambda click=click: post.way.count("write") - before == min(click + 1, 2))
    eventually(lambda: max(map(len, post.way.asked), default=0) == 2)
    post.way.open.set()
    assert [answer.result(20) for answer in told] == [[{"done": True}]] * 20


def test_large_files_do_not_hold_up_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{WATCHER}._SPACING", 0.1)
    monkeypatch.setattr(f"{WATCHER}._WAIT", 0.0)
    monkeypatch.setattr("aisteer.execution.globus.bringing._STRETCH", 10)
    with contextlib.closing(Post(tmp_path)) as post:
        post.found()
        post.follow()
        eventually(lambda: post.way.count("look"))
        before = len(post.way.sent)
        Bringing(post.watcher, threading.Event()).bring({f"code/{hashlib.sha256(FILE).hexdigest()}.py": FILE})
        sent = [kind for kind, _ in post.way.sent[before:]]
        assert sent.count("write") > 10
        assert sent.count("look") > 3


def test_what_cannot_be_sent_now_is_sent_later(post: Post) -> None:
    post.found()
    post.way.problem = "the service is down"
    told = post.watcher.write(control_of(f"{uuid.uuid4().hex}-1"))
    eventually(lambda: post.watcher.problem == "the service is down")
    post.way.problem = ""
    assert told.result(20) == [{"done": True}]


def test_many_orders_go_in_several_requests(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aisteer.execution.globus.letters._MOST", 10)
    told = [post.watcher.write(control_of(f"{uuid.uuid4().hex}-1")) for _ in range(25)]
    post.found()
    assert [answer.result(20) for answer in told] == [[{"done": True}]] * 25
    assert max(len(sent["orders"]) for kind, sent in post.way.sent if kind == "write") == 10


@given(
    answer=st.fixed_dictionaries(
        {},
        optional={
            "answers": PLAIN,
            "attempts": PLAIN,
            "books": PLAIN,
            "gone": PLAIN,
            "left": PLAIN,
            "machine": st.fixed_dictionaries({}, optional={"free": PLAIN, "host": PLAIN, "time": PLAIN}),
            "missing": PLAIN,
            "more": PLAIN,
            "refused": PLAIN,
            "root": PLAIN,
        },
    )
    | PLAIN
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_an_endpoint_answers_every_letter_is_answered_or_goes_again(
    tmp_path: Path, answer: Any
) -> None:
    class Hostile(Way):
        def send(self, kind: str, root: str, payload: Json) -> Future[Any]:
            self.sent.append((kind, payload))
            future: Future[Any] = Future()
            future.set_result(answer)
            return future

    way = Hostile()
    watcher = Watcher(way, Roster(Mirror(tmp_path)), uuid.uuid4().hex, attention=lambda: True)
    made = watcher.create("/anywhere")
    watcher.start()
    eventually(lambda: made.done() or way.count("write") > 1 or watcher.problem)
    watcher.close()
    said = health(
        [],
        problem="",
        silence=watcher.problem,
        ready=True,
        needed=True,
        online=True,
        own_watcher=True,
        machine=watcher.machine,
        ahead=watcher.ahead,
        contact=watcher.contact,
        workers=1,
        root=watcher.root,
    )
    assert json.dumps(said.extra)
