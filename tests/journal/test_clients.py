"""On PostgreSQL a client can look, decide and propose, and nothing else."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from aisteer.errors import (
    AisteerError,
    BudgetExceeded,
    JournalReadOnly,
    JournalUnavailable,
    NotSupported,
    StaleRevision,
    UnknownName,
)  # fmt: skip
from aisteer.journal import commands as c
from aisteer.journal.names import schema_for
from aisteer.journal.store import Journal
from tests.journal.scenes import ADA, DRIVER, Place, accept, draft, launch, plain, propose

PI = ADA  # what a client says of itself counts for nothing


@pytest.fixture
def owner(tmp_path: Path, postgres_url: str) -> Iterator[Journal]:
    place = Place(tmp_path / f"shared-{uuid.uuid4().hex[:8]}", postgres_url)
    definition = {"tasks": {"main": {"cost": 2.0}}}
    with place.create(definition=definition, budget={"amount": 5.0, "unit": "node-hours"}) as journal:
        yield journal


@pytest.fixture
def client_url(owner: Journal, postgres_url: str) -> str:
    """A database user who was admitted to the campaign."""
    role = f"pi-{uuid.uuid4().hex[:8]}"
    engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f'CREATE ROLE "{role}" LOGIN'))
    owner.admit(role)
    return postgres_url.replace("aisteer@", f"{role}@")


@pytest.fixture
def client(owner: Journal, client_url: str) -> Iterator[Journal]:
    with Journal.open(owner.folder, url=client_url) as journal:
        yield journal


@pytest.fixture
def served(owner: Journal) -> Iterator[None]:
    """The driver answers."""
    stop = threading.Event()

    def serve() -> None:
        while not stop.wait(0.01):
            owner.serve()

    serving = threading.Thread(target=serve)
    serving.start()
    yield
    stop.set()
    serving.join()


@pytest.mark.usefixtures("served")
def test_a_client_decides_and_proposes_by_the_same_calls(owner: Journal, client: Journal) -> None:
    propose(owner, 1.0, 2.0, 3.0)
    client.refresh()
    receipt = client.submit(accept(client, "P1", reason="promising"))
    decision = client.state.proposals["P1"].decision
    assert decision is not None
    assert receipt.position == decision.position
    assert (decision.by.name[:3], decision.by.identity) == ("pi-", "verified:postgresql")
    client.submit(c.Reject(actor=PI, proposal="P2", revision=client.state.proposals["P2"].revision))
    client.submit(c.Undo(actor=PI, proposal="P2", revision=client.state.proposals["P2"].revision))
    edit = c.Edit(
        actor=PI, proposal="P3", revision=client.state.proposals["P3"].revision, parameters={"x": 9.0}
    )
    client.submit(edit)
    assert client.submit(edit).events == client.submit(edit).events
    assert propose(client, 7.0) == ["P5"]
    owner.refresh()
    assert owner.state == client.state == plain(owner)
    assert owner.state.proposals["P2"].state == "waiting"
    assert owner.state.proposals["P4"].parameters == {"x": 9.0}


@pytest.mark.usefixtures("served")
def test_the_gate_refuses_a_client_as_it_refuses_anybody(owner: Journal, client: Journal) -> None:
    propose(owner, 1.0, 2.0)
    client.refresh()
    stale = accept(client, "P1")
    owner.submit(c.Reject(actor=ADA, proposal="P1", revision=stale.revision))
    with pytest.raises(StaleRevision, match="rejected by ada"):
        client.submit(stale)
    with pytest.raises(UnknownName):
        client.submit(c.Accept(actor=PI, proposal="P99", revision=1))
    with pytest.raises(BudgetExceeded):
        client.submit(c.Propose(actor=PI, drafts=[draft(8.0, cost=6.0)], accept=True))


@pytest.mark.usefixtures("served")
def test_a_client_does_not_set_the_price_of_a_run(client: Journal) -> None:
    (name,) = propose(client, 4.0, accept=False)
    client.submit(c.Propose(actor=PI, drafts=[draft(5.0, cost=0.0)]))
    assert client.state.proposals[name].cost == 2.0
    assert client.state.proposals["P2"].cost == 2.0
    client.submit(c.Propose(actor=PI, drafts=[draft(6.0, cost=0.0, resources={"nodes": 10})]))
    assert client.state.proposals["P3"].cost == 20.0
    with pytest.raises(AisteerError, match="nodes must be a whole number"):
        client.submit(c.Propose(actor=PI, drafts=[draft(7.0, resources={"nodes": -10})]))


@pytest.mark.parametrize(
    "act",
    [
        lambda journal: journal.submit(launch(1, "P1")),
        lambda journal: journal.submit(c.SetBudget(actor=PI, budget=None)),
        lambda journal: journal.submit(c.SetAutonomy(actor=PI, rule={"kind": "accept"})),
        lambda journal: journal.take_lease({}, DRIVER, patience=0.0),
        lambda journal: journal.rebuild(),
        lambda journal: journal.admit("me"),
    ],
    ids=["launch", "budget", "autonomy", "lease", "rebuild", "admit"],
)
def test_a_client_does_nothing_else(client: Journal, act: Callable[[Journal], object]) -> None:
    with pytest.raises(JournalReadOnly, match="may only decide"):
        act(client)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO events VALUES (2, 0, 'note.written', 1, '[]', NULL, '{{}}', 0)",
        "UPDATE head SET position = 0",
        "SELECT * FROM head FOR UPDATE",
        "DELETE FROM events",
        "INSERT INTO launches VALUES ('P1', 1)",
        "UPDATE lease SET epoch = 99",
        "INSERT INTO inbox (id, by, verb, body) VALUES ('x', 'ada', 'decide', '')",
        "UPDATE inbox SET answer = NULL",
        "CREATE TABLE mine (x int)",
        "CREATE OR REPLACE FUNCTION decide(command text, body text) RETURNS void LANGUAGE sql AS $$ $$",
        "DROP FUNCTION propose(text, text)",
    ],
)
def test_the_database_itself_refuses_a_client(owner: Journal, client_url: str, statement: str) -> None:
    engine = create_engine(client_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f'SET search_path TO "{schema_for(owner.folder)}"')
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
            connection.exec_driver_sql(statement.replace("{{", "{").replace("}}", "}"))


def test_who_was_not_admitted_sees_nothing(owner: Journal, postgres_url: str) -> None:
    engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    role = f"stranger-{uuid.uuid4().hex[:8]}"
    with engine.begin() as connection:
        connection.execute(text(f'CREATE ROLE "{role}" LOGIN'))
    with pytest.raises(JournalReadOnly, match=r"journal\.admit"):
        Journal.open(owner.folder, url=postgres_url.replace("aisteer@", f"{role}@"))


HOSTILE = [
    "no json", "[]", "null", "{}", '{"drafts": 5}', '{"drafts": [{"task": "main"}]}',
    '{"drafts": [{"task": "main", "parameters": {}, "action": "rm"}]}',
    '{"drafts": [{"task": ["main"], "parameters": {"x": NaN}}]}',
    '{"verdict": "accept", "proposal": "P1", "revision": "now"}',
    '{"verdict": "launch", "proposal": "P1", "revision": 2}',
    '{"verdict": "edit", "proposal": "P1", "revision": 4, "parameters": 7}',
    '{"verdict": "accept", "proposal": "P1", "revision": 1e400}',
]  # fmt: skip


@pytest.mark.parametrize("verb", ["decide", "propose"])
def test_a_request_that_makes_no_sense_is_answered_and_stops_nothing(
    owner: Journal, client: Journal, verb: str
) -> None:
    propose(owner, 1.0)
    position = owner.position
    for n, body in enumerate(HOSTILE):
        with client.calling() as connection:
            connection.execute(text(f"SELECT {verb}(:id, :body)"), {"id": f"{verb}{n}", "body": body})
    assert owner.serve() == len(HOSTILE)
    assert owner.serve() == 0
    with owner.reading() as connection:
        answers = [json.loads(a) for (a,) in connection.execute(text("SELECT answer FROM inbox"))]
    assert [answer["error"] for answer in answers] == ["Refused"] * len(HOSTILE)
    assert owner.position == position


def test_a_request_waits_for_the_driver(owner: Journal, client: Journal) -> None:
    propose(owner, 1.0)
    client.refresh()
    client._database.patience = 0.1
    command = accept(client, "P1")
    with pytest.raises(JournalUnavailable, match="recorded"):
        client.submit(command)
    assert owner.serve() == 1
    assert client.submit(command).events
    assert client.state.proposals["P1"].state == "accepted"


def test_a_journal_in_a_file_has_no_clients(on_disk: Place) -> None:
    with on_disk.create() as journal:
        assert journal.serve() == 0
        with pytest.raises(NotSupported, match="PostgreSQL"):
            journal.admit("bob")
