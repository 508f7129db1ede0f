"""Globus Compute on loopback: a real RabbitMQ, an emulated web service, the real endpoint agent."""

from __future__ import annotations

from tests.services.loopback.missing import missing
from tests.services.loopback.part import DidNotStart
from tests.services.loopback.stack import Loopback

__all__ = ["DidNotStart", "Loopback", "missing"]
