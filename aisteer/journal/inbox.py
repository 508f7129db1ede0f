"""Clients of a journal on PostgreSQL, who can look, ``decide`` and ``propose``, and nothing else.

The owner of the schema admits a role (``Journal.admit``). That role may read the tables and call two
functions of the database; they put a request, under the name of the session's user, into a table that
the client cannot write itself. The driver gives the requests to the gate (``Journal.serve``) like any
other command and leaves the answer beside them. So nothing a client does can skip the gate.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from aisteer import errors
from aisteer.errors import AisteerError, JournalReadOnly, JournalUnavailable, NotSupported, Refused
from aisteer.journal import commands as c
from aisteer.journal.events import Actor
from aisteer.journal.state import estimate_cost

if TYPE_CHECKING:
    from aisteer.journal.store import Journal, Receipt

__all__ = ["admit", "ask", "make", "serve"]

Json = dict[str, Any]
LOOK = 0.05
_DRAFTED = {"task", "parameters", "action", "run", "restart", "resources", "reason", "cost"}

_MAKE = """
CREATE TABLE IF NOT EXISTS inbox (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE, by text NOT NULL, verb text NOT NULL, body text NOT NULL, answer text
);
CREATE INDEX IF NOT EXISTS inbox_open ON inbox (number) WHERE answer IS NULL;
"""
_FUNCTION = """
CREATE OR REPLACE FUNCTION {verb}(command text, body text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
    INSERT INTO inbox (id, by, verb, body) VALUES (command, session_user, '{verb}', body)
    ON CONFLICT (id) DO NOTHING
$$;
REVOKE ALL ON FUNCTION {verb}(text, text) FROM PUBLIC;
"""
_ADMIT = """
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT EXECUTE ON FUNCTION decide(text, text), propose(text, text) TO {role};
"""
_OPEN = text("SELECT number, id, by, verb, body FROM inbox WHERE answer IS NULL ORDER BY number LIMIT 100")
_ANSWER = text("UPDATE inbox SET answer = :answer WHERE number = :number")
_READ = text("SELECT answer FROM inbox WHERE id = :id")
_ASK = {verb: text(f"SELECT {verb}(:id, :body)") for verb in ("decide", "propose")}


def make(connection: Connection, schema: str) -> None:
    """Make the table and the two functions."""
    connection.exec_driver_sql(_MAKE)
    for verb in ("decide", "propose"):
        connection.exec_driver_sql(_FUNCTION.format(verb=verb, schema=schema))


def admit(connection: Connection, schema: str, role: str) -> None:
    """Let ``role`` look, decide and propose."""
    quoted = '"' + role.replace('"', '""') + '"'
    connection.exec_driver_sql(_ADMIT.format(schema=schema, role=quoted))


# --- the client's side ------------------------------------------------------------------------


def _said(command: c.Command) -> tuple[str, Json]:
    """The verb and body of a request."""
    if isinstance(command, c.Propose) and command.epoch is None:
        drafts = [{k: v for k, v in asdict(draft).items() if k in _DRAFTED} for draft in command.drafts]
        return "propose", {
            "drafts": drafts, "repeat": command.repeat, "accept": command.accept, "hold": command.hold
        }  # fmt: skip
    body: Json
    if isinstance(command, c.Accept):
        body = {
            "verdict": "accept",
            "hold": command.hold,
            "reason": command.reason,
            "evidence": command.evidence,
        }
    elif isinstance(command, c.Reject):
        body = {"verdict": "reject", "reason": command.reason}
    elif isinstance(command, c.Edit):
        body = {"verdict": "edit", "parameters": command.parameters, "reason": command.reason}
    elif isinstance(command, c.Undo):
        body = {"verdict": "undo"}
    else:
        word = type(command).__name__
        message = f"{word} was not sent: this database user may only decide on proposals and propose."
        raise JournalReadOnly(message + " Ask the campaign's owner, or open it as the owner.", command=word)
    return "decide", {**body, "proposal": command.proposal, "revision": command.revision}


def ask(journal: Journal, command: c.Command, patience: float) -> Receipt:
    """Send a command to whoever drives the campaign, and wait for the answer.

    Raises:
        Refused: The gate said no.
        JournalUnavailable: Nobody answered in time; the request stands and will be answered.
    """
    verb, body = _said(command)
    with journal.calling() as connection:
        connection.execute(_ASK[verb], {"id": command.id, "body": json.dumps(body)})
    deadline = time.monotonic() + patience
    while True:
        with journal.reading() as connection:
            answer = connection.execute(_READ, {"id": command.id}).scalar()
        if answer is not None:
            break
        if time.monotonic() > deadline:
            message = "Your request is recorded, but the campaign's driver has not answered yet; it will when it runs."
            raise JournalUnavailable(message + " Nothing is lost: look again later, or repeat the same call.")
        time.sleep(LOOK)
    journal.refresh()
    said = json.loads(answer)
    if "error" in said:
        kind = getattr(errors, str(said["error"]), Refused)
        raise kind(said["message"])
    return journal.receipt(command.id, said["position"])


# --- the owner's side -------------------------------------------------------------------------


def _command(journal: Journal, identity: str, by: str, verb: str, body: str) -> c.Command:
    """The command of a request. Whatever it holds, it is data: only what a client may ask is taken from it.

    Raises:
        Refused: It cannot be understood.
    """
    actor = Actor("human", by, "verified:postgresql")
    try:
        said = json.loads(body)
        hold = min(max(float(said.get("hold", 0.0)), 0.0), 3600.0)
        reason = str(said.get("reason", ""))
        if verb == "propose":
            drafts = [_draft(journal, draft) for draft in said["drafts"]]
            repeat, accept = (bool(said.get(name)) for name in ("repeat", "accept"))
            return c.Propose(actor=actor, id=identity, drafts=drafts, hold=hold, repeat=repeat, accept=accept)
        about: dict[str, Any] = {"proposal": str(said["proposal"]), "revision": int(said["revision"])}
        about |= {"actor": actor, "id": identity}
        verdict = said["verdict"]
        if verdict == "accept":
            evidence = said.get("evidence")
            evidence = evidence if isinstance(evidence, dict) else None
            return c.Accept(**about, hold=hold, reason=reason, evidence=evidence)
        if verdict == "reject":
            return c.Reject(**about, reason=reason)
        if verdict == "edit":
            return c.Edit(**about, parameters=dict(said["parameters"]), reason=reason)
        if verdict == "undo":
            return c.Undo(**about)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise Refused(f"The request could not be understood ({type(error).__name__}: {error}).") from error
    raise Refused(f"There is no verdict {verdict!r}: accept, reject, edit or undo.")


def _draft(journal: Journal, said: Json) -> c.Draft:
    given = {name: said[name] for name in _DRAFTED & said.keys()}
    given["parameters"] = dict(given["parameters"])
    if given.setdefault("action", "start") not in {"start", "stop", "extend", "branch"}:
        raise ValueError(f"there is no action {given['action']!r}")
    # A client does not set the price of a run below what the campaign takes it to be.
    state = journal.state
    task = str(given["task"])
    usual = estimate_cost(state.definition["tasks"][task], state, task, given.get("resources"))
    given["cost"] = 0.0 if given["action"] == "stop" else max(float(given.get("cost", 0.0)), usual)
    return c.Draft(origin="human", **given)


def serve(journal: Journal, check: Callable[[c.Command], None] | None = None) -> int:
    """Give the open requests to the gate; how many were answered. See ``Journal.serve``."""
    with journal.reading() as connection:
        rows = connection.execute(_OPEN).all()
    for number, identity, by, verb, body in rows:
        answer: Json
        try:
            command = _command(journal, identity, by, verb, body)
            if check is not None:
                check(command)
            answer = {"position": journal.submit(command).position}
        except (JournalUnavailable, JournalReadOnly):
            raise  # it stays open, and is answered by whoever can
        except AisteerError as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        except Exception as error:  # one request must not keep the others from being answered
            logging.getLogger(__name__).exception("a client's request failed")
            message = f"The request failed ({type(error).__name__}). Nothing was written."
            answer = {"error": "Refused", "message": message}
        with journal.writing(durable=False) as writing:
            writing.connection.execute(_ANSWER, {"answer": json.dumps(answer), "number": number})
    return len(rows)


def not_here(journal: Journal) -> NotSupported:
    """The error for a journal in a file."""
    return NotSupported(
        f"{journal.where} is a file: who can write it can do everything. Clients that may only decide and propose "
        "need the journal on PostgreSQL."
    )
