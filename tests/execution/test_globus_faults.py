"""Runs at a Globus Compute endpoint while service, broker, agent or answers are not what they should be."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from aisteer.errors import NotSupported
from tests.execution.remote import TALKING, WATCH, At, at, end_of, health, running
from tests.execution.stage import Stage
from tests.services.loopback import Loopback

__all__ = ["at"]


def whole(stage: Stage, steps: int = 30) -> None:
    """Every run is done, and each of its observations is here once."""
    stage.ended(within=110)
    for seen in stage.seen.values():
        assert seen.lost == ""
        assert seen.end is not None
        assert (seen.end["end"], seen.gaps) == ("done", [])
        assert [line["step"] for line in seen.observations] == list(range(steps))


POISON = '''
def poison(root, order):
    """Makes this worker answer with a pickle that would write a file where it is opened."""
    import os
    from pickle import Pickler
    from globus_compute_sdk.serialize import ComputeSerializer, DillDataBase64

    class Malicious:
        def __reduce__(self):
            return (os.system, ("touch " + order["touch"],))

    def answer(value, strategies):
        return DillDataBase64().serialize(Malicious())

    ComputeSerializer.serialize_from_list = staticmethod(answer)
    return {}
'''


def test_an_endpoint_that_answers_with_a_pickle_executes_nothing_here_and_is_named(
    at: At, loopback: Loopback, tmp_path: Path
) -> None:
    hostile = {"engine": "thread", "workers": 7}  # nobody else's
    touched = tmp_path / "touched"
    from aisteer.execution.globus.service import Service
    from aisteer.execution.globus.wire import refusal

    service = Service()
    role = service.role(loopback.endpoint, hostile)
    [sent] = role.send(service.function("poison", POISON), "", [{"touch": str(touched)}])
    assert refusal(sent.exception(60)) == "it comes as DillDataBase64 and would have to be unpickled"
    role.close()
    stage = at(compute=hostile)
    stage.submit(TALKING, {"x": 1, "steps": 5})
    whole(stage, steps=5)
    stage.until(lambda: "was refused" in health(stage).detail)
    assert not touched.exists()


def test_an_executor_that_died_of_a_batch_that_failed_is_made_again(loopback: Loopback) -> None:
    from aisteer.execution.globus.faults import explained
    from aisteer.execution.globus.service import Service

    service = Service()
    role = service.role(loopback.endpoint, {"engine": "thread", "workers": 3})
    function = service.function("echo", "def echo(root, order):\n    return order\n")
    loopback.service.answer_with(400, seconds=60, matching="/submit")
    [failed] = role.send(function, "", [{"x": 1}])
    assert "400" in explained(failed.exception(30))
    loopback.service.behave()
    [sent] = role.send(function, "", [{"x": 2}])
    assert sent.result(60) == {"x": 2}
    assert role.made == 2
    role.close()


def test_a_result_that_the_service_drops_is_missed_by_nobody(
    at: At, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aisteer.execution.globus import flights

    monkeypatch.setattr(flights, "_LATE", 2.0)
    monkeypatch.setattr(flights, "_LOST", 4.0)
    stage = at()
    ref = stage.submit(TALKING, {"x": 1})
    running(stage, ref)
    loopback.service.drop_results(seconds=5)
    whole(stage)
    assert stage.seen[ref].end["outcome"] == {"y": [1.0]}


def test_the_service_fails_for_a_while_and_nothing_is_lost(at: At, loopback: Loopback) -> None:
    stage = at()
    first = stage.submit(TALKING, {"x": 1, "steps": 60})
    running(stage, first)
    loopback.service.answer_with(500, seconds=600)
    stage.submit(TALKING, {"x": 2, "steps": 60})
    stage.until(lambda: health(stage).state == "offline")
    assert "cannot answer now" in health(stage).detail
    loopback.service.answer_with(500, seconds=0)
    loopback.service.expire_tokens()
    whole(stage, steps=60)
    assert health(stage).state == "online"


@pytest.mark.full
def test_a_broker_that_is_restarted_while_runs_run_costs_no_observation(at: At, loopback: Loopback) -> None:
    stage = at()
    ref = stage.submit(TALKING, {"x": 1, "steps": 100})
    running(stage, ref)
    loopback.broker.stop()
    loopback.broker.start()
    stage.submit(TALKING, {"x": 2, "steps": 100})
    whole(stage, steps=100)


def test_runs_of_an_agent_that_is_killed_are_lost_by_name_and_what_it_had_not_begun_is_executed_later(
    at: At, loopback: Loopback
) -> None:
    stage = at()
    busy = [stage.submit(TALKING, {"x": x, "steps": 2000}) for x in range(4)]
    running(stage, *busy)
    late = stage.submit(TALKING, {"x": 9, "steps": 5})
    stage.until(lambda: "submitted" in stage.seen[late].states)
    loopback.agent.cut()
    loopback.agent.start()
    stage.ended(within=110)
    assert all("is dead and left no end" in stage.seen[ref].lost for ref in busy)
    assert end_of(stage, late)["end"] == "done"


@pytest.mark.full
def test_what_another_driver_sent_is_taken_up_and_what_it_had_not_is_sent(at: At) -> None:
    stage = at()
    first = stage.submit(TALKING, {"x": 1, "steps": 60})
    running(stage, first)
    assert stage.endpoint is not None
    stage.endpoint.close()
    unsent = stage.submission(TALKING, {"x": 2, "steps": 60})
    again = at()
    stage.endpoint = again.endpoint
    stage.submit_all([unsent])
    assert stage.endpoint is not None
    stage.endpoint.attach(
        {first: "00000000-0000-4000-8000-000000000000/00000000-0000-4000-8000-000000000001"}
    )
    whole(stage, steps=60)


def test_a_request_that_is_too_large_for_a_submission_is_brought_in_parts(at: At) -> None:
    stage = at()
    ref = stage.submit(
        """
        def f(cell):
            return {"y": float(len(cell))}
        """,
        {"cell": os.urandom(7_000_000).hex()},
    )
    assert end_of(stage, ref)["outcome"] == {"y": [14_000_000.0]}


def test_a_request_that_can_never_be_sent_is_refused_with_the_name_of_what_is_large(
    at: At,
) -> None:
    stage = at()
    with pytest.raises(NotSupported, match=r"parameters\.cell \(68\.0 MB\)"):
        stage.submit("def f(cell): return {}", {"cell": "x" * 68_000_000, "small": 1})


def test_a_pickle_of_another_python_is_refused_before_it_is_sent(at: At, loopback: Loopback) -> None:
    stage = at(watch=None, direct=False)  # the workers themselves say what they have
    code = {**stage.code("def f(x): return {}"), "mode": "pickle", "python": "3.8"}
    began = time.time()
    ref = stage.submit(code, {"x": 1})
    assert "pickle of Python 3.8" in end_of(stage, ref)["message"]
    assert stage.seen[ref].states == []
    assert len([r for r in loopback.service.requests(began) if "/submit" in r["path"]]) <= 2


@pytest.mark.parametrize("whose", ["nobody", "a stranger"])
def test_an_endpoint_that_is_unknown_or_not_ours_is_named(at: At, loopback: Loopback, whose: str) -> None:
    stranger = loopback.service.strangers_endpoint()
    endpoint = stranger if whose == "a stranger" else "00000000-0000-4000-8000-000000000000"
    stage = at(endpoint=endpoint)
    stage.submit(TALKING, {"x": 1})
    stage.until(lambda: health(stage).state == "offline")
    assert ("does not let you use" if endpoint == stranger else "knows no endpoint") in health(stage).detail


@pytest.mark.full
def test_an_agent_that_does_not_run_is_named_and_what_waits_begins_when_it_is_back(
    at: At, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aisteer.execution.globus import sending

    monkeypatch.setattr(sending, "_HOW_IT_IS", 3.0)
    stage = at()
    running(stage, stage.submit(TALKING, {"x": 1, "steps": 1}), observations=1)
    stage.ended()
    loopback.agent.stop()
    late = stage.submit(TALKING, {"x": 2, "steps": 3})
    stage.until(lambda: "sent no heartbeat. 1 run waits" in health(stage).detail, within=90)
    assert health(stage).state == "offline"
    loopback.agent.start()
    assert end_of(stage, late)["end"] == "done"


@pytest.mark.full
@pytest.mark.parametrize("watch", [WATCH, None], ids=["watched", "unwatched"])
def test_a_run_of_one_process_is_executed_by_an_engine_for_mpi_as_well(at: At, watch: object) -> None:
    stage = at(compute={"engine": "mpi"}, watch=watch, direct=False)
    ref = stage.submit(TALKING, {"x": 1, "steps": 3})
    stage.ended(ref)
    assert stage.seen[ref].lost == ""
    assert end_of(stage, ref)["end"] == "done", stage.seen[ref].lost
