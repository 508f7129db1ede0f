"""What stands between us and a Globus Compute endpoint, by itself: the wire, the pace, sizes, and hostile answers."""

from __future__ import annotations

import json
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aisteer.execution.endpoint import AttemptRef, Glimpse
from aisteer.execution.ends import number
from aisteer.execution.mirror import Mirror
from aisteer.execution.worker.ending import ENDS

pytest.importorskip("globus_compute_sdk")
from globus_compute_sdk.serialize import ComputeSerializer
from globus_compute_sdk.serialize.concretes import SELECTABLE_STRATEGIES

from aisteer.execution.globus import sizes
from aisteer.execution.globus.pace import Pace
from aisteer.execution.globus.roster import Roster
from aisteer.execution.globus.sending import specification
from aisteer.execution.globus.wire import JsonOnly, NotJson

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400)])
    | st.floats()
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
SAID = [
    "claim",
    "data",
    "offset",
    "next",
    "prefix",
    "length",
    "gap",
    "heartbeat",
    "end",
    "holder_dead",
    "gone",
]
ABOUT = st.fixed_dictionaries({}, optional=dict.fromkeys(SAID, PLAIN))
REF = AttemptRef("R1", uuid.uuid4().hex, 1)
BOOK = "0123abcd-000001.jsonl"


def a_function() -> None:
    """Something that can be serialized as code."""


@pytest.mark.parametrize("strategy", SELECTABLE_STRATEGIES, ids=lambda strategy: strategy.__name__)
def test_of_all_ways_to_serialize_only_json_is_read(strategy: Any) -> None:
    kind = {"strategy_code": strategy()} if strategy.for_code else {"strategy_data": strategy()}
    payload = ComputeSerializer(**kind).serialize(a_function if strategy.for_code else {"y": [1, 2.5, "µ"]})
    if strategy.__name__ == "JSONData":
        assert JsonOnly().deserialize(payload) == {"y": [1, 2.5, "µ"]}
    else:
        with pytest.raises(NotJson, match=strategy.__name__):
            JsonOnly().deserialize(payload)


@given(st.text().filter(lambda text: not text.startswith("11\n")) | PLAIN.filter(lambda value: value != ""))
def test_whatever_else_arrives_is_refused_in_words(payload: object) -> None:
    with pytest.raises(NotJson, match=r"^it "):
        JsonOnly().deserialize(payload)


@given(PLAIN)
def test_json_that_is_cut_short_is_refused(value: Any) -> None:
    with pytest.raises(NotJson, match="and is not"):
        JsonOnly().deserialize("11\n[" + json.dumps(value))


