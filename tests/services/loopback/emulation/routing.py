"""The service's side of the message queues: tasks and commands out, results and heartbeats in."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

RESULTS, HEARTBEATS = "results", "heartbeats"
TASK_GROUP = "tg."
"""What the name of a task group's queue of results begins with."""

_PERSISTENT = 2
_log = logging.getLogger("emulation.routing")


class BrokerUnreachable(Exception):
    """The broker could not be reached in time."""


@dataclass(frozen=True)
class Message:
    """One message to send: to a queue, through the default exchange."""

    queue: str
    body: bytes
    headers: dict[str, Any] = field(default_factory=dict)
    content_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Received:
    """One message that an endpoint sent."""

    source: str
    body: bytes
    again: bool
    """It was delivered before, perhaps to a process of the service that is no more."""


class Routing:
    """Sends for the web service, and listens to the endpoints on a thread of its own."""

    def __init__(
        self, url: str, heard: Callable[[Received], Sequence[Message]], patience: float = 45.0
    ) -> None:
        self.url = url
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = 0  # connections are idle for as long as nobody asks for anything
        self._heard = heard
        self._patience = patience
        self._lock = threading.Lock()
        self._channel: BlockingChannel | None = None
        self._declared: set[str] = set()
        threading.Thread(target=self._listen, name="listen", daemon=True).start()

    def queue(self, name: str, exchange: str = "") -> dict[str, Any]:
        """What an endpoint is told about a queue: where it is, and how to publish to it."""
        told: dict[str, Any] = {"connection_url": self.url, "queue": name, "exchange": exchange}
        if exchange:
            told["queue_publish_kwargs"] = {
                "exchange": exchange,
                "routing_key": name,
                "mandatory": True,
                "properties": {"delivery_mode": _PERSISTENT},
            }
        return told

    def declare(self, name: str) -> None:
        """Make sure that a queue exists.

        Raises:
            BrokerUnreachable: For as long as this is patient.
        """
        if name not in self._declared:
            self._with_channel(lambda channel: channel.queue_declare(name, durable=True))
            self._declared.add(name)

    def purge(self, name: str) -> None:
        """Remove what waits in a queue for somebody to come."""
        self.declare(name)
        self._with_channel(lambda channel: channel.queue_purge(name))

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages; they have arrived at the broker when this returns.

        Raises:
            BrokerUnreachable: For as long as this is patient.
        """

        def publish(channel: BlockingChannel) -> None:
            for message in messages:
                _publish(channel, message)
            channel.basic_qos()  # answered after everything before it was taken

        self._with_channel(publish)

    def _with_channel(self, act: Callable[[BlockingChannel], object]) -> None:
        deadline = time.monotonic() + self._patience
        with self._lock:
            while True:
                try:
                    if self._channel is None or self._channel.is_closed:
                        self._channel = pika.BlockingConnection(self._parameters).channel()
                    act(self._channel)
                except (AMQPError, OSError) as why:
                    self._channel = None
                    if time.monotonic() > deadline:
                        raise BrokerUnreachable(str(why) or type(why).__name__) from why
                    time.sleep(0.1)
                else:
                    return

    def _listen(self) -> None:
        while True:
            try:
                channel = pika.BlockingConnection(self._parameters).channel()
                for name in (RESULTS, HEARTBEATS):
                    channel.exchange_declare(name, "direct", durable=True)
                    channel.queue_declare(name, durable=True)
                    channel.queue_bind(name, name, name)
                    channel.basic_consume(name, self._receive)
                channel.basic_qos(prefetch_count=256)
                channel.start_consuming()
            except (AMQPError, OSError):
                time.sleep(0.1)

    def _receive(self, channel: BlockingChannel, method: Any, _properties: object, body: bytes) -> None:
        try:
            answers = self._heard(Received(method.routing_key, body, method.redelivered))
        except Exception:  # noqa: BLE001  one message that nobody understands must not hold up the others
            _log.exception("a message from %s could not be understood", method.routing_key)
            answers = ()
        for answer in answers:
            _publish(channel, answer)
        channel.basic_ack(method.delivery_tag)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock, suppress(AMQPError, OSError):
            if self._channel is not None:
                self._channel.connection.close()


def _publish(channel: BlockingChannel, message: Message) -> None:
    properties = pika.BasicProperties(
        timestamp=int(time.time()),
        headers=message.headers,
        content_type=message.content_type,
        delivery_mode=_PERSISTENT,
    )
    channel.basic_publish("", message.queue, message.body, properties)
