"""The addresses of the web service, and what is done there."""

from __future__ import annotations

import uuid

from flask import Flask, Response, jsonify, request
from globus_compute_sdk.version import __version__ as version

from tests.services.loopback.emulation.identity import AUTH
from tests.services.loopback.emulation.routing import TASK_GROUP
from tests.services.loopback.emulation.service import Refused, Service


class Addresses:
    """What SDK and agent ask for. The words of the answers are those that both expect."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._identity, self._endpoints, self._tasks = service.identity, service.endpoints, service.tasks

    def add(self, app: Flask) -> None:
        """Add all addresses to the application."""
        for method, rule, view in (
            ("POST", "/v2/oauth2/token", self.token),
            ("POST", "/v2/oauth2/token/revoke", self.revoke),
            ("GET", "/v2/oauth2/authorize", self.authorize),
            ("GET", "/v2/oauth2/userinfo", self.userinfo),
            ("GET", "/.well-known/openid-configuration", self.openid),
            ("GET", "/jwk.json", self.keys),
            ("GET", "/v2/version", self.versions),
            ("POST", "/v3/endpoints", self.register_endpoint),
            ("PUT", "/v3/endpoints/<endpoint>", self.register_endpoint),
            ("GET", "/v2/endpoints", self.endpoints),
            ("GET", "/v2/endpoints/<endpoint>", self.endpoint),
            ("GET", "/v2/endpoints/<endpoint>/status", self.status),
            ("GET", "/v3/endpoints/<endpoint>/allowed_functions", self.allowed_functions),
            ("POST", "/v3/functions", self.register_function),
            ("GET", "/v2/functions/<function>", self.function),
            ("POST", "/v3/endpoints/<endpoint>/submit", self.submit),
            ("GET", "/v2/tasks/<task>", self.task),
            ("POST", "/v2/batch_status", self.batch),
            ("GET", "/v2/taskgroup/<group>", self.group),
            ("GET", "/v2/get_amqp_result_connection_url", self.results),
        ):
            app.add_url_rule(rule, f"{method} {rule}".replace(".", "_"), view, methods=[method])

    # Globus Auth.

    def token(self) -> Response:
        who = request.authorization
        client, secret = (who.username, who.password) if who else (None, None)
        return jsonify(self._identity.grant(request.form, client, secret))

    def revoke(self) -> Response:
        self._identity.revoke(request.form["token"])
        return jsonify({"active": False})

    def authorize(self) -> str:
        name, code = self._identity.person.name, self._identity.authorize(request.args)
        return f"<p>Signed in as {name}.</p><p>Your code: <code>{code}</code></p>"

    def userinfo(self) -> Response:
        self._identity.client_of(request.headers.get("Authorization"), AUTH)
        claims = self._identity.person.claims()
        return jsonify({**claims, "identity_set": [claims]})

    def openid(self) -> Response:
        signed = {"id_token_signing_alg_values_supported": ["RS256"]}
        return jsonify({"issuer": request.host_url, "jwks_uri": f"{request.host_url}jwk.json", **signed})

    def keys(self) -> Response:
        return jsonify(self._identity.keys())

    # Endpoints.

    def versions(self) -> Response:
        return jsonify({"api": version, "min_sdk_version": "2.0.0", "min_ep_version": "2.0.0"})

    def register_endpoint(self, endpoint: str | None = None) -> Response:
        if endpoint is not None and self._endpoints.get(endpoint) is not None:
            self._service.ours(endpoint)
        name, document = endpoint or str(uuid.uuid4()), request.get_json()
        owner = self._identity.person.subject
        return jsonify(self._endpoints.register(name, document, self._service.routing, owner))

    def endpoints(self) -> Response:
        everybody = request.args.get("role") == "any"
        return jsonify(self._endpoints.listing(None if everybody else self._identity.person.subject))

    def endpoint(self, endpoint: str) -> Response:
        return jsonify(self._endpoints.describe(endpoint, self._service.ours(endpoint)))

    def status(self, endpoint: str) -> Response:
        self._service.ours(endpoint)
        return jsonify(self._endpoints.status(endpoint))

    def allowed_functions(self, endpoint: str) -> Response:
        functions = self._service.ours(endpoint).get("allowed_functions") or []
        return jsonify({"endpoint_id": endpoint, "restricted": bool(functions), "functions": functions})

    # Functions and tasks.

    def register_function(self) -> Response:
        return jsonify({"function_uuid": self._tasks.register_function(request.get_json())})

    def function(self, function: str) -> Response:
        return jsonify({"function_uuid": function, **self._tasks.function(function)})

    def submit(self, endpoint: str) -> Response:
        known, document, routing = self._service.ours(endpoint), request.get_json(), self._service.routing
        allowed = known.get("allowed_functions")
        if allowed and not set(document["tasks"]) <= set(allowed):
            raise Refused(403, "FUNCTION_NOT_PERMITTED", f"Function not permitted on endpoint {endpoint}")
        group = document.get("task_group_id") or str(uuid.uuid4())
        if document.get("create_queue"):
            routing.declare(TASK_GROUP + group)
        config, runtime = document.get("user_endpoint_config") or {}, document.get("user_runtime") or {}
        own, command = self._endpoints.for_user(endpoint, config, runtime, routing)
        ids, messages = self._tasks.accept(document, group, own)
        routing.send([command, *messages])
        answer = {"tasks": ids, "task_group_id": group, "endpoint_id": endpoint}
        return jsonify({**answer, "request_id": str(uuid.uuid4())})

    def task(self, task: str) -> Response:
        return jsonify(self._tasks.told(task))

    def batch(self) -> Response:
        return jsonify({"results": self._tasks.told_of(request.get_json()["task_ids"])})

    def group(self, group: str) -> Response:
        ids = self._tasks.group(group)
        self._service.routing.declare(TASK_GROUP + group)
        return jsonify({"taskgroup_id": group, "tasks": [{"id": task} for task in ids]})

    def results(self) -> Response:
        return jsonify({"queue_prefix": TASK_GROUP, "connection_url": self._service.routing.url})