@given(
    answer=st.fixed_dictionaries(
        {},
        optional={
            "attempts": st.fixed_dictionaries({}, optional={REF.key: ABOUT}) | PLAIN,
            "books": st.fixed_dictionaries({}, optional={BOOK: ABOUT}) | PLAIN,
        },
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_an_answer_of_a_hostile_endpoint_is_taken_for_no_more_than_it_is(tmp_path: Path, answer: Any) -> None:
    roster = Roster(Mirror(tmp_path))
    member = roster.add(REF, queued=False, elsewhere=True)
    roster.take(answer, [REF.key])
    for glimpse in roster.drain({REF: 0}, 0.0):
        assert isinstance(glimpse, Glimpse)
        assert glimpse.data == b"" or (glimpse.offset == 0 and glimpse.data.endswith(b"\n"))
        assert glimpse.end is None or glimpse.end["end"] in ENDS
        assert json.dumps(glimpse.claim)
    assert member.offset >= 0
    json.dumps(roster.question())


def test_an_answer_to_an_earlier_question_doubles_nothing(tmp_path: Path) -> None:
    roster = Roster(Mirror(tmp_path))
    roster.add(REF, queued=False, elsewhere=True)
    said = {"data": '{"a":1}\n', "offset": 0, "next": 8, "prefix": "x", "length": 8}
    for _ in range(2):
        roster.take({"attempts": {REF.key: said}}, [REF.key])
    assert [glimpse.data for glimpse in roster.drain({REF: 0}, 0.0) if glimpse.data] == [b'{"a":1}\n']
    roster.drain({REF: 0}, 0.0)  # the mirror could not keep it: it is asked for again
    assert roster.question()["attempts"][REF.key]["offset"] == 0


@given(st.lists(st.integers(0, 3000), max_size=60))
def test_batches_hold_everything_once_in_its_order_and_fit(lengths: list[int]) -> None:
    parcels = [sizes.Parcel({"x": "y" * length, "n": number}) for number, length in enumerate(lengths)]
    batches = list(sizes.batches(parcels, limit=4000, most=7))
    assert [parcel.order["n"] for batch in batches for parcel in batch] == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= 7
        assert len(batch) == 1 or sum(parcel.size for parcel in batch) <= 4000


@given(PLAIN)
def test_nothing_takes_more_room_than_was_measured(value: Any) -> None:
    assert len(json.dumps(json.dumps(value))) <= sizes.measured(value)


def test_what_is_large_is_named() -> None:
    request = {
        "run": "R1",
        "parameters": {"cell": "x" * 2_000_000, "small": 1},
        "options": {"table": [0] * 50_000},
    }
    assert sizes.largest(request) == "parameters.cell (2.0 MB), options.table (150 kB)"


def test_the_pace_is_kept_by_all_threads_together() -> None:
    pace = Pace(most=5, window=0.5)
    passed: list[float] = []

    def ask() -> None:
        for _ in range(4):
            pace.wait()
            passed.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed.sort()
    assert pace.count == 16
    assert all(later - earlier > 0.45 for earlier, later in zip(passed, passed[5:], strict=False))


def test_only_what_needs_ranks_says_so() -> None:
    assert specification({"resources": {"nodes": 1, "ranks_per_node": 1, "cpus": 4}}) is None
    assert specification({}) is None
    asked = {"num_nodes": 2, "ranks_per_node": 4, "num_ranks": 8}
    assert specification({"resources": {"nodes": 2, "ranks_per_node": 4}}) == asked


def test_an_end_is_told_after_all_that_the_run_has_said(tmp_path: Path) -> None:
    roster = Roster(Mirror(tmp_path))
    member = roster.add(REF, queued=False, elsewhere=True)
    first, rest = b'{"kind":"obs"}\n', b'{"kind":"obs","last":1}\n'
    roster.take({"attempts": {REF.key: {"data": first.decode(), "offset": 0}}}, [REF.key])
    roster.take_result(member, {"end": "done", "length": len(first + rest)}, None)
    assert [glimpse.end for glimpse in roster.drain({REF: 0}, 0)] == [None]
    assert roster.question()["attempts"][REF.key]["offset"] == len(first)
    roster.take({"attempts": {}, "more": True}, [REF.key])
    assert roster.drain({REF: len(first)}, 0) == []
    roster.take({"attempts": {REF.key: {"data": rest.decode(), "offset": len(first)}}}, [REF.key])
    data, end = roster.drain({REF: len(first)}, 0)
    assert (data.data, end.end["end"]) == (rest, "done")


def test_an_end_whose_stream_never_comes_is_told_after_some_looks(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("aisteer.execution.globus.roster._TAIL", 0.0)
    roster = Roster(Mirror(tmp_path))
    roster.take_result(roster.add(REF, queued=False, elsewhere=True), {"end": "done", "length": 9}, None)
    for _ in range(3):
        assert roster.drain({REF: 0}, 0) == []
        roster.take({"attempts": {}}, [REF.key])
    time.sleep(0.001)
    assert [glimpse.end["end"] for glimpse in roster.drain({REF: 0}, 0)] == ["done"]


def test_numbers_without_end_and_text_that_cannot_be_stored_get_no_further(tmp_path: Path) -> None:
    roster = Roster(Mirror(tmp_path))
    member = roster.add(REF, queued=False, elsewhere=True)
    claim = {"by": "b" * 5000, "host": "\ud800\x00", "job": 7, "pid": 3, "ends": 10**400}
    said = {
        "claim": claim,
        "heartbeat": 10**400,
        "data": "{}\n",
        "offset": 0,
        "length": 10**400,
        "prefix": "p" * 5000,
    }
    roster.take({"attempts": {REF.key: said}}, [REF.key])
    begun, data, beat = roster.drain({REF: 0}, 0)
    assert begun.claim == {"by": "b" * 200, "host": "?\N{REPLACEMENT CHARACTER}"}
    assert (member.ends, data.length, beat.heartbeat, len(member.prefix)) == (0.0, 3, 0, 200)


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), float("nan"), True, "7", None, [1]])
def test_what_is_no_number_is_none(value: Any) -> None:
    assert number(value) is None


def test_an_endpoint_that_cannot_be_started_is_told_by_its_last_words() -> None:
    from globus_compute_sdk.errors import TaskExecutionFailed

    from aisteer.execution.globus.faults import explained

    said = (
        "Failed to start or unexpected error:\n  (MessageSystemExit) \n    PID path: daemon.pid\n\n"
        "Another instance of this endpoint is running."
    )
    words = explained(TaskExecutionFailed(said))
    assert words == "it could not be started there: Another instance of this endpoint is running."


def test_what_an_endpoint_says_of_a_failure_can_be_stored() -> None:
    from globus_compute_sdk.errors import TaskExecutionFailed

    from aisteer.execution.globus.faults import explained

    words = explained(TaskExecutionFailed("ValueError: \ud800\x00" + "x" * 9000))
    assert len(words.encode()) < 600


@pytest.mark.parametrize(
    ("status", "more", "says"),
    [
        (401, {}, "Nobody is signed in"),
        (403, {}, "The endpoint refuses this user (403 "),
        (403, {"code": "ConsentRequired", "required_scopes": ["all"]}, "Nobody is signed in"),
        (503, {}, "cannot answer now"),
    ],
)
def test_a_submission_that_is_refused_says_what_to_do(status: int, more: dict[str, Any], says: str) -> None:
    import globus_sdk
    import requests

    from aisteer.execution.globus.faults import explained

    response = requests.Response()
    response.status_code = status
    response.headers["Content-Type"] = "application/json"
    response._content = json.dumps({"code": "REFUSED", "message": "No.", **more}).encode()
    response.request = requests.Request("POST", "https://compute.invalid").prepare()
    assert says in explained(globus_sdk.GlobusAPIError(response))
