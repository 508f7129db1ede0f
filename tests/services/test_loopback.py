"""Globus Compute on loopback, seen through the real SDK: it does what the real service does, and bears faults."""

from __future__ import annotations

import re
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.services.loopback import Loopback

pytest.importorskip("globus_compute_sdk")
import requests
from globus_compute_sdk import Client, Executor
from globus_compute_sdk.sdk.executor import _RESULT_WATCHERS
from globus_compute_sdk.serialize import ComputeSerializer, PureSourceTextInspect
from globus_sdk import GlobusAPIError


def twice(number: int) -> int:
    return 2 * number


def leave(path: str) -> None:
    from pathlib import Path

    Path(path).touch()


def prefix() -> str:
    import os

    return os.environ["PARSL_MPI_PREFIX"]


@contextmanager
def executing(loopback: Loopback, **config: Any) -> Iterator[Executor]:
    """An Executor with a task group of its own, which leaves no thread behind."""
    group = uuid.uuid4()
    serializer = ComputeSerializer(
        strategy_code=PureSourceTextInspect()
    )  # nobody there can import this module
    executor = Executor(
        loopback.endpoint, task_group_id=group, user_endpoint_config=config, serializer=serializer
    )
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        if watcher := _RESULT_WATCHERS.get(group):
            watcher.shutdown(wait=False, cancel_futures=True)


def sourcing() -> Client:
    """A client that sends functions as their source."""
    return Client(code_serialization_strategy=PureSourceTextInspect())


def running(loopback: Loopback, client: Client, function: str, *arguments: object) -> str:
    """The id of a task of this function on the endpoint's threads."""
    batch = client.create_batch(user_endpoint_config={"engine": "thread", "role": "compute"})
    batch.add(function, arguments)
    (task,) = client.batch_run(loopback.endpoint, batch)["tasks"][function]
    return task


def until(so: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.6)  # 20 requests in 10 s are allowed


@pytest.mark.parametrize(
    "config",
    [
        {"engine": "thread", "role": "compute"},
        {"engine": "process", "role": "compute"},
        {"role": "watch"},
        pytest.param({"engine": "htex", "walltime": "00:05:00"}, marks=pytest.mark.full),
    ],
    ids=["thread", "process", "watch", "htex"],
)
def test_a_task_goes_to_the_endpoint_and_its_result_comes_back(
    loopback: Loopback, config: dict[str, str]
) -> None:
    with executing(loopback, **config) as executor:
        assert executor.submit(twice, 21).result(90) == 42


@pytest.mark.full
def test_a_task_that_asks_for_ranks_is_told_how_to_launch_them(loopback: Loopback) -> None:
    with executing(loopback, engine="mpi") as executor:
        executor.resource_specification = {"num_nodes": 1, "ranks_per_node": 2, "num_ranks": 2}
        assert executor.submit(prefix).result(90).startswith("mpiexec -n 2 ")


