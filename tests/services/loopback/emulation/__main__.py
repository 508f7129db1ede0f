"""Serves the emulated web service; what it needs to know is in the JSON file that its argument names."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.services.loopback.emulation.addresses import Addresses
from tests.services.loopback.emulation.control import Control
from tests.services.loopback.emulation.endpoints import Endpoints
from tests.services.loopback.emulation.gate import guard
from tests.services.loopback.emulation.identity import Identity, Person
from tests.services.loopback.emulation.records import Records
from tests.services.loopback.emulation.service import Service
from tests.services.loopback.emulation.tasks import Tasks


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept between requests

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: what was asked for is remembered by the gate."""


def main() -> None:
    """Serve until the process is ended."""
    told = json.loads(Path(sys.argv[1]).read_text())
    logging.basicConfig(level=logging.WARNING)
    records = Records(Path(told["records"]))
    person = Person(**told["person"])
    identity = Identity(records, told["clients"], person, told["url"])
    service = Service(identity, Endpoints(records, person), Tasks(records), told["broker"])
    app = Flask(__name__)
    guard(app, service, told["key"])
    Addresses(service).add(app)
    Control(service, records).add(app)
    make_server("127.0.0.1", told["port"], app, threaded=True, request_handler=_Handler).serve_forever()


if __name__ == "__main__":
    main()
