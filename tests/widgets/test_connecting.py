"""The connect panel against Globus Compute on loopback: signing in, endpoints as they are, and what a form comes to."""

from __future__ import annotations

import re
import time
import uuid

import pytest
import requests

import aisteer as ai
from aisteer_widgets.connecting import Connecting
from aisteer_widgets.view_models.connect import panel, result
from aisteer_widgets.view_models.connect_told import Choice, Known

pytest.importorskip("globus_compute_sdk")
pytest.importorskip("globus_compute_endpoint")
from aisteer.execution.globus.service import Service

WALLTIME = "^[0-9]{2}:[0-5][0-9]:[0-5][0-9]$"


class Screen:
    """A connect panel without a screen."""

    def __init__(self, service):
        self.connecting = Connecting(lambda: None, lambda: service)
        self.choice = Choice()

    @property
    def shown(self):
        return panel(self.connecting.known, self.choice, time.time())

    def until(self, claim):
        deadline = time.monotonic() + 60
        while not claim(self.shown):
            assert time.monotonic() < deadline, self.shown
            time.sleep(0.02)
        return self.shown

    def settled(self):
        return self.until(lambda d: d["endpoints"] and d["endpoints"]["as_of"] and not d["doing"])

    def item(self, endpoint):
        listed = (self.shown["endpoints"] or {"items": []})["items"]
        return next((one for one in listed if one["id"] == endpoint), None)

    def choose(self, endpoint, **texts):
        self.connecting.look_at(endpoint)
        self.choice = Choice(endpoint=endpoint, texts=texts)
        return self.until(lambda d: d["form"] and not d["doing"])["form"]


@pytest.fixture
def screen(loopback):
    made = Screen(Service())
    made.connecting.look()
    yield made
    made.connecting.close()


@pytest.fixture
def nobody(loopback, monkeypatch, tmp_path):
    """Nobody is signed in, and no client either."""
    for name in ("GLOBUS_COMPUTE_CLIENT_ID", "GLOBUS_COMPUTE_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GLOBUS_COMPUTE_USER_DIR", str(tmp_path))
    made = Screen(Service())
    made.connecting.look()
    yield made
    made.connecting.close()


def code_for(link):
    found = re.search(r"<code>(.+?)</code>", requests.get(link, timeout=30).text)
    return found[1]


def link_of(screen):
    screen.connecting.sign_in()
    return screen.until(lambda d: d["sign_in"]["link"])["sign_in"]["link"]


def test_a_person_signs_in_by_code_and_a_wrong_code_is_refused_in_words(nobody, loopback):
    assert nobody.until(lambda d: d["sign_in"]["state"] == "out")["endpoints"] is None
    first = link_of(nobody)
    nobody.connecting.code("not-a-code")
    refused = nobody.until(lambda d: d["problem"])
    assert refused["problem"].startswith("Globus did not take the code")
    assert refused["sign_in"]["state"] == "out"

    link = link_of(nobody)
    assert link != first
    nobody.connecting.cancel()
    assert nobody.until(lambda d: d["sign_in"]["state"] == "out")["problem"] == ""

    code = code_for(link_of(nobody))
    nobody.connecting.code(code)
    nobody.until(lambda d: d["sign_in"]["state"] == "in")
    nobody.settled()
    assert nobody.item(loopback.endpoint)["state"] == "online"
    assert code not in repr(nobody.connecting.known) + repr(nobody.shown)


def test_an_endpoint_is_listed_with_its_state_its_python_and_what_can_watch_there(screen, loopback):
    shown = screen.settled()
    assert shown["sign_in"]["state"] == "client"
    one = screen.item(loopback.endpoint)
    assert (one["name"], one["own"], one["state"]) == ("Loopback", "yours", "online")
    assert one["words"].startswith("online, sends a heartbeat every 5")
    assert one["python"].startswith("3.")
    assert one["watch"] == "a role of its own"


def test_an_endpoint_without_a_heartbeat_is_offline_and_was_seen_last(screen, loopback):
    screen.settled()
    loopback.agent.stop()

    def offline(_):
        screen.connecting.look_at(loopback.endpoint)
        return screen.item(loopback.endpoint)["state"] == "offline"

    screen.until(offline)
    assert "no heartbeat; last seen online" in screen.item(loopback.endpoint)["words"]
    screen.choice = Choice(endpoint=loopback.endpoint)
    assert any("waits in the service until its agent is started" in n for n in screen.shown["form"]["notes"])


@pytest.mark.parametrize("known", [True, False], ids=["a stranger's", "unknown"])
def test_an_endpoint_that_cannot_be_used_says_why_and_what_to_do(screen, loopback, known):
    endpoint = loopback.service.strangers_endpoint() if known else str(uuid.uuid4())
    form = screen.choose(endpoint)
    [note] = form["notes"]
    assert ("does not let you use" if known else "knows no endpoint") in note
    assert ("ask its administrator" if known else "Check the id") in note
    assert not form["ready"]
    assert screen.shown["line"] == ""