def test_the_endpoint_tells_its_state_its_python_and_what_its_template_asks_for(loopback: Loopback) -> None:
    client = Client()
    assert client.get_endpoint_status(loopback.endpoint)["status"] == "online"
    told = client.get_endpoint_metadata(loopback.endpoint)
    assert told["python_version"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert told["user_config_schema"]["properties"]["role"]["enum"] == ["compute", "watch"]
    assert [known["uuid"] for known in client.get_endpoints()] == [loopback.endpoint]
    loopback.service.pretend(loopback.endpoint, python_version="3.9.18")
    assert client.get_endpoint_metadata(loopback.endpoint)["python_version"] == "3.9.18"


def test_nobody_gets_in_without_the_credentials(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{loopback.service.port}/v2/version"
    assert requests.get(address, timeout=30).status_code == 401
    assert requests.get(address, timeout=30, headers={"Authorization": "Bearer guessed"}).status_code == 401
    assert requests.get(address.replace("v2/version", "loopback/requests"), timeout=30).status_code == 401
    monkeypatch.setenv("GLOBUS_COMPUTE_CLIENT_SECRET", "guessed")
    monkeypatch.setenv("GLOBUS_COMPUTE_USER_DIR", str(loopback.folder / "elsewhere"))
    with pytest.raises(GlobusAPIError) as refused:
        Client()
    assert refused.value.http_status == 401


def test_somebody_elses_endpoint_and_one_that_does_not_exist_are_told_apart(loopback: Loopback) -> None:
    client = Client()
    for endpoint, status in ((loopback.service.strangers_endpoint(), 403), (str(uuid.uuid4()), 404)):
        with pytest.raises(GlobusAPIError) as refused:
            client.get_endpoint_status(endpoint)
        assert refused.value.http_status == status


def test_more_than_ten_megabytes_at_once_are_refused(loopback: Loopback) -> None:
    client = Client()
    batch = client.create_batch()
    batch.add(client.register_function(twice), args=("x" * 11_000_000,))
    with pytest.raises(GlobusAPIError) as refused:
        client.batch_run(loopback.endpoint, batch)
    assert refused.value.http_status == 413


def test_more_than_twenty_requests_in_ten_seconds_are_too_many(loopback: Loopback) -> None:
    web = Client()._compute_web_client.v2

    def insist() -> None:
        with web.retry_config.tune(max_retries=0):
            for _ in range(200):  # 20 suffice on a machine that makes them within 10 s
                web.get_version()

    began = time.time()
    with pytest.raises(GlobusAPIError) as refused:
        insist()
    assert refused.value.http_status == 429
    taken = [asked["time"] for asked in loopback.service.requests(began) if asked["status"] == 200]
    assert len(taken) >= 19  # the client made one before
    assert all(later - first > 9.5 for first, later in zip(taken, taken[20:], strict=False))


def test_a_result_is_kept_for_so_long_and_no_longer(loopback: Loopback) -> None:
    client = sourcing()
    task = running(loopback, client, client.register_function(twice), 21)
    until(lambda: not client.get_task(task)["pending"])
    assert client.get_result(task) == 42
    loopback.service.keep_results(seconds=0)
    until(lambda: Client().get_batch_result([task]) == {})
    with pytest.raises(GlobusAPIError) as refused:
        Client().get_task(task)
    assert refused.value.http_status == 404


def test_a_result_that_the_service_loses_never_arrives_though_the_task_was_done(
    loopback: Loopback, tmp_path: Path
) -> None:
    client = sourcing()
    loopback.service.drop_results(seconds=600)
    done = tmp_path / "done"
    task = running(loopback, client, client.register_function(leave), str(done))
    until(loopback.service.dropped)
    assert done.exists()
    loopback.service.drop_results(seconds=0)
    assert client.get_task(task)["pending"]


def test_an_endpoint_that_answers_with_what_it_likes_is_taken_at_its_word_by_the_service(
    loopback: Loopback,
) -> None:
    client = sourcing()
    loopback.agent.pause()
    task = running(loopback, client, client.register_function(twice), 21)
    loopback.service.forge(task, client.fx_serializer.serialize("hijacked"))
    loopback.agent.resume()
    assert client.get_result(task) == "hijacked"


def test_the_sdk_gets_through_a_service_that_fails_for_a_while(loopback: Loopback) -> None:
    client = Client()
    began = time.time()
    loopback.service.answer_with(500, seconds=1.5, matching="/status")
    assert client.get_endpoint_status(loopback.endpoint)["status"] == "online"
    statuses = [asked["status"] for asked in loopback.service.requests(began)]
    assert statuses[0] == 500
    assert statuses[-1] == 200


def test_what_the_service_confirmed_outlives_its_death(loopback: Loopback) -> None:
    client = Client()
    function = client.register_function(twice)
    loopback.service.kill()
    loopback.service.start()
    assert client.get_function(function)["function_name"] == "twice"
    assert client.get_endpoint_metadata(loopback.endpoint)["name"] == "loopback"


def test_tokens_that_expired_are_replaced_by_the_sdk(loopback: Loopback) -> None:
    client = Client()
    loopback.service.expire_tokens()
    began = time.time()
    assert client.get_endpoint_status(loopback.endpoint)["status"] == "online"
    assert [asked["status"] for asked in loopback.service.requests(began)] == [401, 200, 200]


def test_a_person_signs_in_with_a_code_and_stays_signed_in(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from globus_sdk import GlobusAppConfig, UserApp
    from globus_sdk.login_flows import CommandLineLoginFlowManager

    class Person(CommandLineLoginFlowManager):
        """Opens the link and types the code that the page shows."""

        def print_authorize_url(self, authorize_url: str) -> None:
            page = requests.get(authorize_url, timeout=30).text
            found = re.search(r"<code>(.+?)</code>", page)
            assert found is not None
            self.code = found[1]

        def prompt_for_code(self) -> str:
            return self.code

    for name in ("GLOBUS_COMPUTE_CLIENT_ID", "GLOBUS_COMPUTE_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GLOBUS_COMPUTE_USER_DIR", str(tmp_path))
    config = GlobusAppConfig(
        environment="production",
        request_refresh_tokens=True,
        login_flow_manager=Person,
        token_storage="memory",
    )
    app = UserApp("test", client_id=str(uuid.uuid4()), config=config)
    client = Client(app=app)
    assert client.get_endpoint_status(loopback.endpoint)["status"] == "online"
    loopback.service.expire_tokens()
    assert client.get_endpoint_status(loopback.endpoint)["status"] == "online"


def test_an_agent_that_was_killed_comes_back_as_the_same_endpoint(loopback: Loopback) -> None:
    endpoint = loopback.endpoint
    with executing(loopback, engine="thread", role="compute") as executor:
        assert executor.submit(twice, 1).result(60) == 2
        loopback.agent.cut()
        late = executor.submit(twice, 2)  # waits in the queue for somebody to come
        loopback.agent.start()
        assert loopback.endpoint == endpoint
        assert late.result(60) == 4


def test_a_broker_that_is_started_again_still_has_its_queues_and_everybody_finds_it_again(
    loopback: Loopback,
) -> None:
    with executing(loopback, engine="thread", role="compute") as executor:
        assert executor.submit(twice, 1).result(60) == 2
        loopback.broker.stop()
        loopback.broker.start()
        assert executor.submit(twice, 2).result(90) == 4
