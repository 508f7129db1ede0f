"""A real RabbitMQ: own ports, own folders, own Erlang port mapper, random credentials."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.services.loopback.part import Part
from tests.services.ports import free_port
from tests.services.system import need

# An AMQP client opens with its protocol's name; a broker that is up answers with a frame of its own.
_GREETING = b"AMQP\x00\x00\x09\x01"


class Broker(Part):
    """RabbitMQ on 127.0.0.1. What its durable queues hold outlives a restart, a kill and a cut."""

    def __init__(self, folder: Path) -> None:
        super().__init__("broker", folder, grace=15.0)
        self.port = free_port()
        self._mapper, self._distribution = free_port(), free_port()
        self._user, self._password = f"aisteer-{secrets.token_hex(4)}", secrets.token_hex(16)
        (self.folder / "plugins").write_text("[].\n")
        # Erlang terms, because RabbitMQ takes half a second longer to translate its newer format into them.
        (self.folder / "rabbitmq.config").write_text(
            f'[{{rabbit, [{{tcp_listeners, [{{"127.0.0.1", {self.port}}}]}},\n'
            f"  {{default_user, <<{json.dumps(self._user)}>>}}, {{default_pass, <<{json.dumps(self._password)}>>}},\n"
            "  {disk_free_limit, 1000000}]}].\n"
        )

    @property
    def url(self) -> str:
        """What clients connect with, credentials included."""
        return f"amqp://{self._user}:{self._password}@127.0.0.1:{self.port}/%2F"

    def command(self) -> Sequence[str | Path]:
        return [need("rabbitmq-server")]

    def environment(self) -> Mapping[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._mapper),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_NODENAME": "aisteer@localhost",
            # Its starter then becomes the server instead of staying as a shell in front of it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def ready(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(_GREETING)
            return bool(connection.recv(8))
        return False