def test_what_is_no_id_is_said_before_anything_is_asked(screen):
    screen.settled()
    assert screen.connecting.look_at("polaris") == ""
    assert "'polaris' is no endpoint's id" in screen.shown["problem"]


def test_a_service_that_fails_is_said_and_asked_again(screen, loopback):
    screen.settled()
    loopback.service.stop()
    screen.connecting.look()
    assert "does not answer" in screen.until(lambda d: d["problem"])["problem"]
    assert screen.shown["sign_in"]["state"] == "client"
    loopback.service.start()
    screen.connecting.look()
    screen.until(lambda d: not d["problem"] and not d["doing"])
    assert screen.item(loopback.endpoint)


def test_the_form_is_made_from_the_endpoints_own_template_and_comes_to_a_line_of_code(screen, loopback):
    form = screen.choose(
        loopback.endpoint, account="chem-42", walltime="00:30:00", engine='"htex"', nodes="1"
    )
    names = [one["name"] for one in form["fields"]]
    assert names[:4] == ["account", "queue", "nodes", "walltime"]
    assert "role" not in names
    walltime = form["fields"][3]
    assert WALLTIME in walltime["limits"]
    made = result(screen.connecting.known, screen.choice)
    assert made.line == screen.shown["line"]
    assert eval(made.line, {"ai": ai}) == made.connection
    assert made.connection == ai.connect(
        f"globus:{loopback.endpoint}",
        compute={"account": "chem-42", "walltime": "00:30:00", "engine": "htex", "nodes": 1},
        watch={"role": "watch"},
    )


def test_what_is_wrong_in_the_form_stands_beside_the_field_and_gives_no_endpoint(screen, loopback):
    screen.choose(loopback.endpoint, walltime="an hour", workers="0")
    screen.choice = Choice(
        loopback.endpoint, screen.choice.texts, watch="filling", watch_text="role", places={"workers": "no"}
    )
    made = result(screen.connecting.known, screen.choice)
    assert made.connection is None
    assert set(made.wrong) == {"compute:walltime", "compute:workers", "watch", "workers"}
    assert "the fields that are marked" in screen.shown["form"]["problem"]


@pytest.mark.parametrize(
    ("watch", "text", "meant"),
    [
        ("none", "", None),
        ("filling", '{"engine": "thread"}', {"engine": "thread"}),
        ("11111111-1111-4111-8111-111111111111", "", "11111111-1111-4111-8111-111111111111"),
    ],
)
def test_a_watcher_can_be_another_filling_another_endpoint_or_none(screen, loopback, watch, text, meant):
    screen.choose(loopback.endpoint)
    screen.choice = Choice(loopback.endpoint, watch=watch, watch_text=text)
    given = {} if meant is None else {"watch": meant}
    made = result(screen.connecting.known, screen.choice)
    assert made.connection == ai.connect(f"globus:{loopback.endpoint}", **given)
    if meant is None:
        assert "wait for a free worker" in screen.shown["form"]["watch"]["about"]


@pytest.mark.parametrize(
    ("version", "words", "usable"),
    [("3.99.1", "could only travel as a pickle", True), ("3.8.2", "needs Python 3.9 or later", False)],
)
def test_another_python_there_is_named_with_what_it_means(loopback, version, words, usable):
    before = Service().metadata(loopback.endpoint)["python_version"]
    loopback.service.pretend(loopback.endpoint, python_version=version)
    screen = Screen(Service())
    try:
        form = screen.choose(loopback.endpoint)
        assert any(words in note for note in form["notes"])
        assert bool(screen.shown["line"]) is usable
    finally:
        screen.connecting.close()
        loopback.service.pretend(loopback.endpoint, python_version=before)


def test_secrets_do_not_go_into_a_campaigns_definition(screen, loopback):
    before = Service().metadata(loopback.endpoint)["user_config_schema"]
    loopback.service.pretend(loopback.endpoint, user_config_schema={"properties": {"api_token": {}}})
    try:
        form = screen.choose(loopback.endpoint, api_token="s3cr3t")
        assert "Keep secrets on the endpoint's side" in form["problem"]
        assert screen.shown["line"] == ""
        assert "s3cr3t" not in repr(screen.shown)
    finally:
        loopback.service.pretend(loopback.endpoint, user_config_schema=before)


@pytest.mark.parametrize(
    ("link", "safe"),
    [
        ("https://auth.globus.org/v2/oauth2/authorize?x=1", True),
        ("http://127.0.0.1:8080/x", True),
        ("http://localhost.evil.org/x", False),
        ("http://127.0.0.1@evil.org/x", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("http://[::1", False),
    ],
)
def test_only_links_to_globus_or_this_machine_can_be_opened(link, safe):
    shown = panel(Known(signed_in=False, link=link), Choice(), time.time())
    assert shown["sign_in"]["link"] == (link if safe else "")
