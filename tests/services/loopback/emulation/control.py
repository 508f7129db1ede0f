"""What a test may ask of the emulated service: faults, and what it heard."""

from __future__ import annotations

import time
import uuid

from flask import Flask, Response, jsonify, request
from globus_compute_common import messagepack
from globus_compute_common.messagepack.message_types import Result

from tests.services.loopback.emulation.limits import Faults, Throttle
from tests.services.loopback.emulation.records import Records
from tests.services.loopback.emulation.service import Service


class Control:
    """The addresses below ``/loopback/``."""

    def __init__(self, service: Service, records: Records) -> None:
        self._service, self._records = service, records

    def add(self, app: Flask) -> None:
        """Add all addresses to the application."""
        for method, rule, view in (
            ("GET", "alive", self.alive),
            ("GET", "requests", self.requests),
            ("GET", "dropped", self.dropped),
            ("POST", "behave", self.behave),
            ("POST", "faults", self.faults),
            ("POST", "expire-tokens", self.expire_tokens),
            ("POST", "strangers-endpoint", self.stranger),
            ("POST", "tasks/<task>/forge", self.forge),
            ("GET", "endpoints/<endpoint>/heartbeat", self.heartbeat),
            ("POST", "endpoints/<endpoint>/metadata", self.pretend),
        ):
            app.add_url_rule(f"/loopback/{rule}", rule, view, methods=[method])

    def alive(self) -> Response:
        return jsonify({"alive": True})

    def requests(self) -> Response:
        since = float(request.args.get("since", 0))
        return jsonify([one for one in list(self._service.requests) if one["time"] >= since])

    def dropped(self) -> Response:
        return jsonify({"count": self._service.faults.dropped})

    def behave(self) -> Response:
        self._service.faults, self._service.throttle = Faults(), Throttle()
        return jsonify({})

    def faults(self) -> Response:
        now, asked, current = time.monotonic(), request.get_json(), self._service.faults
        current.matching = asked.get("matching", current.matching)
        if "status" in asked:
            current.status, current.answering_until = asked["status"], now + asked["seconds"]
        if "delay" in asked:
            current.delay, current.slow_until = asked["delay"], now + asked["seconds"]
        if "drop" in asked:
            current.dropping_until = now + asked["drop"]
        if "retention" in asked:
            current.retention = asked["retention"]
        return jsonify({})

    def expire_tokens(self) -> Response:
        self._service.identity.expire()
        return jsonify({})

    def stranger(self) -> Response:
        endpoint = str(uuid.uuid4())
        self._records.put("endpoints", endpoint, {"endpoint_name": "theirs", "owner": str(uuid.uuid4())})
        return jsonify({"endpoint": endpoint})

    def forge(self, task: str) -> Response:
        result = messagepack.pack(Result(task_id=task, data=request.get_json()["data"]))
        self._service.routing.send(self._service.tasks.finished(result, again=False))
        return jsonify({})

    def heartbeat(self, endpoint: str) -> Response:
        return jsonify({"time": self._service.endpoints.last_heartbeat(endpoint)})

    def pretend(self, endpoint: str) -> Response:
        known = self._records.get("endpoints", endpoint) or {}
        metadata = {**known.get("metadata", {}), **request.get_json()}
        self._records.change("endpoints", endpoint, metadata=metadata)
        return jsonify({})
