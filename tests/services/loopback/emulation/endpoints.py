"""Endpoints as the service sees them: registered, heard of by their heartbeats, started for users on demand."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from globus_compute_common import messagepack
from globus_compute_common.messagepack.message_types import EPStatusReport

from tests.services.loopback.emulation.identity import Person
from tests.services.loopback.emulation.records import Record, Records
from tests.services.loopback.emulation.routing import HEARTBEATS, RESULTS, Message, Routing

_BEATS_MISSED = 2.5
"""An endpoint that has been silent for so many of its heartbeats' periods is offline."""


class Endpoints:
    """The endpoints of the service.

    A *user endpoint* is what an endpoint's agent starts for one person and one ``user_endpoint_config``; it has an id
    and a queue of tasks of its own.
    """

    def __init__(self, records: Records, person: Person) -> None:
        self._records, self._person = records, person

    def get(self, endpoint: str) -> Record | None:
        """What was registered."""
        return self._records.get("endpoints", endpoint)

    def register(self, endpoint: str, document: Record, routing: Routing, owner: str) -> dict[str, Any]:
        """Keep an agent's registration; what it is told in return."""
        self._records.put("endpoints", endpoint, {**document, "owner": owner})
        routing.declare(f"{endpoint}.commands")
        return {
            "endpoint_id": endpoint,
            "command_queue_info": routing.queue(f"{endpoint}.commands"),
            "heartbeat_queue_info": routing.queue(HEARTBEATS, HEARTBEATS),
        }

    def listing(self, owner: str | None) -> list[dict[str, Any]]:
        """The endpoints that agents registered, of one owner or of all."""
        return [
            {
                "uuid": endpoint,
                "name": known["endpoint_name"],
                "display_name": known.get("display_name"),
                "owner": known["owner"],
            }
            for endpoint, known in self._records.items("endpoints")
            if "parent" not in known and owner in {None, known["owner"]}
        ]

    def describe(self, endpoint: str, known: Record) -> dict[str, Any]:
        """The document of an endpoint: what its agent said of itself, the template's schema included."""
        told = {
            name: value for name, value in known.items() if name not in {"endpoint_name", "metadata", "owner"}
        }
        named = {"uuid": endpoint, "name": known["endpoint_name"], "owner_id": known["owner"]}
        return {**told, **known.get("metadata", {}), **named}

    def status(self, endpoint: str) -> dict[str, Any]:
        """Whether it is online, and what its last heartbeat said."""
        details = (self._records.get("beats", endpoint) or {}).get("state", {})
        return {"status": "online" if self.online(endpoint) else "offline", "details": details}

    def online(self, endpoint: str) -> bool:
        """Whether its heart beats."""
        last = self._records.get("beats", endpoint)
        if last is None:
            return False
        state = last["state"]
        period = float(state.get("heartbeat_period", 0.0))
        alive = period > 0 and state.get("active", True) and "error" not in state
        return bool(alive and time.time() - last["time"] < _BEATS_MISSED * period)

    def last_heartbeat(self, endpoint: str) -> float:
        """When it was last heard of, as ``time.time()``; 0 when never."""
        return float((self._records.get("beats", endpoint) or {}).get("time", 0.0))

    def heard(self, body: bytes) -> tuple[str, str | None]:
        """Take a heartbeat; whose it was, and the error with which it could not start, if that is what it says."""
        report = messagepack.unpack(body)
        assert isinstance(report, EPStatusReport)
        endpoint = str(report.endpoint_id)
        state = json.loads(json.dumps(report.global_state, default=str))
        self._records.put("beats", endpoint, {"time": time.time(), "state": state})
        return endpoint, report.global_state.get("error")

    def for_user(
        self, endpoint: str, config: dict[str, Any], runtime: dict[str, Any], routing: Routing
    ) -> tuple[str, Message]:
        """The user endpoint that serves this configuration, and the command that makes sure that it runs.

        The command goes out with every submission: the agent knows what runs, the service only what it last heard.
        """
        said = json.dumps([self._person.subject, config], sort_keys=True)
        own = str(uuid.uuid5(uuid.UUID(endpoint), said))
        name = f"uep.{endpoint}.{own[:8]}"
        routing.declare(f"{own}.tasks")
        with self._records.lock:
            if self.get(own) is None:
                known = {"endpoint_name": name, "parent": endpoint, "owner": self._person.subject}
                self._records.put("endpoints", own, known)
        who = {"sub": self._person.subject, "username": self._person.name}
        command = {
            "command": "cmd_start_endpoint",
            "args": [],
            "globus_effective_identity": self._person.subject,
            "globus_username": self._person.name,
            "globus_identity_set": [who],
            "kwargs": {
                "name": name,
                "user_opts": config,
                "user_runtime": runtime,
                "amqp_creds": {
                    "endpoint_id": own,
                    "task_queue_info": routing.queue(f"{own}.tasks"),
                    "result_queue_info": routing.queue(RESULTS, RESULTS),
                    "heartbeat_queue_info": routing.queue(HEARTBEATS, HEARTBEATS),
                },
            },
        }
        body = json.dumps(command).encode()
        return own, Message(f"{endpoint}.commands", body, content_type="application/json")
