"""What every request passes on its way in and out: faults, credentials, limits; the words of a refusal."""

from __future__ import annotations

import secrets
import time

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from tests.services.loopback.emulation.identity import COMPUTE, Denied
from tests.services.loopback.emulation.limits import PAYLOAD
from tests.services.loopback.emulation.routing import BrokerUnreachable
from tests.services.loopback.emulation.service import Refused, Service
from tests.services.loopback.emulation.tasks import Unknown

_OPEN = ("/v2/oauth2/", "/.well-known/", "/jwk.json")
"""Addresses that ask for no token of the service: one gets it there, or shows another one."""

_CONTROL = "/loopback/"


def guard(app: Flask, service: Service, key: str) -> None:
    """Put the gate before every address of the application; ``key`` opens the control's."""

    @app.before_request
    def admit() -> None:
        request.get_data()  # a refusal is only heard by who could say everything
        if not request.path.startswith(_CONTROL):
            _admit(service)
        elif not secrets.compare_digest(request.headers.get("X-Loopback", ""), key):
            raise Refused(401, "WRONG_KEY", "This part of the loopback has a secret of its own")

    @app.after_request
    def remember(response: Response) -> Response:
        if not request.path.startswith(_CONTROL):
            asked = {"client": g.get("client"), "method": request.method, "path": request.path}
            service.requests.append({"time": time.time(), **asked, "status": response.status_code})
        return response

    app.register_error_handler(Exception, _explain)


def _admit(service: Service) -> None:
    path = request.path
    service.expire()
    service.faults.linger(path)
    if (status := service.faults.answer(path)) is not None:
        raise Refused(status, "UNKNOWN_ERROR", "An unknown error occurred (a test asked for it)")
    if path.startswith(_OPEN):
        return
    g.client = service.identity.client_of(request.headers.get("Authorization"), COMPUTE)
    if not service.throttle.admit(g.client):
        raise Refused(429, "MAX_REQUESTS_EXCEEDED", "Too many requests: 20 in 10 seconds are allowed")
    if len(request.get_data()) > PAYLOAD:
        raise Refused(413, "PAYLOAD_TOO_LARGE", f"The request is larger than {PAYLOAD} bytes")


def _explain(why: Exception) -> tuple[Response, int]:
    match why:
        case Refused():
            status, code = why.status, why.code
        case Denied():
            status, code = 401, "USER_UNAUTHENTICATED"
        case Unknown():
            status, code = 404, why.code
        case BrokerUnreachable():
            status, code = 503, "SERVICE_UNAVAILABLE"
        case HTTPException():
            status, code = why.code or 500, why.name.upper().replace(" ", "_")
        case _:
            raise why  # a fault of ours, not one that was asked for: its traceback goes into the log
    said = {"status": "Failed", "code": code, "http_status_code": status}
    return jsonify({**said, "reason": str(why), "message": str(why)}), status
