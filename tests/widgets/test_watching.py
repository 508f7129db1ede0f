"""Who drives, as far as it can be told from here."""

from __future__ import annotations

import os

import pytest
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture

from aisteer.journal.events import Actor
from aisteer_widgets import watching
from aisteer_widgets.watching import Watch

DRIVER = Actor("driver", "elsewhere")
HOLDER = {"pid": os.getpid(), "host": "login1", "kind": "aisteer drive"}


@pytest.fixture
def watch(campaign, monkeypatch):
    monkeypatch.setattr(watching, "LOOK_EVERY", 0.0)
    return Watch(campaign)


def test_a_driver_elsewhere_is_looked_for_and_known_by_its_beat(campaign, watch):
    epoch = campaign.journal.take_lease(HOLDER, DRIVER)
    assert watch.driver() == "Looking for its driver…"
    campaign.journal.beat(epoch)
    assert watch.driver() == f"Driven by process {os.getpid()} on login1"


def test_a_driver_that_does_not_beat_is_none(campaign, watch, monkeypatch):
    campaign.journal.take_lease(HOLDER, DRIVER)
    assert watch.driver()
    monkeypatch.setattr(watching, "BEATS", 0.0)
    assert watch.driver() == ""


def test_a_campaign_that_nobody_ever_drove_has_no_driver(watch):
    assert watch.driver() == ""


def test_a_driver_whose_process_is_known_to_be_gone_is_not_looked_for(campaign, watch):
    campaign.journal.take_lease({**HOLDER, "pid": 2**22 + 1}, DRIVER)
    assert watch.driver() == ""
